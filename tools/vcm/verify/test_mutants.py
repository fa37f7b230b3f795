# SPDX-License-Identifier: GPL-2.0
"""The list of mutants matches the code."""

import os
import unittest
from unittest import mock

from common.steps import REPO, Failure
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


if __name__ == "__main__":
    unittest.main()
