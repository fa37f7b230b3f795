# SPDX-License-Identifier: GPL-2.0
"""The series contains everything once, and errors in it are reported."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from common.steps import Failure
from series import branch, commit_build, commit_kunit, documents, manifest, messages, patches, review
from tree import overlay
from verify import checks
from verify.results import Results

KCONFIG = """\
# SPDX-License-Identifier: GPL-2.0-only
config VCM
	bool "VCM"

if VCM

# why it is so
config VCM_A
	def_bool y

config VCM_B
	bool "B"
	help
	  if this line begins with a keyword, it is text all the same.

endif # VCM
"""
MAKEFILE = """\
# SPDX-License-Identifier: GPL-2.0-only
obj-$(CONFIG_VCM) += vcm.o vcm-two.o
ifdef CONFIG_VCM_A
obj-$(CONFIG_VCM_B) += tests/b.o
endif
obj-$(CONFIG_VCM_A) += many.o
many-y := one.o \\
	  two.o
obj-$(CONFIG_VCM_A) += folder/
"""


class Parts(unittest.TestCase):
    def kconfig(self, *names):
        return manifest.part("mm/Kconfig", KCONFIG, names)

    def makefile(self, *names):
        return manifest.part("mm/Makefile", MAKEFILE, names)

    def test_everything(self):
        """All parts together are the whole file."""
        self.assertEqual(self.kconfig("VCM", "VCM_A", "VCM_B"), KCONFIG)
        self.assertEqual(self.makefile("vcm.o", "tests/b.o", "many.o", "one.o", "folder/"), MAKEFILE)

    def test_files_of_the_tree(self):
        for path in manifest.SPLIT:
            names = [name for group in manifest.entries(path) for name in group]
            text = (manifest.REPO / path).read_text()
            self.assertEqual(manifest.part(path, text, names), text)

    def test_kconfig_first(self):
        """A condition that encloses nothing is removed."""
        self.assertEqual(self.kconfig("VCM"), KCONFIG.partition("\nif VCM")[0])

    def test_kconfig_comment(self):
        part = self.kconfig("VCM_A")
        self.assertIn("if VCM\n\n# why it is so\nconfig VCM_A\n\tdef_bool y\n\nendif # VCM\n", part)
        self.assertNotIn("VCM_B", part)
        self.assertNotIn("why", self.kconfig("VCM_B"))

    def test_makefile(self):
        self.assertEqual(self.makefile("vcm.o"),
                         "# SPDX-License-Identifier: GPL-2.0-only\nobj-$(CONFIG_VCM) += vcm.o vcm-two.o\n")
        self.assertIn("ifdef CONFIG_VCM_A\nobj-$(CONFIG_VCM_B) += tests/b.o\nendif\n", self.makefile("tests/b.o"))
        self.assertTrue(self.makefile("one.o", "two.o").endswith("many-y := one.o \\\n\t  two.o\n"))

    def test_nothing(self):
        self.assertEqual(self.kconfig("VCM_C"), "")
        self.assertEqual(self.makefile(), "")

    def test_names(self):
        self.assertEqual([unit[0] for unit in manifest.makefile_units(MAKEFILE) if unit[0]],
                         [["vcm.o", "vcm-two.o"], ["tests/b.o"], ["many.o"], ["one.o", "two.o"], ["folder/"]])


class Manifest(unittest.TestCase):
    def setUp(self):
        self.text = manifest.MANIFEST.read_text()
        self.files = overlay.repo_files()

    def complaints(self, text=None, files=None):
        return "\n".join(manifest.complaints(manifest.read(text or self.text), files or self.files))

    def test_complete(self):
        self.assertEqual(self.complaints(), "")

    def test_file_of_no_patch(self):
        self.assertEqual(self.complaints(files=[*self.files, "mm/vcm-new.c"]), "mm/vcm-new.c is in no patch")

    def test_refused(self):
        with mock.patch.object(overlay, "repo_files", lambda: [*self.files, "mm/vcm-new.c"]):
            with self.assertRaises(Failure) as raised:
                manifest.load()
        self.assertEqual(raised.exception.lines, ["mm/vcm-new.c is in no patch"])

    def test_entries_of_no_patch(self):
        for name, said in (("vcm-va.o", "mm/Makefile: vcm-va.o"), ("VCM_EDU ", "drivers/vcm/Kconfig: VCM_EDU")):
            text = "\n".join(f"{line} ".replace(f" {name}", " ") for line in self.text.splitlines())
            self.assertIn(f"{said.strip()} is in no patch", self.complaints(text))

    def test_file_that_is_gone(self):
        self.assertIn("mm/vcm-va.c of 02-va does not exist", self.complaints(files=[f for f in self.files
                                                                                    if f != "mm/vcm-va.c"]))

    def test_twice(self):
        self.assertIn("MAINTAINERS is in 01-interface and late", self.complaints(f"{self.text}late\n\tMAINTAINERS\n"))

    def test_line_of_two_patches(self):
        text = self.text.replace("mm/Makefile: vcm-phys.o vcm-pages.o", "mm/Makefile: vcm-phys.o")
        self.assertIn("vcm-phys.o vcm-pages.o must be in one patch",
                      self.complaints(f"{text}late\n\tmm/Makefile: vcm-pages.o\n"))

    def test_messages(self):
        """Each patch has a message, with lines as short as checkpatch asks for, and measured figures."""
        rows, _ = messages.figures()
        for patch in manifest.load():
            subject, empty, *body = messages.message(patch, rows).splitlines()
            self.assertLess(len(subject), 73, patch.name)
            self.assertRegex(subject, r"^((mm: )?vcm|dt-bindings|Documentation): \S.*[^.]$")
            self.assertEqual(empty, "")
            self.assertTrue(any(body), patch.name)
            self.assertEqual([line for line in body if len(line) > 75], [], patch.name)
        for file in manifest.FOLDER.glob("[0-9]*.txt"):
            self.assertIn(file.stem, [patch.name for patch in manifest.load()])


class Words(unittest.TestCase):
    ROWS = {"map 4 KiB": {"vcm": 3454, "iova": 12}}

    def test_figure(self):
        self.assertEqual(messages.filled("It takes {bench: map\n4 KiB: vcm}, not {bench: map 4 KiB: iova}.", self.ROWS),
                         "It takes 3 454, not 12.")

    def test_breaks(self):
        """Paragraphs with figures get new line breaks, none of them within a figure. Others are unchanged."""
        text = f"{'word ' * 13}{{bench: map 4 KiB: vcm}}\nend\n\n - a\n - b"
        self.assertEqual(messages.filled(text, self.ROWS), f"{'word ' * 13}3 454\nend\n\n - a\n - b")

    def test_unknown_figure(self):
        for place in ("{bench: map 8 KiB: vcm}", "{bench: map 4 KiB: maple}"):
            with self.assertRaises(Failure):
                messages.filled(place, self.ROWS)

    def test_readme(self):
        """README quotes all rows that messages may name."""
        rows = messages.written(messages.readme.README.read_text())
        self.assertEqual(list(rows), [what for what, *_ in messages.bench_report.QUOTED])
        self.assertEqual([what for what, of in rows.items() if len(of) < 2], [])

    def test_measured(self):
        """A complete run of make bench replaces README's figures; a run of a part does not."""
        report, rows = messages.bench_report, []
        for number, (_, cell, *peers) in enumerate(report.QUOTED):
            rows += [messages.bench_rows.Row(cell, who, 1000 + number) for who in ("vcm", *filter(None, peers))]
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(messages, "BENCH", Path(folder)):
            messages.bench_rows.write(Path(folder) / "vcm.csv", rows)
            found, source = messages.figures()
            self.assertEqual((source, found["map + unmap 4 KiB"]),
                             ("this tree", {"vcm": 1002, "floor": 1002, "dma_map": 1002}))
            messages.bench_rows.write(Path(folder) / "vcm.csv", rows[:3])
            self.assertEqual(messages.figures()[1], "README")

    def test_changes(self):
        self.assertEqual(messages.changes(1), "")
        with self.assertRaises(Failure) as raised, tempfile.TemporaryDirectory() as empty:
            with mock.patch.object(messages, "FOLDER", Path(empty)):
                messages.changes(2)
        self.assertIn("changes-v2.txt", str(raised.exception))

    def test_settings(self):
        for bad in ({"VERSION": "0"}, {"VERSION": "x"}, {"SIGNOFF": "Name"}, {"SIGNOFF": "Name <mail>"}):
            with mock.patch.dict("os.environ", {"VERSION": "", "SIGNOFF": "", **bad}), self.assertRaises(Failure):
                patches.settings()
        with mock.patch.dict("os.environ", {"VERSION": "2", "SIGNOFF": "A Name <a@b.c>"}):
            self.assertEqual(patches.settings(), (2, "A Name <a@b.c>"))

    def test_maintainer(self):
        who = "A Name <a@b.c>"
        title = (patches.REPO / "MAINTAINERS").read_text().splitlines()[0]
        self.assertEqual(patches.signed("MAINTAINERS", f"VB\nM:\tB\n\n{title}\nL:\tl\n", who),
                         f"VB\nM:\tB\n\n{title}\nM:\t{who}\nL:\tl\n")
        self.assertEqual(patches.signed("Documentation/devicetree/bindings/x.yaml",
                                       "title: x\n\nmaintainers:\n  - List <l@k>\n\ndescription: y\n", who),
                         f"title: x\n\nmaintainers:\n  - {who}\n\ndescription: y\n")
        self.assertEqual(patches.signed("mm/vcm.c", "maintainers:\n  - x\n", who), "maintainers:\n  - x\n")


