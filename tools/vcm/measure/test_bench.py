# SPDX-License-Identifier: GPL-2.0
"""The benchmark's rows are read as printed, and rows over their budget are found."""

import contextlib
import io
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from common import readme
from common.steps import Failure
from kernel import images
from machine import boot
from measure import bench, bench_report, bench_rows, budget
from measure.bench_rows import Cell
from verify import gate
from verify.results import Results

LOG = ["[    0.2] vcm_bench: reading the clock takes 50, 128 devices",
       "[    0.3] vcm_bench: VCM-BENCH: map,4K,65536,1,vcm,1000",
       "[    0.3] vcm_bench: VCM-BENCH: unmap,4K,65536,1,vcm,500",
       "[    0.3] vcm_bench: VCM-BENCH: map,4K,65536,1,floor,900",
       "[    0.3] vcm_bench: VCM-BENCH: unmap,4K,65536,1,floor,400",
       "[    0.3] vcm_bench: VCM-BENCH: bind,4K,65536,1,vcm,800"]
ROWS = bench_rows.parse(LOG)


def changed(factor, rows=None):
    return [row._replace(value=round(row.value * factor)) for row in rows or ROWS]


class Rows(unittest.TestCase):
    def test_what_is_printed_is_read(self):
        self.assertEqual(5, len(ROWS))
        self.assertEqual((Cell("map", "4K", 65536, 1), "vcm", 1000), ROWS[0])

    def test_a_torn_row_is_noticed(self):
        for text in ("VCM-BENCH: map,4K,65536,1,vcm", "VCM-BENCH: map,4K,65536,1,vcm,many"):
            with self.subTest(text=text), self.assertRaises(Failure):
                bench_rows.parse([text])

    def test_a_row_that_is_there_twice_is_noticed(self):
        with self.assertRaises(Failure):
            bench_rows.parse([LOG[1], LOG[1]])

    def test_a_file_keeps_them(self):
        with tempfile.TemporaryDirectory() as folder:
            bench_rows.write(Path(folder) / "rows.csv", ROWS)
            self.assertEqual(ROWS, bench_rows.read(Path(folder) / "rows.csv"))

    def test_structures_of_any_size_are_compared(self):
        rows = bench_rows.parse(["VCM-BENCH: bytes,part,16,1,vcm,16", "VCM-BENCH: bytes,part,32,1,scatterlist,32"])
        self.assertEqual({"vcm": 16, "scatterlist": 32}, bench_rows.Table(rows).at(Cell("bytes", "part", 0, 1)))

    def test_whose_they_are(self):
        self.assertEqual([True, True, False, False],
                         [bench_rows.is_own(who) for who in ("vcm", "vcm-reserve", "vcmx", "floor")])

    def test_sums_have_all_their_parts(self):
        table = bench_rows.Table(ROWS)
        self.assertEqual({"vcm": 1500, "floor": 1300}, table.at(Cell("map+unmap", "4K", 65536, 1)))
        self.assertEqual([], table.cells("bind+unbind"))

    def test_any_state_stands_for_each(self):
        table = bench_rows.Table([*ROWS, bench_rows.row("map,any,65536,1,hand,7".split(","))])
        self.assertEqual(7, table.at(ROWS[0].cell)["hand"])
        self.assertEqual(["vcm", "floor", "hand"], table.who("map"))
        self.assertEqual([ROWS[0].cell], table.cells("map"))


class Budgets(unittest.TestCase):
    def complaints(self, budgets, rows):
        return [line for lines in budget.compare(budgets, rows)[0].values() for line in lines]

    def test_what_is_within_passes(self):
        bad, slack = budget.compare(budget.own(ROWS), changed(1.02))
        self.assertEqual(({"map": [], "unmap": [], "bind": []}, []), (bad, slack))

    def test_what_is_over_fails_with_its_name(self):
        lines = self.complaints(budget.own(ROWS), changed(1.03))
        self.assertEqual(3, len(lines))
        self.assertEqual("map,4K,65536,1,vcm: 1030, 3.0% over its budget of 1000", lines[0])

    def test_small_numbers_have_no_slack(self):
        budgets = [ROWS[0]._replace(value=2)]
        self.assertEqual(1, len(self.complaints(budgets, [ROWS[0]._replace(value=3)])))
        budgets = [ROWS[0]._replace(value=0)]
        self.assertEqual(1, len(self.complaints(budgets, [ROWS[0]._replace(value=1)])))
        self.assertEqual(0, len(self.complaints(budgets, budgets)))

    def test_a_peer_has_no_budget(self):
        dearer = [row if bench_rows.is_own(row.who) else row._replace(value=9999) for row in ROWS]
        self.assertEqual([], self.complaints(budget.own(ROWS), dearer))

    def test_a_missing_row_fails(self):
        self.assertIn("was not measured", self.complaints(budget.own(ROWS), ROWS[1:])[0])

    def test_a_missing_budget_fails(self):
        self.assertIn("has no budget", self.complaints(budget.own(ROWS)[1:], ROWS)[0])

    def test_what_was_won_is_told(self):
        self.assertEqual(0, len(budget.compare(budget.own(ROWS), changed(0.95))[1]))
        self.assertEqual(3, len(budget.compare(budget.own(ROWS), changed(0.94))[1]))


