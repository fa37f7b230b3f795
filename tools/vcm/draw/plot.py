# SPDX-License-Identifier: GPL-2.0
"""Draw curves as SVG: panels side by side, one legend, axes that are usually logarithmic."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

INK, FAINT, PAPER = "#222222", "#d8d8d8", "#ffffff"
#: colours that colour-blind readers can distinguish
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f5f3f", "#555555")
MARKERS = ("circle", "square", "up", "diamond", "down")
FONT = "DejaVu Sans, Verdana, sans-serif"
#: size of a panel's inside, and of its margins
WIDTH, HEIGHT = 300, 260
LEFT, RIGHT, TOP, BELOW = 76, 30, 76, 58
ENTRY = 20


@dataclass(frozen=True)
class Style:
    """The look of a line."""
    colour: str
    marker: str = "circle"
    #: lengths of strokes and gaps, in SVG's syntax
    dash: str = ""
    width: float = 1.8


DASHED, WIDE = "6 4", 3.0
#: the style of a level
LEVEL = Style(INK, "", "2 3", 1.2)


@dataclass
class Line:
    name: str
    points: list
    style: Style


@dataclass
class Axis:
    label: str
    #: formats a number
    text: Callable[[float], str] = str
    log: bool = True
    #: the ticks of a logarithmic axis are powers of this
    base: int = 10
    #: numbers that the axis always includes
    shows: tuple = ()


@dataclass
class Panel:
    title: str
    lines: list
    #: (value, name) of each level to compare with
    levels: list = field(default_factory=list)


@dataclass
class Figure:
    title: str
    x: Axis
    y: Axis
    panels: list


def short(number):
    """Return a number with a unit: 1500000 as 1.5M."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:g}{name}"
    return f"{number:g}"


class Scale:
    """Convert the numbers of an axis to positions between @first and @last."""

    def __init__(self, axis, numbers, first, last):
        self.axis, self.first, self.last = axis, first, last
        self.ticks = powers(min(numbers), max(numbers), axis.base) if axis.log else steps(min(numbers), max(numbers))
        self.low, self.high = self.of(self.ticks[0]), self.of(self.ticks[-1])

    def of(self, number):
        return math.log(number) if self.axis.log else number

    def __call__(self, number):
        return self.first + (self.of(number) - self.low) / (self.high - self.low) * (self.last - self.first)


def powers(low, high, base):
    """Return the powers of @base around these numbers, at least two."""
    first = math.floor(math.log(low, base) + 1e-9)
    last = math.ceil(math.log(high, base) - 1e-9)
    return [base ** n for n in range(first, max(last, first + 1) + 1)]


def steps(low, high):
    """Return evenly spaced round numbers around these."""
    rough = (high - low or abs(high) or 1) / 5
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= rough - 1e-12)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, max(last, first + 1) + 1)]


def text(x, y, what, size=12, anchor="start", weight="normal", turn=0):
    """Return a text with an outline, which keeps it readable on top of lines."""
    turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{INK}" stroke="{PAPER}" stroke-width="3" paint-order="stroke"{turned}>{escape(what)}</text>')


def width_of(what, size=12):
    """Estimate the width of a text."""
    return 0.66 * size * len(what)


def segment(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def marker(x, y, style):
    if not style.marker:
        return ""
    if style.marker == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" fill="{style.colour}"/>'
    corners = {"square": ((-3.3, -3.3), (3.3, -3.3), (3.3, 3.3), (-3.3, 3.3)),
               "up": ((-4.2, 3.4), (4.2, 3.4), (0, -4.2)), "down": ((-4.2, -3.4), (4.2, -3.4), (0, 4.2)),
               "diamond": ((-4.6, 0), (0, -4.6), (4.6, 0), (0, 4.6))}[style.marker]
    at = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{at}" fill="{style.colour}"/>'


def curve(line, x, y):
    """Return a line and its markers."""
    style = line.style
    places = [(x(a), y(b)) for a, b in sorted(line.points)]
    dash = f' stroke-dasharray="{style.dash}"' if style.dash else ""
    at = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    return [f'<polyline points="{at}" fill="none" stroke="{style.colour}" '
            f'stroke-width="{style.width}" stroke-linejoin="round"{dash}/>',
            *(marker(a, b, style) for a, b in places)]


def thinned(ticks, most=6):
    """Return the ticks that get a number."""
    return ticks[::-(-len(ticks) // most)]


def grid(x, y, outer):
    """Return the lines and numbers of the axes, and with @outer the label of the y axis."""
    out = []
    bottom, top = y(y.ticks[0]), y(y.ticks[-1])
    left, right = x(x.ticks[0]), x(x.ticks[-1])
    for tick in thinned(x.ticks):
        out += [segment(x(tick), bottom, x(tick), top, FAINT),
                text(x(tick), bottom + 17, x.axis.text(tick), 11, "middle")]
    for tick in thinned(y.ticks, 8):
        out += [segment(left, y(tick), right, y(tick), FAINT),
                text(left - 7, y(tick) + 4, y.axis.text(tick), 11, "end")]
    out += [segment(left, bottom, right, bottom, INK), segment(left, bottom, left, top, INK),
            text((left + right) / 2, bottom + 38, x.axis.label, 12, "middle")]
    if outer:
        out.append(text(left - 56, (top + bottom) / 2, y.axis.label, 12, "middle", turn=-90))
    return out


def panel(of, x, y, outer):
    out = [*grid(x, y, outer), text((x.first + x.last) / 2, y.last - 10, of.title, 13, "middle", "bold")]
    across = [Line(name, [(x.ticks[0], value), (x.ticks[-1], value)], LEVEL) for value, name in of.levels]
    # the first line is drawn last, on top of the others
    for line in [*across, *reversed(of.lines)]:
        out += curve(line, x, y)
    return out


def legend(lines, left, top, right):
    """Return the height and the elements of the legend, which has each name once, in rows."""
    out, x, y = [], left, top
    for line in lines:
        wide = 60 + width_of(line.name)
        if x > left and x + wide > right:
            x, y = left, y + ENTRY
        out += curve(Line("", [(x, y), (x + 28, y)], line.style), lambda a: a, lambda b: b)
        out.append(text(x + 36, y + 4, line.name))
        x += wide
    return y + ENTRY - top, out


def names(figure):
    """Return one line for each name, levels last."""
    lines = [line for of in figure.panels for line in of.lines]
    lines += [Line(name, [], LEVEL) for of in figure.panels for _, name in of.levels]
    return list({line.name: line for line in lines}.values())


def svg(figure):
    """Return the content of the figure's file."""
    every = [point for of in figure.panels for line in of.lines for point in line.points]
    levels = [value for of in figure.panels for value, _ in of.levels] + list(figure.y.shows)
    out = [text(LEFT - 56, 28, figure.title, 17, weight="bold")]
    step = LEFT + WIDTH + RIGHT
    for n, of in enumerate(figure.panels):
        left = n * step + LEFT
        x = Scale(figure.x, [a for a, _ in every], left, left + WIDTH)
        y = Scale(figure.y, [b for _, b in every] + levels, TOP + HEIGHT, TOP)
        out += panel(of, x, y, n == 0)
    width = round(max(len(figure.panels) * step, LEFT + width_of(figure.title, 17)))
    bottom = TOP + HEIGHT + BELOW
    high, entries = legend(names(figure), LEFT, bottom + 6, width)
    out += entries
    height = bottom + high + 6
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="{FONT}">\n<title>{escape(figure.title)}</title>\n'
            f'<rect width="100%" height="100%" fill="{PAPER}"/>\n' + "\n".join(out) + "\n</svg>\n")