PATCH = """\
From 0 Mon Sep 17 00:00:00 2001
From: A <a@b.c>
Date: Thu, 1 Jan 2026 00:00:00 +0000
Subject: [PATCH] x

x
---
diff --git a/mm/Kconfig b/mm/Kconfig
--- a/mm/Kconfig
+++ b/mm/Kconfig
@@ -1,2 +1,3 @@
 one
+%s
 two
-- 
2.39.5

"""


class Patches(unittest.TestCase):
    def setUp(self):
        self.home = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.file = self.home / "0001-x.patch"

    def foreign(self, line):
        self.file.write_text(PATCH % line)
        return list(review.foreign(self.file, lambda path: True))

    def test_own_lines(self):
        self.assertEqual(self.foreign("config VCM"), [])
        self.assertEqual(self.foreign(""), [])

    def test_foreign_lines(self):
        self.assertEqual(self.foreign("config ZZZ"), ["mm/Kconfig: +config ZZZ"])
        self.file.write_text(PATCH.replace("+%s", "-gone"))
        self.assertEqual(list(review.foreign(self.file, lambda path: True)), ["mm/Kconfig: -gone"])
        self.assertEqual(list(review.foreign(self.file, lambda path: False)), [])

    def applied(self, kernel):
        work = self.home / "work"
        patches.write(work / "mm/Kconfig", kernel)
        git = patches.Git(self.home / "git", work, ("A", "a@b.c"))
        with mock.patch.object(overlay, "MERGE", {"mm/Kconfig": None}):
            git.create()
        git.run("tag", "base")
        self.file.write_text(PATCH % "config VCM")
        with mock.patch.object(branch.base, "version", lambda tree: "9.9"), mock.patch("builtins.print"):
            return branch.apply(git, [self.file])

    def test_applies(self):
        self.assertEqual(len(self.applied("one\ntwo\n")), 1)

    def test_hunk_that_does_not_apply(self):
        with self.assertRaises(Failure) as raised:
            self.applied("three\nfour\n")
        self.assertIn("0001-x.patch does not apply to Linux 9.9", str(raised.exception))
        self.assertIn("error: patch failed: mm/Kconfig:1", raised.exception.lines)
        self.assertIn("    +config VCM", raised.exception.lines)


