# SPDX-License-Identifier: GPL-2.0
"""Run long steps: show their progress, write their logs, report their failures."""

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

#: what to tell the user if a folder cannot be written
INSTEAD = {BUILD: "give BUILD=folder to build in another one", CACHE: "give XDG_CACHE_HOME=folder for another cache"}

#: Lines of a build log with the cause of a failure, and lines that only follow from it.
CAUSES = re.compile(r": (fatal )?error:|undefined (reference|symbol)|undefined!|No rule to make|"
                    r"No space left|^E: |ERROR: |multiple definition|syntax error|Traceback|"
                    r"Missing: |warning: ignoring|^\S*Error: ")
EFFECTS = re.compile(r"\*\*\*|\berror\b|cannot |not found", re.I)


class Failure(Exception):
    """A step failed. The text is shown to the user."""

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
    """Return a path as the user would type it."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else str(path)


#: errors that mean that a folder cannot be written
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST,
           errno.ELOOP, errno.ENAMETOOLONG}


def keeps(path, folder, number):
    """Return true if an error at a path means that a folder cannot be written."""
    # mkdir names the first parent that it could not create; for a parent in /proc the error is ENOENT
    if folder.is_relative_to(path):
        return number in REFUSED or number == errno.ENOENT
    return number in REFUSED and path.is_relative_to(folder)


def unwritable(error):
    """Return a Failure for an OSError that the user can correct, else None."""
    if isinstance(error.filename, (str, os.PathLike)):
        path = Path(error.filename).absolute()
        what = f"cannot write {shown(path)}"
        lines = [give for folder, give in INSTEAD.items() if keeps(path, folder, error.errno)]
    else:
        # a write to an open file: the error has no file name
        what = "cannot write"
        lines = list(INSTEAD.values()) if error.errno in REFUSED else []
    reason = "it exists and is not a folder" if error.errno == errno.EEXIST else error.strerror
    return Failure(f"{what}: {reason}", lines=lines) if lines else None


class Progress:
    """Show a step: one updated line on a terminal, a start line and an end line in a log."""

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
    """Return the result of a step that an exception ended. ^C is not a failure."""
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
    """Return the last line of a growing log."""
    with open(path, "rb") as f:
        f.seek(0, os.SEEK_END)
        f.seek(max(0, f.tell() - 400))
        lines = f.read().decode(errors="replace").splitlines()
    return " ".join(lines[-1].split()) if lines else ""


def error_lines(log, limit=25):
    """Return the lines of a failed build's log that say why, or its last lines."""
    lines = [l.rstrip() for l in Path(log).read_text(errors="replace").splitlines()]
    for pattern in (CAUSES, EFFECTS):
        hits = [l for l in lines if pattern.search(l)]
        if hits:
            return hits[:limit]
    return lines[-limit:]


def stop(proc):
    """End a process group, given the process that leads it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(proc.pid, signal.SIGTERM)
    try:
        proc.wait(5)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(proc.pid, signal.SIGKILL)
        proc.wait()


def run(what, argv, log, env=None, cwd=None, check=True, append=False):
    """Run a command as one step, with its output in a log. Return the exit status."""
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
    """Hold the lock of the build folder. A second make waits for it."""
    BUILD.mkdir(parents=True, exist_ok=True)
    # "w" would erase the line that the other make wrote
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
