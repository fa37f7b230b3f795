# SPDX-License-Identifier: GPL-2.0
"""The list of mutants goes with the code."""

import os
import unittest
from unittest import mock

from common.steps import REPO, Failure
from verify import mutants, suites
from verify.mutants_list import MUTANTS


class Mutants(unittest.TestCase):
    def test_texts_stand_once(self):
        """A text that the code does not have any more, or has twice, breaks nothing or something else."""
        stale = [name for name, path, old, *_ in MUTANTS if (REPO / path).read_text().count(old) != 1]
        self.assertEqual(stale, [])

    def test_change_something(self):
        self.assertEqual([name for name, _, old, new, *_ in MUTANTS if old == new], [])

    def test_suites_exist(self):
        """A mutant that no suite runs for would seem to be caught."""
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
        """Nothing tried is no success."""
        with self.assertRaisesRegex(Failure, "no mutant matches FILTER=nosuch; there are: core, ask, "):
            self.wanted("nosuch")


if __name__ == "__main__":
    unittest.main()
