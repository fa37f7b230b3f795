# SPDX-License-Identifier: GPL-2.0
"""Find the patch of the series that a file, a Kconfig block or a line of a Makefile belongs to.

manifest.txt has the name of each patch at the start of a line. The indented lines below it say what the
patch contains. A path alone is a file, or all of VCM's lines in a file that the kernel has too. A path
with names after a colon is a part of a file that several patches share: Kconfig blocks by their
symbols, lines of a Makefile by their objects or folders.
"""

import re
from dataclasses import dataclass, field

from common.steps import REPO, Failure
from tree import overlay

FOLDER = REPO / "tools/vcm/series"
MANIFEST = FOLDER / "manifest.txt"


@dataclass
class Patch:
    """A patch: its name, the files that are its own, and parts of others by path."""
    name: str
    files: list = field(default_factory=list)
    parts: dict = field(default_factory=dict)


def read(text):
    """Return the patches of a manifest."""
    patches = []
    for number, line in enumerate(text.splitlines(), 1):
        line, indented = line.split("#")[0].rstrip(), line[:1].isspace()
        if not line:
            continue
        if not indented:
            patches.append(Patch(line))
        elif not patches:
            raise Failure(f"{MANIFEST.name}:{number}: a file before the first patch")
        else:
            path, _, names = line.strip().partition(":")
            if names:
                patches[-1].parts.setdefault(path, []).extend(names.split())
            else:
                patches[-1].files.append(path)
    return patches


def kconfig_units(text):
    """Return (symbols, lines) of each block. A comment belongs to the next block; if and endif have no symbols."""
    units, comment = [], []
    for line in text.splitlines(True):
        start = re.match(r"(?:(?:menu)?config (\w+)|if|endif)\b", line)
        if line.startswith("#"):
            comment.append(line)
        elif start or not units:
            units.append(([start[1]] if start and start[1] else [], [*comment, line]))
            comment = []
        else:
            units[-1][1].extend([*comment, line])
            comment = []
    return units


def makefile_units(text):
    """Return (objects, lines) of each statement with its continuation lines. Others have no objects."""
    units, more = [], False
    for line in text.splitlines(True):
        if more:
            units[-1][1].append(line)
        else:
            units.append(([], [line]))
        more = line.endswith("\\\n")
    return [(re.findall(r"\S+(?:\.o|/)(?=\s)", "".join(lines).partition("=")[2]), lines) for _, lines in units]


def is_opening(unit):
    return re.match(r"if", unit[1][-1] if unit[1][0].startswith("#") else unit[1][0])


def without_empty(units):
    """Remove conditions that enclose nothing."""
    kept = []
    for unit in units:
        if unit[1][0].startswith("endif") and kept and is_opening(kept[-1]):
            kept.pop()
        else:
            kept.append(unit)
    return kept


#: files of which several patches contain a part
SPLIT = {"mm/Kconfig": kconfig_units, "drivers/vcm/Kconfig": kconfig_units,
         "mm/Makefile": makefile_units, "drivers/vcm/Makefile": makefile_units}


def part(path, text, names):
    """Return a file reduced to these entries, or an empty text if it has none of them."""
    units = [unit for unit in SPLIT[path](text) if not unit[0] or set(unit[0]) & set(names)]
    units = without_empty(units)
    if not any(unit[0] for unit in units):
        return ""
    return "".join(line for unit in units for line in unit[1]).rstrip("\n") + "\n"


def entries(path):
    """Return the names in a file that is split, in groups that stay together."""
    return [unit[0] for unit in SPLIT[path]((REPO / path).read_text()) if unit[0]]


def owners(patches):
    """Return (path, name or None) -> the patches that contain it."""
    found = {}
    for patch in patches:
        for path in patch.files:
            found.setdefault((path, None), []).append(patch.name)
        for path, names in patch.parts.items():
            for name in names:
                found.setdefault((path, name), []).append(patch.name)
    return found


def wanted(files):
    """Return (path, name or None) of everything that the patches must contain."""
    return {(path, name) for path in files
            for name in ([n for group in entries(path) for n in group] if path in SPLIT else [None])}


def complaints(patches, files):
    """Return what is wrong with a manifest, given the files that the series adds."""
    have, want = owners(patches), wanted(files)

    def called(key):
        return f"{key[0]}: {key[1]}" if key[1] else key[0]

    lines = [f"{called(key)} is in no patch" for key in sorted(want - have.keys(), key=called)]
    lines += [f"{called(key)} of {', '.join(have[key])} does not exist" for key in have if key not in want]
    lines += [f"{called(key)} is in {' and '.join(by)}" for key, by in have.items() if len(by) > 1]
    for path in SPLIT:
        for group in entries(path) if path in files else []:
            by = {tuple(have.get((path, name), ())) for name in group}
            if len(by) > 1:
                lines.append(f"{path}: {' '.join(group)} must be in one patch and are in several")
    return lines


def load():
    """Return the patches, or raise a Failure that says what is wrong with the manifest."""
    patches = read(MANIFEST.read_text())
    lines = complaints(patches, overlay.repo_files())
    if lines:
        raise Failure("the series is not complete; correct tools/vcm/series/manifest.txt", lines=lines)
    return patches


def content(path, names, pristine):
    """Return a file after a patch. @names: its entries so far, None for all; @pristine: its text in the base."""
    text = (REPO / path).read_text()
    if names is not None:
        text = part(path, text, names)
    if path not in overlay.MERGE or not text:
        return text or pristine
    try:
        return overlay.MERGE[path](pristine, text)
    except ValueError as why:
        raise Failure(f"{path} of this base cannot take VCM's lines: {why}") from why
