# SPDX-License-Identifier: GPL-2.0
"""make series: write the series as files to send."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from common.steps import BUILD, REPO, Failure, progress, shown
from series import manifest, messages
from tree import base, overlay

FOLDER = BUILD / "series"
OUT = REPO / "out"
SIGNOFF = re.compile(r"([^<>]+?) <([^<>@\s]+@[^<>@\s]+)>$")


def settings():
    """Return VERSION and SIGNOFF. Raise Failure if one is invalid."""
    version, signoff = os.environ.get("VERSION") or "1", os.environ.get("SIGNOFF") or None
    if not re.match(r"[1-9]\d*$", version):
        raise Failure(f"VERSION={version} is not a number from 1 on")
    if signoff and not SIGNOFF.match(signoff):
        raise Failure(f"SIGNOFF={signoff} is not of the form Name <mail>")
    return int(version), signoff


def tree():
    """Return the Linux tree that the series is for: BASE, or build/linux."""
    given = os.environ.get("BASE")
    if not given:
        return base.LINUX
    folder = Path(given).expanduser().resolve()
    if not (folder / "mm/Kconfig").exists():
        raise Failure(f"BASE={folder} is not a Linux tree")
    if (folder / ".config").exists():
        raise Failure(f"BASE={folder} was built in place; give a clean tree (make mrproper)")
    return folder


def pristine(folder, name):
    """Return the text of a file that the kernel has too, without VCM's lines."""
    kept = overlay.PRISTINE / name
    path = kept if folder == base.LINUX and kept.exists() else folder / name
    if not path.exists():
        raise Failure(f"{name} gets lines of VCM, and {folder} has no such file")
    return path.read_text()


def configured(key):
    """Return a value of this repository's git configuration."""
    out = subprocess.run(["git", "config", key], cwd=REPO, capture_output=True, text=True)
    return out.stdout.strip()


def author(signoff):
    """Return name and mail of the patches' author."""
    if signoff:
        return SIGNOFF.match(signoff).groups()
    return configured("user.name") or "Sender", configured("user.email") or "sender@example.org"


def date():
    """Return the time of the last commit, so that the same tree gives the same files."""
    out = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=REPO, capture_output=True, text=True)
    return int(out.stdout.strip() or 0)


class Git:
    """A private repository for the series, which ignores the user's configuration."""

    def __init__(self, home, work, who):
        self.home, self.work = home, work
        name, mail = who
        self.env = {**os.environ, "GIT_DIR": str(home), "GIT_WORK_TREE": str(work),
                    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
                    "GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail,
                    "GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": mail}

    def run(self, *words, text=None, check=True):
        out = subprocess.run(["git", *map(str, words)], cwd=self.work, env=self.env, input=text,
                             capture_output=True, text=True)
        if check and out.returncode:
            raise Failure(f"git {words[0]}", lines=(out.stderr or out.stdout).splitlines())
        return out

    def create(self):
        """Create it with one commit, of the files that the series changes."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.run("init", "-q", "-b", "series")
        self.run("add", "-f", "--", *sorted(overlay.MERGE))
        self.commit("base", 0)

    def commit(self, message, when):
        self.env["GIT_AUTHOR_DATE"] = self.env["GIT_COMMITTER_DATE"] = f"@{when} +0000"
        self.run("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-", text=message)


def signed(path, text, signoff):
    """Return a file with the sender entered as its maintainer."""
    if path == "MAINTAINERS":
        title = (REPO / path).read_text().splitlines()[0]
        return text.replace(f"\n{title}\n", f"\n{title}\nM:\t{signoff}\n")
    if "/bindings/" in path:
        return re.sub(r"(?<=^maintainers:\n)  - .*", f"  - {signoff}", text, flags=re.M)
    return text


def write(path, text):
    """Write a file of the temporary tree, unless it is unchanged or the text is empty."""
    if text and not (path.exists() and path.read_text() == text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def commit_each(git, folder, patches, rows, signoff):
    """Make a commit for each patch of the manifest."""
    so_far, when = {}, date() - len(patches)
    for number, patch in enumerate(patches):
        whole = {path: None for path in patch.files}
        for path, names in patch.parts.items():
            so_far.setdefault(path, []).extend(names)
            whole[path] = so_far[path]
        for path, names in whole.items():
            before = pristine(folder, path) if path in overlay.MERGE else ""
            text = manifest.content(path, names, before)
            write(git.work / path, signed(path, text, signoff) if signoff else text)
        git.run("add", "-f", "--", *whole)
        message = messages.message(patch, rows)
        git.commit(message + (f"\nSigned-off-by: {signoff}\n" if signoff else ""), when + number)


def fill_cover(file, subject, body):
    text = file.read_text()
    file.write_text(text.replace("*** SUBJECT HERE ***", subject).replace("*** BLURB HERE ***\n", body))


def make(out, folder, version=1, signoff=None):
    """Write the cover letter and the patches to a folder. Return the files of the patches."""
    patches = manifest.load()
    rows, source = messages.figures()
    cover = messages.cover(version, base.version(folder), rows, source)
    with progress(f"{len(patches)} patches for Linux {base.version(folder)}"):
        work = FOLDER / "files"
        shutil.rmtree(work, ignore_errors=True)
        for name in overlay.MERGE:
            write(work / name, pristine(folder, name))
        git = Git(FOLDER / "files.git", work, author(signoff))
        git.create()
        commit_each(git, folder, patches, rows, signoff)
        out.mkdir(parents=True, exist_ok=True)
        for old in out.glob("*.patch"):
            old.unlink()
        git.run("format-patch", "-q", "--cover-letter", "--no-renames", "--zero-commit", "-o", out,
                *([f"--subject-prefix=PATCH v{version}"] if version > 1 else []), f"HEAD~{len(patches)}")
    letter, *files = sorted(out.glob("*.patch"))
    fill_cover(letter, *cover)
    return files


def lines(file):
    """Return the number of lines that a patch adds."""
    return sum(line.startswith("+") and not line.startswith("+++") for line in file.read_text().splitlines())


def series():
    """Run make series."""
    version, signoff = settings()
    if not shutil.which("git"):
        raise Failure("git is missing and has to write the patches: install it (make deps)")
    out = OUT / f"v{version}"
    for file in make(out, tree(), version, signoff):
        print(f"  {lines(file):6} lines  {file.name}")
    print(f"written to {shown(out)}; make series-check checks them")
    if not signoff:
        print('The patches have no sign-off and no maintainer: the sender must add them '
              '(SIGNOFF="Name <mail>").')
