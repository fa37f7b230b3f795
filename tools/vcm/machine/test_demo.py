# SPDX-License-Identifier: GPL-2.0
"""Checks that the tool makes of the demo's rows."""

import unittest

from common import steps
from machine import boot, demo

LINES = ["[    0.000000] Reserved memory: created CMA memory pool at 0x0000000080000000, size 16 MiB"]


def rows(buffer, other):
    return [["cma", "vcm-cma", "1048576", "1", hex(buffer), "-",
             f"from the CMA area that dma_alloc_coherent() takes 1048576 bytes from, at {other:#018x}", "ok"]]


class Cma(unittest.TestCase):
    def test_inside(self):
        self.assertEqual([], demo.outside_cma(LINES, rows(0x80000000, 0x80f00000)))

    def test_outside(self):
        self.assertEqual(1, len(demo.outside_cma(LINES, rows(0x7fff0000, 0x80f00000))))
        self.assertEqual(1, len(demo.outside_cma(LINES, rows(0x80000000, 0x80f01000))))
        self.assertEqual(2, len(demo.outside_cma([], rows(0x80000000, 0x80f00000))))

    def test_no_addresses(self):
        """A row whose text names no address is not a good one."""
        row = rows(0x80000000, 0x80f00000)[0]
        self.assertEqual(["point cma names no memory of the DMA API: from the area"],
                         demo.outside_cma(LINES, [[*row[:6], "from the area", "ok"]]))


class Verdict(unittest.TestCase):
    """The last line of a good run."""

    def of(self, *machines):
        return demo.verdict([demo.Shown(m, boot.Boot(steps.LOGS / f"run-{m}.log", [], [], [], 1.0), [])
                             for m in machines])

    def test_many(self):
        logs = steps.shown(steps.LOGS / "run-*.log")
        self.assertEqual(f"3 machines, all points ok; console logs: {logs}; next: make shell MACHINE=smmuv3",
                         self.of("smmuv3", "virtio-iommu", "none"))

    def test_one(self):
        log = steps.shown(steps.LOGS / "run-none.log")
        self.assertEqual(f"1 machine, all points ok; console log: {log}; next: make shell MACHINE=none",
                         self.of("none"))


if __name__ == "__main__":
    unittest.main()
