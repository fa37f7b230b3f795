# SPDX-License-Identifier: GPL-2.0
"""The disk of the demo: seeded data, and whether it is what the rows say in the end."""

import random
import re
import zlib

from common.steps import LOGS

SIZE = 8 << 20
SEED = 2010
#: the demo writes to no disk that does not begin with this
MARK = b"vcm-edu-demo may write to this disk\n"
#: what the demo says that the disk's driver has read and written
MOVED = re.compile(r"disk bytes (\d+) to (\d+) (read|written) by its own driver, crc32 (\w{8})")


class Disk:
    """An image in the log folder; gone once it has been checked."""

    def __init__(self, label):
        self.path = LOGS / f"{label}.disk"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.before = MARK + random.Random(SEED).randbytes(SIZE - len(MARK))
        self.path.write_bytes(self.before)

    def problems(self, rows):
        """What is wrong with the image, or with what the rows say about it."""
        after = self.path.read_bytes()
        self.path.unlink()
        return compare(self.before, after, [m.groups() for row in rows if (m := MOVED.match(row[6]))])


def compare(before, after, moved):
    """Each move in turn, then the image as a whole."""
    problems, expected = [], bytearray(before)
    if not {"read", "written"} <= {how for _, _, how, _ in moved}:
        problems.append("the disk was not read and written")
    for first, last, how, crc in moved:
        part = slice(int(first), int(last) + 1)
        if how == "written":
            expected[part] = after[part]
        if f"{zlib.crc32(expected[part]):08x}" != crc:
            problems.append(f"disk bytes {first} to {last}: not what was {how}")
    if bytes(expected) != after:
        problems.append("the disk changed where nobody wrote")
    return problems
