# SPDX-License-Identifier: GPL-2.0
"""Apply the series to a Linux tree with git am, as a maintainer would."""

import hashlib
import json
import re
import shutil

from common.steps import LOGS, Failure, progress, run
from series import patches
from tree import base, overlay

TREE = patches.FOLDER / "linux"
STAMP = patches.FOLDER / "linux.base"


def mark(folder):
    """Return a hash of the tree's base. If it changes, the tree is copied again."""
    files = "".join(patches.pristine(folder, name) for name in sorted(overlay.MERGE))
    what = base.STAMP.read_text() if folder == base.LINUX else f"{folder} {base.version(folder)}"
    return hashlib.sha256((what + files).encode()).hexdigest()


def take_back(folder):
    """Remove the overlay from the copied tree."""
    laid = json.loads(overlay.MANIFEST.read_text()) if overlay.MANIFEST.exists() else []
    for name in laid if folder == base.LINUX else ():
        path = TREE / name
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if parent == TREE or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()
    for name in overlay.MERGE:
        text = patches.pristine(folder, name)
        # unlink first: the file may be a hard link shared with the source of the copy
        (TREE / name).unlink(missing_ok=True)
        (TREE / name).write_text(text)


def copy(folder):
    """Copy the base without its builds. Files of build/linux become hard links."""
    STAMP.unlink(missing_ok=True)
    TREE.mkdir(parents=True, exist_ok=True)
    link = [f"--link-dest={folder}"] if folder == base.LINUX else []
    run(f"copying Linux {base.version(folder)}",
        ["rsync", "-a", "--delete", *link, "--exclude=/out-*", "--exclude=/.vcm", "--exclude=.git",
         f"{folder}/", f"{TREE}/"], LOGS / "series-copy.log")
    take_back(folder)


def prepare(folder):
    """Prepare the tree at its base. Return its repository, which tracks the files that the series changes."""
    git = patches.Git(patches.FOLDER / "linux.git", TREE, patches.author(None))
    if STAMP.exists() and STAMP.read_text() == mark(folder) and git.home.exists():
        git.run("am", "--abort", check=False)
        if not git.run("checkout", "-qf", "-B", "series", "base", check=False).returncode:
            return git
    copy(folder)
    shutil.rmtree(git.home, ignore_errors=True)
    git.create()
    git.run("tag", "base")
    STAMP.write_text(mark(folder))
    return git


def hunk(file, path, line):
    """Return the hunk of a patch that git names by file and line."""
    found = re.search(rf"^diff --git a/{re.escape(path)} .*?(^@@ -{line}\b.*?)(?=^@@ |^diff --git |^-- $)",
                      file.read_text(), re.M | re.S)
    return found[1].splitlines() if found else []


def refusal(git, file):
    """Return git's messages about a patch, each with the hunk that does not apply."""
    out = git.run("apply", "--check", file, check=False).stderr.splitlines()
    lines = []
    for said in out:
        lines.append(said)
        if m := re.match(r"error: patch failed: (.+):(\d+)$", said):
            lines += [f"    {line}" for line in hunk(file, m[1], m[2])]
    return lines


def apply(git, files):
    """Apply the patches with git am. Return the commits, oldest first."""
    with progress(f"git am, {len(files)} patches"):
        for file in files:
            if git.run("am", "-q", file, check=False).returncode:
                git.run("am", "--abort", check=False)
                raise Failure(f"{file.name} does not apply to Linux {base.version(TREE)}",
                              lines=[*refusal(git, file), "make series BASE=... writes the series for another tree"])
    return git.run("rev-list", "--reverse", "base..series").stdout.split()


def check_out(git, commit):
    git.run("checkout", "-q", "--detach", commit)
