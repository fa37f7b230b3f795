# SPDX-License-Identifier: GPL-2.0
"""The check of the demo's disk finds each kind of error."""

import unittest
import zlib

from machine import disk

BEFORE = bytes(range(64))


def moved(first, last, how, data):
    return (str(first), str(last), how, f"{zlib.crc32(data):08x}")


class Compare(unittest.TestCase):
    def setUp(self):
        self.after = bytearray(BEFORE)
        self.after[16:32] = b"x" * 16
        self.good = [moved(0, 15, "read", BEFORE[:16]), moved(16, 31, "written", b"x" * 16),
                     moved(16, 31, "read", b"x" * 16)]

    def test_good(self):
        self.assertEqual([], disk.compare(BEFORE, bytes(self.after), self.good))

    def test_wrong_read(self):
        self.good[0] = moved(0, 15, "read", b"y" * 16)
        self.assertEqual(1, len(disk.compare(BEFORE, bytes(self.after), self.good)))

    def test_lost_write(self):
        self.assertEqual(2, len(disk.compare(BEFORE, BEFORE, self.good)))

    def test_stray_write(self):
        self.after[40] ^= 1
        self.assertEqual(["the disk changed outside the written bytes"],
                         disk.compare(BEFORE, bytes(self.after), self.good))

    def test_nothing_moved(self):
        self.assertTrue(disk.compare(BEFORE, BEFORE, []))

    def test_row(self):
        self.assertTrue(disk.MOVED.match("disk bytes 0 to 1048575 read by its own driver, crc32 0123abcd"))
