# SPDX-License-Identifier: GPL-2.0
"""Results are counted in total and under each title."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from common.steps import Failure
from series import messages
from verify import results


class Counted(unittest.TestCase):
    def setUp(self):
        self.results = results.Results()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            with self.results.section("a", "b"):
                self.results.add("good", True)
                with self.results.under("inner"):
                    self.results.count(passed=3, failed=["bad"], skipped=2)
                with self.results.section("c"):
                    raise Failure("no c")
                self.results.add("bad again", False)
            with self.results.section("d", "e"):
                raise Failure("no d, so no e")

    def test_all(self):
        self.assertEqual((self.results.passed, self.results.skipped), (4, 2))
        self.assertEqual(self.results.failed, ["bad", "c", "bad again", "d", "e"])

    def test_titles(self):
        self.assertEqual(self.results.rows, {"a": [1, 1, 0], "inner": [3, 1, 2], "c": [0, 1, 0],
                                             "d": [0, 1, 0], "e": [0, 1, 0]})

    def test_matrix(self):
        """The cover letter contains the saved counts."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "test.json"
            with mock.patch.object(results, "MATRIX", file), mock.patch.object(messages, "MATRIX", file):
                self.assertIn("no test run", messages.matrix())
                self.results.save()
                self.assertEqual(len(json.loads(file.read_text())["rows"]), 5)
                self.assertRegex(messages.matrix(), r"(?m)^  inner +3 +1 +2$")


if __name__ == "__main__":
    unittest.main()
