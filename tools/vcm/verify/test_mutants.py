# SPDX-License-Identifier: GPL-2.0
"""The list of mutants matches the code, and a mutant that no case was run for is not caught."""

import contextlib
import io
import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from common.steps import REPO, Failure
from tree import overlay
from verify import mutants, suites
from verify.mutants_list import MUTANTS


class Mutants(unittest.TestCase):
    def test_texts_stand_once(self):
        """Each text to replace is in the code exactly once."""
        stale = [name for name, path, old, *_ in MUTANTS if (REPO / path).read_text().count(old) != 1]
        self.assertEqual(stale, [])

    def test_change_something(self):
        self.assertEqual([name for name, _, old, new, *_ in MUTANTS if old == new], [])

    def test_suites_exist(self):
        """Each mutant has a suite: a run without one would count as caught."""
        known = suites.known()
        self.assertEqual([name for name, *_, of in MUTANTS if not suites.matches(of, known)], [])


class Filter(unittest.TestCase):
    def wanted(self, pattern):
        with mock.patch.dict(os.environ, FILTER=pattern):
            return mutants.wanted()

    def test_all(self):
        self.assertEqual(self.wanted(""), MUTANTS)

    def test_some(self):
        picked = self.wanted("iommu")
        self.assertTrue(0 < len(picked) < len(MUTANTS))

    def test_none(self):
        """A filter that matches no mutant is an error."""
        with self.assertRaisesRegex(Failure, "no mutant matches FILTER=nosuch; there are: core, ask, "):
            self.wanted("nosuch")


#: a console log whose filter matched nothing
NOTHING = "1..0\n"
#: the suite began; its first case was skipped; the second has not ended yet
BEGUN = ("1..1\n    KTAP version 1\n    # Subtest: vcm_a\n    1..2\n"
         "    ok 1 a_skipped # SKIP no edu device\n")
SKIPPED = "[    1.4]     # Subtest: vcm_a\n[    1.4]     ok 1 a_one # SKIP no x\n[    1.4] ok 1 vcm_a # SKIP no x\n"


class Judged(unittest.TestCase):
    def judge(self, log, status=0):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
            file = Path(folder) / "test.log"
            file.write_text(log)
            caught = mutants.judge("core: x", "vcm_a*", status, file)
        return caught, out.getvalue().rstrip()

    def test_no_case(self):
        """A run that ran no case caught nothing, whatever its exit status is."""
        for log in (NOTHING, SKIPPED, ""):
            for status in (0, 1):
                with self.subTest(log=log, status=status), self.assertRaises(Failure) as raised:
                    self.judge(log, status)
                self.assertEqual(str(raised.exception), "core: x: the filter vcm_a* ran no case")

    def test_case_that_does_not_end(self):
        self.assertEqual(self.judge(BEGUN, 1), (True, "core: x: caught: the run did not end"))

    def test_failed_case(self):
        self.assertEqual(self.judge(BEGUN + "    not ok 2 a_two\nnot ok 1 vcm_a\n", 1),
                         (True, "core: x: caught by a_two, vcm_a"))

    def test_good_case(self):
        self.assertEqual(self.judge(BEGUN + "    ok 2 a_two\nok 1 vcm_a\n"), (False, "core: x: SURVIVED"))

    def test_crash_before_the_suites(self):
        caught, text = self.judge("Kernel panic - not syncing: x\n", 1)
        self.assertTrue(caught)
        self.assertIn("Kernel panic", text)

    def test_run_fails(self):
        """One mutant without a case fails the run, after the others were tried."""
        logs = iter([NOTHING, BEGUN])
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "test.log"

            def on_um(of):
                log.write_text(next(logs))
                return 1, log
            with (mock.patch.object(overlay, "apply"), mock.patch.object(mutants, "apply"),
                  mock.patch.object(mutants, "on_um", on_um), self.assertRaises(Failure) as raised,
                  contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())):
                mutants.all_of([("one", "p", "o", "n", "um", "vcm_a"), ("two", "p", "o", "n", "um", "vcm_a")])
        self.assertEqual(raised.exception.lines, ["one: could not be tried"])


if __name__ == "__main__":
    unittest.main()
