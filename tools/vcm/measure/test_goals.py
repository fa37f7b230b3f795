# SPDX-License-Identifier: GPL-2.0
"""Goals are judged as written, and shown with their worst cell."""

import unittest

from measure import bench_report, goals
from measure.bench_rows import Cell, Row, Table
from measure.goals import Goal

MIB = 1 << 20


def table(*rows):
    """Return a table of rows of subject, state, size, live, who and value."""
    return Table([Row(Cell(*row[:4]), *row[4:]) for row in rows])


def both(own, other, size=4096, state="contiguous", subject="bind"):
    return (subject, state, size, 1, "vcm", own), (subject, state, size, 1, "peer", other)


def met(goal, *rows):
    return [one.met() for one in goals.judge(table(*rows), goal)]


class Judged(unittest.TestCase):
    def test_at_most(self):
        goal = Goal("bind", 1.10, peer="peer")
        self.assertEqual([True], met(goal, *both(110, 100)))
        self.assertEqual([False], met(goal, *both(111, 100)))

    def test_below(self):
        goal = Goal("bind", 1.0, peer="peer", below=True)
        self.assertEqual([False], met(goal, *both(100, 100)))
        self.assertEqual([True], met(goal, *both(99, 100)))

    def test_a_number(self):
        goal = Goal("bind", 1500, below=True)
        self.assertEqual([True], met(goal, *both(1499, 1)))
        self.assertEqual([False], met(goal, *both(1500, 1)))

    def test_growth(self):
        goal = Goal("bind", 2.2, growth_from=1000, where=lambda cell: cell.live == 1000000)
        few = ("bind", "fresh", 4096, 1000, "vcm", 100)
        self.assertEqual([True], met(goal, few, ("bind", "fresh", 4096, 1000000, "vcm", 220)))
        self.assertEqual([False], met(goal, few, ("bind", "fresh", 4096, 1000000, "vcm", 221)))
        self.assertEqual([], met(goal, ("bind", "fresh", 4096, 1000000, "vcm", 221)))

    def test_each_own_way_counts(self):
        goal = Goal("bind", 1.0, peer="peer", own=("vcm", "vcm-reserve"))
        self.assertEqual([True, False], met(goal, *both(100, 100), ("bind", "contiguous", 4096, 1, "vcm-reserve", 101)))

    def test_each_has_words(self):
        for goal, words in ((Goal("bind", 1.1, peer="floor"), "at most 1.1 x floor"),
                            (Goal("bind", 1, peer="floor", below=True, place="in blocks"), "in blocks: below floor"),
                            (Goal("bind", 2.2, growth_from=1000), "at most 2.2 x that of 1000 live"),
                            (Goal("bind", 1500, below=True), "below 1500")):
            self.assertEqual(words, goal.text())

    def test_without_the_peer_there_is_nothing_to_judge(self):
        self.assertEqual([], met(Goal("bind", 1.0, peer="other"), *both(1, 1)))

    def test_where(self):
        pages, blocks = (lambda state, size, of=of: of(Cell("map+unmap", state, size, 1))
                         for of in (goals.in_pages, goals.in_blocks))
        for state, size, as_pages, as_blocks in (("contiguous", 4096, False, False), ("contiguous", MIB, True, False),
                                                 ("contiguous", 2 * MIB, False, True), ("2M", 16 * MIB, False, True),
                                                 ("64K", 16 * MIB, True, False), ("4K", MIB, True, False),
                                                 ("4K", 65536, False, False)):
            with self.subTest(state=state, size=size):
                self.assertEqual((as_pages, as_blocks), (pages(state, size), blocks(state, size)))


class Told(unittest.TestCase):
    def rows(self, *dear):
        """Return rows with VCM's costs at 4 KiB and 2 MiB; the peer's cost is 1000."""
        return [row for size, own in zip((4096, 2 * MIB), dear) for who, cost in (("vcm", own), ("dma_iova", 1000))
                for row in (("bind", "contiguous", size, 1, who, cost), ("unbind", "contiguous", size, 1, who, 0))]

    def line(self, *dear):
        lines = bench_report.summary(table(*self.rows(*dear)))
        return next(line for line in lines if line.startswith("| Bind") and "dma_iova" in line)

    def test_met(self):
        self.assertTrue(self.line(900, 990).endswith("| 990 / 1 000 = 0.990 | contiguous, 2 MiB | met |"))

    def test_missed_where_it_is_worst(self):
        self.assertTrue(self.line(1200, 900).endswith("| 1 200 / 1 000 = 1.200 | contiguous, 4 KiB | not met in 1 of 2 |"))

    def test_every_cell_is_in_the_report(self):
        text = bench_report.report(table(*self.rows(1200, 900), ("walk", "odd", 4096, 1, "vcm", 77)))
        self.assertIn("| contiguous | 4 KiB | 1 | 1 200 | 1 000 (1.20) | below dma_iova | not met: below dma_iova |", text)
        self.assertIn("| contiguous | 2 MiB | 1 | 900 | 1 000 (0.90) | below dma_iova | met |", text)
        self.assertIn("| odd | 4 KiB | 1 | 77 |", text)
        self.assertEqual(1, text.count(bench_report.NOTE))

    def test_what_was_not_measured_is_said(self):
        lines = bench_report.summary(table())
        self.assertEqual(sum(len(topic.goals) for topic in goals.TOPICS), sum("not measured" in l for l in lines))


if __name__ == "__main__":
    unittest.main()
