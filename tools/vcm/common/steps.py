# SPDX-License-Identifier: GPL-2.0
"""Long steps: what is being done, for how long, where its log is, what went wrong."""

import contextlib
import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("BUILD") or REPO / "build").absolute()
LOGS = BUILD / "logs"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "vcm"

#: what to give where these cannot be written
INSTEAD = {BUILD: "give BUILD=folder to build in another one", CACHE: "give XDG_CACHE_HOME=folder for another cache"}

#: Lines of a build log that say why it failed; the rest only says that it did.
CAUSES = re.compile(r": (fatal )?error:|undefined (reference|symbol)|undefined!|No rule to make|"
                    r"No space left|^E: |ERROR: |multiple definition|syntax error|Traceback|"
                    r"Missing: |warning: ignoring|^\S*Error: ")
EFFECTS = re.compile(r"\*\*\*|\berror\b|cannot |not found", re.I)


class Failure(Exception):
    """A step failed; the text is what the user sees."""

    def __init__(self, what, log=None, lines=()):
        super().__init__(what)
        self.log = log
        self.lines = list(lines)

    def show(self):
        print(f"FAILED: {self}", file=sys.stderr)
        for line in self.lines:
            print(f"    {line}", file=sys.stderr)
        if self.log:
            print(f"  log: {shown(self.log)}", file=sys.stderr)
        sys.stderr.flush()


def shown(path):
    """A path as the user would type it."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else str(path)


#: why a folder cannot be written, whatever is to be written there
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST,
           errno.ELOOP, errno.ENAMETOOLONG}


def keeps(path, folder, number):
    """Whether an error at a path keeps us from writing in a folder."""
    # mkdir names the folder on the way that it could not make; /proc has no such folder even then
    if folder.is_relative_to(path):
        return number in REFUSED or number == errno.ENOENT
    return number in REFUSED and path.is_relative_to(folder)


def unwritable(error):
    """The Failure for the user of an OSError that is no fault of the tools, or None."""
    if isinstance(error.filename, (str, os.PathLike)):
        path = Path(error.filename).absolute()
        what = f"cannot write {shown(path)}"
        lines = [give for folder, give in INSTEAD.items() if keeps(path, folder, error.errno)]
    else:
        # a write into an open file, whose name is not told
        what = "cannot write"
        lines = list(INSTEAD.values()) if error.errno in REFUSED else []
    reason = "it is there and is no folder" if error.errno == errno.EEXIST else error.strerror
    return Failure(f"{what}: {reason}", lines=lines) if lines else None


class Progress:
    """One line that lives while a step runs (terminal), or a start and an end line (log)."""

    def __init__(self, what):
        self.what = what
        self.start = time.monotonic()
        self.tty = sys.stdout.isatty()
        self.drawn = 0.0
        if not self.tty:
            print(f"  ... {what}", flush=True)

    def seconds(self):
        return time.monotonic() - self.start

    def update(self, detail=""):
        now = time.monotonic()
        if not self.tty or now - self.drawn < 0.5:
            return
        self.drawn = now
        width = os.get_terminal_size().columns - 1
        line = f"  {self.what}  {self.seconds():4.0f} s  {detail}"
        print("\r\x1b[K" + line[:width], end="", flush=True)

    def end(self, result):
        lead = "\r\x1b[K" if self.tty else ""
        print(f"{lead}  {self.what}: {result}, {self.seconds():.1f} s", flush=True)


def ended_by(why):
    """What a step that an exception ends says: ^C is no failure of its."""
    return "interrupted" if isinstance(why, KeyboardInterrupt) else "FAILED"


@contextlib.contextmanager
def progress(what):
    p = Progress(what)
    try:
        yield p
    except BaseException as why:
        p.end(ended_by(why))
        raise
    p.end("done")


def last_line(path):
    """The last full line of a growing log."""
    with open(path, "rb") as f:
        f.seek(0, os.SEEK_END)
        f.seek(max(0, f.tell() - 400))
        lines = f.read().decode(errors="replace").splitlines()
    return " ".join(lines[-1].split()) if lines else ""


def error_lines(log, limit=25):
    """The lines of a failed build's log that matter, or its end."""
    lines = [l.rstrip() for l in Path(log).read_text(errors="replace").splitlines()]
    for pattern in (CAUSES, EFFECTS):
        hits = [l for l in lines if pattern.search(l)]
        if hits:
            return hits[:limit]
    return lines[-limit:]


def stop(proc):
    """End a process and what it started; it is the leader of its own group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(proc.pid, signal.SIGTERM)
    try:
        proc.wait(5)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(proc.pid, signal.SIGKILL)
        proc.wait()


def run(what, argv, log, env=None, cwd=None, check=True, append=False):
    """Run a command, its output in a log, as one step. Returns the exit status."""
    log = Path(log)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a" if append else "w") as out, progress(what) as p:
        print("$ " + " ".join(map(str, argv)), file=out, flush=True)
        proc = subprocess.Popen([str(a) for a in argv], stdout=out, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, cwd=cwd,
                                env={**os.environ, **(env or {})}, start_new_session=True)
        try:
            while True:
                try:
                    status = proc.wait(0.25)
                    break
                except subprocess.TimeoutExpired:
                    p.update(last_line(log))
        except BaseException:
            stop(proc)
            raise
        if check and status:
            raise Failure(f"{what} (exit status {status})", log, error_lines(log))
    return status


@contextlib.contextmanager
def build_lock(target):
    """Two makes in one build folder would spoil each other's work: the second waits."""
    BUILD.mkdir(parents=True, exist_ok=True)
    # not "w": what the other make wrote is to be read
    with open(BUILD / ".lock", "a+") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            f.seek(0)
            print(f"  waiting for {f.read().strip() or 'another make'} in {shown(BUILD)}", flush=True)
            fcntl.flock(f, fcntl.LOCK_EX)
        f.truncate(0)
        print(f"make {target} (process {os.getpid()})", file=f, flush=True)
        yield