class Nothing(unittest.TestCase):
    """A check that had nothing to do at any commit fails."""

    def failed(self, check):
        results = Results()
        with (mock.patch.object(review, "applied", return_value=(None, ["one", "two"])),
              mock.patch.object(review, "each_commit", lambda git, commits: iter(commits)),
              mock.patch.object(branch, "check_out"), mock.patch.object(documents, "run_all"),
              contextlib.redirect_stdout(io.StringIO())):
            check(results)
        return results.failed

    def test_quick(self):
        for of, failed in (([{}, {"mm/vcm.o": "y"}], []), ([{}, {}], ["series: objects compiled"])):
            with mock.patch.object(commit_build, "compile_objects", side_effect=of):
                self.assertEqual(self.failed(review.quick), failed)

    def whole(self, suites):
        with (mock.patch.object(commit_build, "compile_objects", return_value={"mm/vcm.o": "y"}),
              mock.patch.object(commit_build, "without"), mock.patch.object(commit_build, "link"),
              mock.patch.object(commit_build, "modules_link", return_value=["vcm.o"]),
              mock.patch.object(commit_kunit, "run_suites", side_effect=suites)):
            return self.failed(review.everything)

    def test_whole(self):
        self.assertEqual(self.whole([False, True]), [])
        self.assertEqual(self.whole([False, False]), ["series: KUnit suites run"])

    def test_bindings(self):
        with (mock.patch.object(checks, "sources", return_value=[]),
              self.assertRaisesRegex(Failure, "found no binding")):
            documents.bindings(Results())

    def test_pages(self):
        results = Results()
        with (tempfile.TemporaryDirectory() as folder, mock.patch.object(documents, "TREE", Path(folder)),
              mock.patch.object(documents, "run"), mock.patch.object(documents, "ours", return_value=[]),
              contextlib.redirect_stdout(io.StringIO())):
            documents.sphinx(results)
        self.assertEqual(results.failed, ["series: pages for Sphinx"])


if __name__ == "__main__":
    unittest.main()
