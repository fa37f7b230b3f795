# SPDX-License-Identifier: GPL-2.0
"""A case that ran nowhere, and an image that was not started, are errors."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from common.steps import Failure
from verify import gate, kunit, suites
from verify.results import Results


def case(name, status):
    return {"name": name, "status": status}


def group(name, test_cases=(), sub_groups=()):
    return {"name": name, "test_cases": list(test_cases), "sub_groups": list(sub_groups)}


class Ran(unittest.TestCase):
    def test_ran(self):
        """A case with parameters ran if one of them was not skipped."""
        result = group("main", sub_groups=[
            group("vcm_a", [case("good", "PASS"), case("bad", "FAIL"), case("no_cpu", "SKIP")],
                  [group("each", [case("um", "SKIP"), case("arm", "PASS")]), group("none", [case("um", "SKIP")])])])
        self.assertEqual(kunit.ran(result), {"vcm_a.good", "vcm_a.bad", "vcm_a.each"})

    def left_out(self, *counts):
        results = Results()
        with (mock.patch.object(suites, "known", lambda: {"vcm_a": ["one", "two"], "vcm_b": ["three"]}),
              contextlib.redirect_stdout(io.StringIO()) as out):
            for ran in counts:
                gate.cases(results, "KUnit", {"passed": 1, "skipped": 0, "bad": [], "ran": ran})
            gate.nothing_left_out(results)
        return results.failed, out.getvalue()

    def test_every_case_ran(self):
        """A case may run on one machine and another one on another."""
        self.assertEqual(self.left_out({"vcm_a.one", "vcm_b.three"}, {"vcm_a.two"}), ([], ""))

    def test_case_that_ran_nowhere(self):
        failed, text = self.left_out({"vcm_a.one"})
        self.assertEqual(len(failed), 1)
        self.assertIn(": vcm_a.two, vcm_b.three\n", text)


class Um(unittest.TestCase):
    def run_um(self, start):
        """Run kunit.exec_um() in a tree with the console log of an earlier run."""
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(kunit, "run", start):
            tree = Path(folder)
            console = tree / "out-um/test.log"
            console.parent.mkdir()
            console.write_text("ok 1 vcm_old\n")
            status, log = kunit.exec_um([], tree / "log", tree=tree)
            return status, log.read_text()

    def test_log_of_this_run(self):
        def start(*_, cwd, **__):
            (cwd / "out-um/test.log").write_text("ok 1 vcm_new\n")
            return 0
        self.assertEqual(self.run_um(start), (0, "ok 1 vcm_new\n"))

    def test_log_of_an_earlier_run(self):
        """An image that was not started is not judged by the log of an earlier run."""
        with self.assertRaisesRegex(Failure, "the image was not started"):
            self.run_um(lambda *_, **__: 2)


if __name__ == "__main__":
    unittest.main()
