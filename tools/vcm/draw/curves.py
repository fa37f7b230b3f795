# SPDX-License-Identifier: GPL-2.0
"""Draw the benchmark's rows as curves."""

from dataclasses import dataclass

from draw.plot import COLOURS, DASHED, MARKERS, WIDE, Axis, Figure, Line, Panel, Style, short, svg
from machine import demo
from measure.bench_rows import is_own

#: the style of each name, the same in every figure
STYLES = {
    "vcm": Style("#0072b2", width=WIDE),
    "vcm-reserve": Style("#56b4e9", "circle", DASHED, WIDE),
    "floor": Style("#222222", "square", DASHED),
    "iova": Style("#d55e00", "square"),
    "iova-cached": Style("#e69f00", "square", DASHED),
    "maple": Style("#009e73", "up"),
    "gen_pool": Style("#cc79a7", "diamond"),
    "dma_map": Style("#d55e00", "up"),
    "dma_iova": Style("#009e73", "diamond"),
    "dma_noncontiguous": Style("#e69f00", "diamond"),
    "dma_buf": Style("#d55e00", "diamond"),
    "dma_attrs": Style("#cc79a7", "down"),
}


@dataclass(frozen=True)
class Plot:
    """A figure of some subjects, with a panel for each value of a column."""
    name: str
    title: str
    subjects: tuple
    #: the column of the x axis, and the label of the axis
    along: str
    label: str
    unit: str = "instructions"
    #: (column, values): only cells with these values
    only: tuple = ()
    panels: str = "state"
    #: divide by the cost of this peer
    over: str = ""
    #: (panel, value, name) of each level to compare with
    levels: tuple = ()
    #: the base of the x axis, if that is a count
    base: int = 10


SIZE = {"along": "size", "label": "size in bytes"}
LIVE = {"along": "live", "label": "number of live reservations"}
#: titles of panels
WORDS = {"2M": "parts of 2 MiB", "64K": "parts of 64 KiB", "4K": "single pages",
         "fresh": "fresh memory", "fragmented": "memory in pieces",
         "holes-mean": "mean", "holes-worst": "worst case"}

PLOTS = (
    *(Plot(f"reserve-{state}", f"Reserve and release an address, {words}", ("reserve",), **LIVE, panels="size",
           only=(("state", (state,)), ("size", (4 << 10, 2 << 20, 64 << 20))))
      for state, words in (("fresh", "fresh space"), ("fragmented", "fragmented space"),
                           ("window", "below 4 GiB"))),
    Plot("holes", "Reserve 8 KiB among holes of 4 KiB", ("holes-mean", "holes-worst"), "live", "number of holes",
         panels="subject", levels=(("holes-worst", 1500, "goal: below 1500"),)),
    Plot("map", "Map and unmap existing memory", ("map+unmap",), **SIZE),
    Plot("map-ratio", "Map and unmap existing memory, beside the floor", ("map+unmap",), **SIZE, over="floor"),
    Plot("bind-ratio", "Bind and unbind in a reservation that is kept, beside dma_iova_*()", ("bind+unbind",), **SIZE,
         over="dma_iova"),
    Plot("make", "Make and destroy a binding", ("make+destroy",), **SIZE),
    Plot("make-ratio", "Make and destroy a binding, beside the floor", ("make+destroy",), **SIZE, over="floor"),
    Plot("share", "Map and unmap one buffer of 64 MiB for many devices", ("share+unshare",), "live",
         "number of devices", base=2),
    Plot("leaves", "Page-table leaves of a new binding", ("leaves",), **SIZE, unit="leaves"),
)


def nbytes(number):
    return demo.size(str(round(number)))


def style(name, names):
    """Return the style of a known name, or the next style that is unused in the figure."""
    if name in STYLES:
        return STYLES[name]
    n = [other for other in names if other not in STYLES].index(name)
    taken = {STYLES[other].colour for other in names if other in STYLES}
    free = [colour for colour in COLOURS if colour not in taken] or COLOURS
    return Style(free[n % len(free)], MARKERS[n % len(MARKERS)], width=WIDE if is_own(name) else 1.8)


def value(plot, values, name):
    """Return the value of a name on the y axis, or None."""
    if name not in values or not plot.over:
        return values.get(name)
    return values[name] / values[plot.over] if values.get(plot.over) else None


def drawable(plot, number):
    """Return true if the axis can show a number: a logarithmic one cannot show 0."""
    return number is not None and (plot.over or number > 0)


def who(plot, table):
    """Return the names in the figure, VCM first."""
    return list(dict.fromkeys(name for subject in plot.subjects for name in table.who(subject)))


def titled(plot, key):
    return nbytes(key) if plot.panels == "size" else WORDS.get(key, str(key))


def levels(plot, key):
    drawn = [(value, name) for where, value, name in plot.levels if where == key]
    return [*drawn, (1, plot.over)] if plot.over else drawn


def panel(plot, table, cells, key):
    names = who(plot, table)
    lines = []
    for name in names:
        points = [(getattr(c, plot.along), got) for c in cells
                  if drawable(plot, got := value(plot, table.at(c), name))]
        if points and name != plot.over:
            lines.append(Line(name, points, style(name, names)))
    return Panel(titled(plot, key), lines, levels(plot, key))


def axes(plot):
    x = Axis(plot.label, nbytes, base=2) if plot.along == "size" else Axis(plot.label, short, base=plot.base)
    if plot.over:
        return x, Axis(f"{plot.unit}, {plot.over} = 1", short, log=False, shows=(0.9, 1.1))
    return x, Axis(plot.unit, short)


def figure(plot, table):
    """Return the figure, or None if nothing of it was measured."""
    groups = {}
    for cell in (c for subject in plot.subjects for c in table.cells(subject)):
        if all(getattr(cell, name) in some for name, some in plot.only):
            groups.setdefault(getattr(cell, plot.panels), []).append(cell)
    panels = [panel(plot, table, cells, key) for key, cells in groups.items()]
    panels = [of for of in panels if of.lines]
    return Figure(plot.title, *axes(plot), panels) if panels else None


def write(folder, table):
    """Write all figures that have data. Return the files."""
    made = {plot.name: figure(plot, table) for plot in PLOTS}
    files = {folder / f"{name}.svg": of for name, of in made.items() if of}
    for file, of in files.items():
        file.write_text(svg(of))
    return list(files)
