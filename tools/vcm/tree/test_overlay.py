# SPDX-License-Identifier: GPL-2.0
"""VCM's lines are merged into the kernel's files where a reviewer expects them."""

import unittest

from tree import overlay


class Merge(unittest.TestCase):
    def test_kconfig_before_the_last_endmenu(self):
        self.assertEqual(overlay.merge_before_endmenu("menu A\nendmenu\nconfig B\n\nendmenu\n", "config VCM\n"),
                         "menu A\nendmenu\nconfig B\n\nconfig VCM\n\nendmenu\n")

    def test_kconfig_without_a_menu(self):
        with self.assertRaises(ValueError):
            overlay.merge_before_endmenu("config B\n", "config VCM\n")

    def test_makefile_at_the_end(self):
        self.assertEqual(overlay.merge_append("obj-y += a.o\n", "obj-y += vcm.o\n"),
                         "obj-y += a.o\nobj-y += vcm.o\n")

    def test_maintainers_by_title(self):
        head, rest = "How to\n\n", "THE REST\nM:\tt\n"
        pristine = head + "3C59X NETWORK DRIVER\nS:\ta\n\nABC\nS:\tb\n\nXYZ\nS:\tc\n\n" + rest
        self.assertEqual(overlay.merge_maintainers(pristine, "VCM\nS:\tv\n"),
                         head + "3C59X NETWORK DRIVER\nS:\ta\n\nABC\nS:\tb\n\nVCM\nS:\tv\n\nXYZ\nS:\tc\n\n" + rest)

    TOCTREE = "A\n=\n\n.. toctree::\n\n   one\n   two\n\nB\n=\n\n.. toctree::\n   :maxdepth: 1\n\n   three\n   four\n\nEnd\n"

    def test_toctree_behind_an_entry(self):
        self.assertIn("   three\n   vcm\n   four\n\nEnd",
                      overlay.merge_toctree(self.TOCTREE, "B\n=\n\n   .. after: three\n   vcm\n"))

    def test_toctree_at_the_end(self):
        self.assertIn("   one\n   two\n   vcm\n\nB", overlay.merge_toctree(self.TOCTREE, "A\n=\n\n   vcm\n"))

    def test_toctree_with_an_unknown_place(self):
        for snippet in ("C\n=\n\n   vcm\n", "A\n=\n\n   .. after: three\n   vcm\n"):
            with self.assertRaises(ValueError):
                overlay.merge_toctree(self.TOCTREE, snippet)


if __name__ == "__main__":
    unittest.main()
