# SPDX-License-Identifier: GPL-2.0
"""The sources contain everything that the documentation takes from them."""

import re
import unittest

from common.steps import REPO

PAGES = sorted((REPO / "Documentation/core-api").glob("vcm*.rst"))
INCLUDE = re.compile(r"^\.\. literalinclude:: (\S+)\n((?:   :.*\n)+)", re.M)
OPTION = re.compile(r"^   :([\w-]+): ?(.*)$", re.M)


def fragment(text, options):
    """Return the lines that Sphinx includes: from the first with one text to the next with another."""
    lines = text.splitlines()
    start = options.get("start-at") or options.get("start-after")
    if start:
        first = next(n for n, line in enumerate(lines) if start in line)
        lines = lines[first + ("start-after" in options):]
    end = options.get("end-at") or options.get("end-before")
    if end:
        skip = 1 if "start-at" in options and "end-before" in options else 0
        last = next(n for n, line in enumerate(lines) if end in line and n >= skip)
        lines = lines[:last + ("end-at" in options)]
    return lines


class Pages(unittest.TestCase):
    def includes(self):
        for page in PAGES:
            for name, options in INCLUDE.findall(page.read_text()):
                yield page, page.parent / name, dict(OPTION.findall(options))

    def test_fragments_are_there(self):
        count = 0
        for page, source, options in self.includes():
            with self.subTest(page=page.name, source=source.name, options=options):
                lines = fragment(source.read_text(), options)
                self.assertTrue("".join(lines).strip())
                self.assertLess(len(lines), 130)
                count += 1
        self.assertGreater(count, 20)

    def test_a_fragment_ends_where_a_function_does(self):
        for page, source, options in self.includes():
            lines = [line for line in fragment(source.read_text(), options) if line]
            text = "\n".join(lines)
            with self.subTest(page=page.name, source=source.name, options=options):
                if "dedent" not in options:
                    self.assertEqual(text.count("{"), text.count("}"))

    def test_calls_are_described(self):
        """Every call of a public header is on a page. :export: leaves out exports for tests alone."""
        described = set()
        for page in PAGES:
            for source, export in re.findall(r"^\.\. kernel-doc:: (\S+)\n(   :export:)?", page.read_text(), re.M):
                text = (REPO / source).read_text()
                exported = set(re.findall(r"^EXPORT_SYMBOL(?:_NS)?(?:_GPL)?\((\w+)", text, re.M))
                names = re.findall(r"^ \* (\w+)\(\) - ", text, re.M)
                described |= {name for name in names if not export or name in exported}
        for header in sorted((REPO / "include/linux").glob("vcm*.h")):
            calls = re.findall(r"^(?!static|#|typedef).*?\b(vcm_\w+|devm_vcm_\w+)\(", header.read_text(), re.M)
            with self.subTest(header=header.name):
                self.assertTrue(calls)
                self.assertEqual([name for name in calls if name not in described], [])

    def test_tables_have_straight_edges(self):
        for page in PAGES:
            for table in re.findall(r"(?:^[+|].*\n)+", page.read_text(), re.M):
                with self.subTest(page=page.name, table=table.splitlines()[1]):
                    self.assertEqual(1, len({len(line) for line in table.splitlines()}))

    def test_counts_of_lines(self):
        """The rationale has the lines of the fragments, without blank ones."""
        porting = (REPO / "mm/tests/vcm_porting_kunit.c").read_text()
        gart = (REPO / "mm/tests/vcm_gart.c").read_text()

        def lines(text):
            return len([line for line in text.splitlines() if line.strip()])

        def between(name):
            return lines(re.search(rf"^/\* {name}: begin \*/\n(.*?)^/\* {name}: end \*/", porting, re.M | re.S)[1])

        after_gart = re.search(r"^static int gart_map_pages\(.*?(?=^static void gart_release)", gart, re.M | re.S)[0]
        page = (REPO / "Documentation/core-api/vcm-rationale.rst").read_text()
        for row, before, after in (
                ("domain, address allocator, map, unmap", between("before, IOMMU"),
                 between("after, buffers") + between("after, IOMMU")),
                ("page table and address allocator of a GART", between("before, page table"), lines(after_gart)),
                ("a frame by the DMA API", between("before, DMA API"), between("after, DMA API"))):
            with self.subTest(row=row):
                self.assertRegex(page, rf"(?m)^{row} +{before} +{after}$")

    def test_figures_are_there(self):
        for page in PAGES:
            for name in re.findall(r"^\.\. kernel-figure:: (\S+)", page.read_text(), re.M):
                self.assertTrue((page.parent / name).is_file(), name)

    def test_nothing_is_documented_twice(self):
        files = [name for page in PAGES for name in re.findall(r"^\.\. kernel-doc:: (\S+)", page.read_text(), re.M)]
        self.assertEqual(sorted(set(files)), sorted(files))
        for name in files:
            self.assertTrue((REPO / name).is_file(), name)

    def test_each_page_is_in_the_toctree(self):
        entries = (REPO / "Documentation/core-api/index.rst").read_text().split()
        for page in PAGES:
            self.assertIn(page.stem, entries)


if __name__ == "__main__":
    unittest.main()
