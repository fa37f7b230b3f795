# SPDX-License-Identifier: GPL-2.0
"""Lay the repository's files over the Linux tree.

A file that the kernel lacks is copied. For a file that the kernel has too, the repository contains
only VCM's lines; they are merged into the pristine file where a reviewer would expect them. Only
files whose content changes are written, so make rebuilds only what changed.
"""

import json
import os
import re
import shutil
import subprocess

from common.steps import REPO, Failure
from tree.base import LINUX

STATE = LINUX / ".vcm"
PRISTINE = STATE / "pristine"
MANIFEST = STATE / "manifest.json"

#: The repository's own files, which are not part of the kernel series.
OWN = re.compile(r"(Makefile|Kconfig|README\.md|COPYING|LICENSE|\.gitignore|\.gitattributes)$|"
                 r"\.ci/|tools/vcm/|out/")


def repo_files():
    """Return every file of the working tree that git tracks or would add; without git, every file."""
    try:
        git = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=REPO,
                             capture_output=True, text=True, check=True)
        names = [n for n in git.stdout.split("\0") if n and (REPO / n).is_file()]
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, dirs, files in os.walk(REPO):
            dirs[:] = [d for d in dirs if d not in (".git", "build", "out", "__pycache__")]
            names += [os.path.relpath(os.path.join(folder, f), REPO) for f in files]
    return sorted(n for n in names if not OWN.match(n))


def merge_before_endmenu(pristine, ours):
    """Insert lines of Kconfig at the end of the menu."""
    head, end, tail = pristine.rpartition("\nendmenu")
    if not end:
        raise ValueError("the kernel's file has no endmenu")
    return head + "\n" + ours.strip("\n") + "\n" + end + tail


def merge_append(pristine, ours):
    """Append lines to a Makefile."""
    return pristine.rstrip("\n") + "\n" + ours.strip("\n") + "\n"


def merge_maintainers(pristine, ours):
    """Insert sections into MAINTAINERS, which is sorted by title."""
    start = pristine.index("\n3C59X NETWORK DRIVER\n") + 1
    sections = re.split(r"\n\n(?=\S)", pristine[start:].rstrip("\n"))
    rest = [s for s in sections if s.startswith("THE REST\n")]
    sections = [s for s in sections if not s.startswith("THE REST\n")]
    for new in re.split(r"\n\n(?=\S)", ours.strip("\n")):
        place = next((i for i, s in enumerate(sections) if s.upper() > new.upper()), len(sections))
        sections.insert(place, new)
    return pristine[:start] + "\n\n".join(sections + rest) + "\n"


def merge_toctree(pristine, ours):
    """Insert entries into a toctree. @ours is the heading above the toctree, then the entries.

    After a line ".. after: name" an entry follows the one of that name, else it goes to the end of the
    toctree. The kernel orders its toctrees by subject.
    """
    heading, *snippet = [l for l in ours.splitlines() if l.strip() and not re.match(r"([=~-])\1*$", l)]
    lines = pristine.splitlines()
    if heading not in lines:
        raise ValueError(f"the kernel's file has no heading {heading!r}")
    first = lines.index(".. toctree::", lines.index(heading)) + 1
    end = first
    while end < len(lines) and (not lines[end] or lines[end].startswith(" ")):
        end += 1
    while not lines[end - 1]:
        end -= 1
    place = end
    for line in snippet:
        if m := re.match(r"\s*\.\. after: (\S+)", line):
            place = lines.index(f"   {m[1]}", first, end) + 1
        else:
            lines.insert(place, f"   {line.strip()}")
            place, end = place + 1, end + 1
    return "\n".join(lines) + "\n"


MERGE = {
    "mm/Kconfig": merge_before_endmenu,
    "drivers/Kconfig": merge_before_endmenu,
    "mm/Makefile": merge_append,
    "drivers/Makefile": merge_append,
    "MAINTAINERS": merge_maintainers,
    "Documentation/core-api/index.rst": merge_toctree,
}


def merged(name):
    keep = PRISTINE / name
    if not keep.exists():
        keep.parent.mkdir(parents=True, exist_ok=True)
        part = keep.with_name(keep.name + ".part")
        shutil.copy2(LINUX / name, part)
        part.rename(keep)
    try:
        return MERGE[name](keep.read_text(), (REPO / name).read_text()).encode()
    except ValueError as e:
        raise Failure(f"{name} cannot be merged: {e}") from e


def write_if_changed(path, content, mode):
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return True


def restore(name):
    """Undo an earlier overlay of a file. Return true if the tree changed."""
    path = LINUX / name
    if (PRISTINE / name).exists():
        return write_if_changed(path, (PRISTINE / name).read_bytes(), 0o644)
    existed = path.exists()
    path.unlink(missing_ok=True)
    for parent in path.parents:
        if parent == LINUX or not parent.is_dir() or any(parent.iterdir()):
            break
        parent.rmdir()
    return existed


def apply():
    """Make the tree match the repository. Print what changed."""
    names = repo_files()
    before = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else []
    for name in names:
        if name not in MERGE and name not in before and (LINUX / name).exists():
            raise Failure(f"{name} exists in the kernel and has no merge rule in tools/vcm/tree/overlay.py")
        if name in MERGE and name not in before and not (LINUX / name).exists():
            raise Failure(f"{name} must be merged, and the kernel has no such file")
    STATE.mkdir(exist_ok=True)
    # the names are recorded first, so the next run knows the files of an interrupted one
    MANIFEST.write_text(json.dumps(sorted({*before, *names})) + "\n")
    changed = [n for n in names
               if write_if_changed(LINUX / n, merged(n) if n in MERGE else (REPO / n).read_bytes(),
                                   (REPO / n).stat().st_mode & 0o777 | 0o444)]
    removed = [n for n in before if n not in names and restore(n)]
    MANIFEST.write_text(json.dumps(names) + "\n")
    what = [*changed, *(f"-{n}" for n in removed)]
    some = ", ".join(what[:4]) + (", ..." if len(what) > 4 else "")
    print(f"  overlay: {len(names)} files, {len(changed)} written, {len(removed)} removed"
          + (f" ({some})" if some else ""), flush=True)
