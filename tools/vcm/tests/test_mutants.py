# SPDX-License-Identifier: GPL-2.0
"""The list of mutants goes with the code."""

import unittest

from mutants_list import MUTANTS
from steps import REPO


class Mutants(unittest.TestCase):
    def test_texts_stand_once(self):
        """A text that the code does not have any more, or has twice, breaks nothing or something else."""
        stale = [name for name, path, old, *_ in MUTANTS if (REPO / path).read_text().count(old) != 1]
        self.assertEqual(stale, [])

    def test_change_something(self):
        self.assertEqual([name for name, _, old, new, *_ in MUTANTS if old == new], [])


if __name__ == "__main__":
    unittest.main()
