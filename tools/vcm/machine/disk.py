# SPDX-License-Identifier: GPL-2.0
"""The demo's disk: create it with seeded data, and compare it with the demo's rows."""

import random
import re
import zlib

from common.steps import LOGS

SIZE = 8 << 20
SEED = 2010
#: the demo only writes to a disk that begins with this
MARK = b"vcm-edu-demo may write to this disk\n"
#: what a row says about bytes that the disk's driver read or wrote
MOVED = re.compile(r"disk bytes (\d+) to (\d+) (read|written) by its own driver, crc32 (\w{8})")


class Disk:
    """An image in the log folder. problems() removes it."""

    def __init__(self, label):
        self.path = LOGS / f"{label}.disk"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.before = MARK + random.Random(SEED).randbytes(SIZE - len(MARK))
        self.path.write_bytes(self.before)

    def problems(self, rows):
        """Compare the image with the rows. Return what is wrong."""
        after = self.path.read_bytes()
        self.path.unlink()
        return compare(self.before, after, [m.groups() for row in rows if (m := MOVED.match(row[6]))])


def compare(before, after, moved):
    """Check each transfer in turn, then the whole image. Return what is wrong."""
    problems, expected = [], bytearray(before)
    if not {"read", "written"} <= {how for _, _, how, _ in moved}:
        problems.append("the disk was not read and written")
    for first, last, how, crc in moved:
        part = slice(int(first), int(last) + 1)
        if how == "written":
            expected[part] = after[part]
        if f"{zlib.crc32(expected[part]):08x}" != crc:
            problems.append(f"disk bytes {first} to {last} differ from what was {how}")
    if bytes(expected) != after:
        problems.append("the disk changed outside the written bytes")
    return problems