class WithFile(unittest.TestCase):
    """Tests with private files for the budgets and the documents."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for target, name, file in ((budget, "FILE", "budget.csv"), (readme, "README", "README.md"),
                                   (readme, "RATIONALE", "rationale.rst")):
            patch = mock.patch.object(target, name, self.folder / file)
            patch.start()
            self.addCleanup(patch.stop)

    def test_no_file_says_what_makes_it(self):
        with self.assertRaisesRegex(Failure, "BUDGET=write"):
            budget.read()

    def test_a_part_keeps_what_was_not_measured(self):
        part = changed(2, [row for row in ROWS if row.cell.subject == "bind"])
        budget.write(ROWS)
        budget.write(part)
        self.assertEqual(part, budget.read())
        budget.write(ROWS)
        budget.write(part, part=True)
        self.assertEqual({"map": 1000, "unmap": 500, "bind": 1600},
                         {row.cell.subject: row.value for row in budget.read()})

    def test_a_part_is_compared_with_its_own_subjects(self):
        budget.write(ROWS)
        part = [row for row in ROWS if row.cell.subject == "bind"]
        with contextlib.redirect_stdout(io.StringIO()):
            bench.compare(part, only="mapping")
            with self.assertRaises(Failure):
                bench.compare(part, only=None)

    def test_wall_time_is_not_compared(self):
        """A part without budgets says so, instead of that all its rows are within them."""
        budget.write(ROWS)
        rows = bench_rows.parse(["VCM-BENCH: threads,4K,65536,2,vcm,100"])
        with contextlib.redirect_stdout(io.StringIO()) as out:
            bench.compare(rows, only="threads")
        self.assertEqual("nothing compared: wall time has no budget\n", out.getvalue())

    def gated(self, lines, problems=()):
        """Return the gate's results for a console log."""
        results = Results()
        booted = boot.Boot(self.folder / "log", lines, [], list(problems), 1.0)
        with (mock.patch.object(boot, "boot", lambda *_, **how: booted), mock.patch.object(images, "build_bench"),
              contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()),
              results.section("benchmark")):
            gate.benchmark(results)
        return results

    def test_the_gate_counts_each_subject(self):
        budget.write(ROWS)
        results = self.gated(LOG)
        self.assertEqual((3, []), (results.passed, results.failed))
        self.assertEqual(["benchmark: bind"], self.gated(LOG[:-1]).failed)

    def test_the_gate_does_not_take_a_console_that_is_bad(self):
        budget.write(ROWS)
        self.assertEqual(["benchmark"], self.gated(LOG, ["no end after 900 s"]).failed)
        self.assertEqual(["benchmark"], self.gated(LOG[:1]).failed)

    def test_the_gate_leaves_out_what_it_does_not_measure(self):
        budget.write([*ROWS, ROWS[0]._replace(cell=ROWS[0].cell._replace(live=1000000))])
        self.assertEqual([], self.gated(LOG).failed)

    def test_both_files_are_written_where_they_have_the_markers(self):
        readme.README.write_text("nothing\n")
        readme.RATIONALE.write_text("nothing\n")
        self.assertEqual([], readme.quote("new\n", "new\n"))
        readme.README.write_text("a\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nb\n")
        readme.RATIONALE.write_text("a\n\n.. bench: begin\n\nold\n\n.. bench: end\n\nb\n")
        self.assertEqual([readme.README, readme.RATIONALE], readme.quote(r"new \1" + "\n", "other\n"))
        self.assertEqual("a\n<!-- bench: begin -->\nnew \\1\n<!-- bench: end -->\nb\n", readme.README.read_text())
        self.assertEqual("a\n\n.. bench: begin\n\nother\n\n.. bench: end\n\nb\n", readme.RATIONALE.read_text())

    def test_what_is_quoted_is_in_both(self):
        rows = bench_rows.parse(["VCM-BENCH: map,contiguous,4096,1,vcm,1000", "VCM-BENCH: unmap,contiguous,4096,1,vcm,500",
                                 "VCM-BENCH: map,contiguous,4096,1,floor,900",
                                 "VCM-BENCH: unmap,contiguous,4096,1,floor,350"])
        table = bench_rows.Table(rows)
        self.assertIn("| map + unmap 4 KiB | 1 500 | floor 1 250 (1.20) | - |", bench_report.block(table))
        self.assertIn("\nmap + unmap 4 KiB  1 500  floor 1 250 (1.20)  --\n", bench_report.rest_block(table))


class Wanted(unittest.TestCase):
    """FILTER and BUDGET are checked before anything is built."""

    def wanted(self, **env):
        with mock.patch.dict(os.environ, {"FILTER": "", "BUDGET": "", **env}):
            return bench.wanted()

    def test_each_part(self):
        self.assertEqual(["addresses", "mapping", "allocation", "sharing", "cpu", "memory", "threads"], bench.parts())
        for part in bench.parts():
            self.assertEqual(part, self.wanted(FILTER=part)[0])

    def test_everything(self):
        self.assertIsNone(self.wanted()[0])

    def test_what_is_no_part(self):
        for name in ("nosuch", "map", "mapping*"):
            with self.assertRaisesRegex(Failure, "it must be one of addresses, mapping, .* memory"):
                self.wanted(FILTER=name)

    def test_what_is_no_way_with_budgets(self):
        with self.assertRaisesRegex(Failure, "BUDGET=read: it must be write"):
            self.wanted(BUDGET="read")


class Committed(unittest.TestCase):
    """The budgets in the tree."""

    def test_they_are_of_VCM_and_each_is_there_once(self):
        rows = budget.read()
        self.assertTrue(rows)
        self.assertEqual(rows, budget.own(rows))
        self.assertEqual(len(rows), len({row[:2] for row in rows}))


if __name__ == "__main__":
    unittest.main()
