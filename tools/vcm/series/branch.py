# SPDX-License-Identifier: GPL-2.0
"""A Linux tree with the series on it, applied by git am as a maintainer would."""

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
    """What the tree is made of; anything else makes it anew."""
    files = "".join(patches.pristine(folder, name) for name in sorted(overlay.MERGE))
    what = base.STAMP.read_text() if folder == base.LINUX else f"{folder} {base.version(folder)}"
    return hashlib.sha256((what + files).encode()).hexdigest()


def take_back(folder):
    """What the overlay has laid over the tree that was copied."""
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
        # never through a link that it shares with the tree it was copied from
        (TREE / name).unlink(missing_ok=True)
        (TREE / name).write_text(text)


def copy(folder):
    """The base, without what was built in it; files of build/linux are shared with it."""
    STAMP.unlink(missing_ok=True)
    TREE.mkdir(parents=True, exist_ok=True)
    link = [f"--link-dest={folder}"] if folder == base.LINUX else []
    run(f"copying Linux {base.version(folder)}",
        ["rsync", "-a", "--delete", *link, "--exclude=/out-*", "--exclude=/.vcm", "--exclude=.git",
         f"{folder}/", f"{TREE}/"], LOGS / "series-copy.log")
    take_back(folder)


def prepare(folder):
    """The tree at its base. Returns its repository, which knows the files that the series touches."""
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
    """The hunk of a patch that git names by its file and line."""
    found = re.search(rf"^diff --git a/{re.escape(path)} .*?(^@@ -{line}\b.*?)(?=^@@ |^diff --git |^-- $)",
                      file.read_text(), re.M | re.S)
    return found[1].splitlines() if found else []


def refusal(git, file):
    """Which hunks of a patch do not apply."""
    out = git.run("apply", "--check", file, check=False).stderr.splitlines()
    lines = []
    for said in out:
        lines.append(said)
        if m := re.match(r"error: patch failed: (.+):(\d+)$", said):
            lines += [f"    {line}" for line in hunk(file, m[1], m[2])]
    return lines


def apply(git, files):
    """git am of the patches. Returns the commits, oldest first."""
    with progress(f"git am, {len(files)} patches"):
        for file in files:
            if git.run("am", "-q", file, check=False).returncode:
                git.run("am", "--abort", check=False)
                raise Failure(f"{file.name} does not apply to Linux {base.version(TREE)}",
                              lines=[*refusal(git, file), "make series BASE=... writes the series for another tree"])
    return git.run("rev-list", "--reverse", "base..series").stdout.split()


def check_out(git, commit):
    git.run("checkout", "-q", "--detach", commit)
