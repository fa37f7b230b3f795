# SPDX-License-Identifier: GPL-2.0
"""A FILTER that matches nothing is refused, and the message lists what exists."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from common.steps import Failure
from verify import suites

KNOWN = {"vcm_window": ["window_races", "window_flags"], "vcm_contract": ["contract_owners"]}


class Known(unittest.TestCase):
    def test_all_suites(self):
        """Every file of cases has a suite, and every suite has cases."""
        found = suites.known()
        self.assertEqual(len(found), len(list(suites.FOLDER.glob("*_kunit.c"))))
        self.assertEqual([name for name, of in found.items() if not of], [])

    def test_names(self):
        self.assertEqual(suites.cases("\tKUNIT_CASE(a),\n\tKUNIT_CASE_PARAM(b, b_gen_params),\n"
                                      "\tCONTRACT_CASE(c, is_any),\n#define KUNIT_CASE_OTHER(d)\n"),
                         ["a", "b", "contract_c"])


class Filter(unittest.TestCase):
    def wanted(self, pattern, **env):
        with (mock.patch.object(suites, "known", lambda: KNOWN),
              mock.patch.dict(os.environ, {"FILTER": pattern, "KUNITCONFIG": "", **env})):
            return suites.wanted()

    def refused(self, pattern):
        with self.assertRaises(Failure) as raised:
            self.wanted(pattern)
        return "\n".join([str(raised.exception), *raised.exception.lines])

    def test_what_matches(self):
        for pattern in ("vcm_window", "vcm_*", "vcm_window.window_races", "*.contract_o*", "vcm_w?ndow.*"):
            self.assertEqual(self.wanted(pattern), pattern)

    def test_none(self):
        self.assertIsNone(self.wanted(""))

    def test_no_suite(self):
        self.assertIn("no case matches FILTER=nosuch; suites: vcm_window, vcm_contract", self.refused("nosuch"))

    def test_bare_case(self):
        """A case without its suite matches nothing; the message has its full name."""
        self.assertIn("FILTER=vcm_window.window_races", self.refused("window_races"))

    def test_wrong_case(self):
        self.assertIn("cases of vcm_window: window_races, window_flags", self.refused("vcm_window.nosuch"))

    def test_case_of_another_suite(self):
        self.assertIn("FILTER=vcm_window.window_races", self.refused("vcm_contract.window_races"))

    def test_others_configuration(self):
        """The suites of another configuration are unknown here."""
        self.assertEqual(self.wanted("nosuch", KUNITCONFIG="/x"), "nosuch")


class Judged(unittest.TestCase):
    def why(self, passed=0, skipped=0, bad=(), pattern=None, log="ok 1\n"):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(log)
            file.flush()
            try:
                suites.judge("KUnit", {"passed": passed, "skipped": skipped, "bad": list(bad)}, pattern,
                             Path(file.name))
            except Failure as failure:
                return str(failure)
        return None

    def test_good(self):
        self.assertIsNone(self.why(passed=1, skipped=4, pattern="a"))

    def test_failed(self):
        self.assertIn("2 failed", self.why(passed=9, bad=["a.b", "a.c"], pattern="a"))

    def test_all_skipped(self):
        self.assertIn("all 4 cases were skipped", self.why(skipped=4, pattern="a"))

    def test_not_in_this_image(self):
        """KUnit's parser counts an error for a log without suites."""
        for line in ("1..0\n", "[    1.403713] 1..0\n"):
            self.assertIn("no case that matches FILTER=a",
                          self.why(bad=["an error of the suites or of the log"], pattern="a", log=line))

    def test_kernel_that_says_nothing(self):
        self.assertEqual(self.why(pattern="a"), "KUnit: no case ran")


if __name__ == "__main__":
    unittest.main()
