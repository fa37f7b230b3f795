# SPDX-License-Identifier: GPL-2.0
"""The benchmark's curves are at the right positions, and everything in them has a name."""

import re
import unittest
from xml.etree import ElementTree

from draw import curves, plot
from measure.bench_rows import Cell, Row, Table

SVG = "{http://www.w3.org/2000/svg}"


def table(peers=("floor", "dma_map"), sizes=(65536, 256 << 20)):
    return Table([Row(Cell(subject, "4K", size, 1), who, size // 16) for size in sizes
                  for subject in ("map", "unmap") for who in ("vcm", *peers)])


def drawn(name, of):
    figure = curves.figure(next(p for p in curves.PLOTS if p.name == name), of)
    return ElementTree.fromstring(plot.svg(figure))


def texts(root):
    return [element.text for element in root.iter(f"{SVG}text")]


class Scales(unittest.TestCase):
    def test_a_power_takes_the_same_way_everywhere(self):
        scale = plot.Scale(plot.Axis("x"), [1, 1000], 100, 400)
        for got, wanted in zip(map(scale, (1, 10, 100, 1000)), (100, 200, 300, 400)):
            self.assertAlmostEqual(wanted, got)

    def test_the_other_kind_is_even(self):
        scale = plot.Scale(plot.Axis("y", log=False), [0, 10], 100, 0)
        self.assertAlmostEqual(50, scale(5))

    def test_everything_is_between_the_ends(self):
        for low, high in ((1, 1), (7, 9), (4096, 1 << 30), (0.9, 1.7)):
            with self.subTest(low=low, high=high):
                for ticks in (plot.powers(low, high, 10), plot.powers(low, high, 2), plot.steps(low, high)):
                    self.assertLessEqual(ticks[0], low)
                    self.assertGreaterEqual(ticks[-1], high)
                    self.assertEqual(len(set(ticks)), len(ticks))
                    self.assertGreater(len(ticks), 1)

    def test_powers_of_two_are_not_rounded_away(self):
        self.assertEqual([2 ** n for n in range(12, 31)], plot.powers(4096, 1 << 30, 2))


class Drawn(unittest.TestCase):
    def test_all_is_named(self):
        found = texts(drawn("map", table()))
        for wanted in ("Map and unmap existing memory", "size in bytes", "instructions", "single pages",
                       "vcm", "floor", "dma_map", "64 KiB", "256 MiB"):
            with self.subTest(text=wanted):
                self.assertEqual(1, found.count(wanted))

    def test_each_has_its_line(self):
        # one in the panel, one in the legend
        self.assertEqual(6, len(list(drawn("map", table()).iter(f"{SVG}polyline"))))

    def test_it_has_a_light_ground(self):
        self.assertEqual(plot.PAPER, drawn("map", table()).find(f"{SVG}rect").get("fill"))

    def test_nothing_leaves_the_sheet(self):
        root = drawn("map", table())
        width, height = float(root.get("width")), float(root.get("height"))
        for line in root.iter(f"{SVG}polyline"):
            for x, y in (map(float, at.split(",")) for at in line.get("points").split()):
                self.assertTrue(0 <= x <= width and 0 <= y <= height)
        for element in root.iter(f"{SVG}text"):
            x, wide = float(element.get("x")), plot.width_of(element.text, int(element.get("font-size")))
            before = {"start": 0, "middle": wide / 2, "end": wide}[element.get("text-anchor")]
            if not element.get("transform"):
                self.assertTrue(0 <= x - before and x - before + wide <= width, element.text)
            self.assertTrue(0 <= float(element.get("y")) <= height)

    def test_a_ratio_has_the_floor_as_a_level(self):
        root = drawn("map-ratio", table())
        self.assertEqual(1, texts(root).count("floor"))
        self.assertIn("1", texts(root))
        dotted = [line for line in root.iter(f"{SVG}polyline") if line.get("stroke-dasharray") == plot.LEVEL.dash]
        (_, first), (_, last) = [at.split(",") for at in dotted[0].get("points").split()]
        self.assertEqual(first, last)

    def test_a_ratio_is_ours_over_the_floor(self):
        rows = [Row(Cell(subject, "4K", 4096, 1), who, value) for subject in ("map", "unmap")
                for who, value in (("vcm", 300), ("floor", 200))]
        figure = curves.figure(next(p for p in curves.PLOTS if p.name == "map-ratio"), Table(rows))
        self.assertEqual([("vcm", [(4096, 1.5)])], [(line.name, line.points) for line in figure.panels[0].lines])

    def test_who_is_unknown_gets_a_look_of_its_own(self):
        root = drawn("map", table(peers=("floor", "dma_map", "dma_iova", "newcomer", "another")))
        colours = {line.get("stroke") for line in root.iter(f"{SVG}polyline")}
        self.assertEqual(6, len(colours))

    def test_what_was_not_measured_is_not_drawn(self):
        for of in curves.PLOTS:
            self.assertIsNone(curves.figure(of, Table([])))

    def test_the_text_is_escaped(self):
        of = plot.Figure("a < b & c", plot.Axis("x"), plot.Axis("y"),
                         [plot.Panel("p", [plot.Line("l", [(1, 1), (10, 10)], plot.Style("#000000"))])])
        self.assertIn("a < b & c", texts(ElementTree.fromstring(plot.svg(of))))

    def test_files_have_names_of_their_own(self):
        names = [of.name for of in curves.PLOTS]
        self.assertEqual(len(set(names)), len(names))
        self.assertTrue(all(re.fullmatch(r"[a-z-]+", name) for name in names))


if __name__ == "__main__":
    unittest.main()
