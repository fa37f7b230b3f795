# SPDX-License-Identifier: GPL-2.0
"""What the benchmark's rows say, as Markdown: goals first, then every cell."""

import textwrap

from machine.demo import size
from measure import goals
from measure.bench_rows import SUMS, Cell, is_own

NOTE = "Instructions, not time: no cache or TLB misses are seen."
#: subjects that only their sum is told of
PARTS = {part for parts in SUMS.values() for part in parts}


def markdown(titles, rows, numbers=()):
    """The lines of a table; the columns of these titles hold numbers."""
    lines = [titles, ["---:" if title in numbers else "---" for title in titles], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def number(n):
    """With spaces, as people read it."""
    return f"{n:,}".replace(",", " ")


def times(ratio, digits=2):
    """Not 0.00, however far ahead."""
    return f"{ratio:.{digits}f}" if ratio >= 0.1 else f"{ratio:.{digits}g}"


def place(cell):
    """Where a cell is, in words."""
    many = [size(str(cell.size))] if cell.size else []
    return ", ".join([cell.state, *many, *([f"{number(cell.live)} live"] if cell.live != 1 else [])])


def beside(judged):
    """What was compared."""
    if judged.base is None:
        return number(judged.value)
    return f"{number(judged.value)} / {number(judged.base)} = {times(judged.ratio(), 3)}"


def verdict(judged):
    """Met in all cells, or in so many."""
    met = sum(one.met() for one in judged)
    return "met" if met == len(judged) else f"not met in {len(judged) - met} of {len(judged)}"


def summary(table):
    """A row for each goal, told by the cell where it is nearest to being missed."""
    rows = []
    for topic in goals.TOPICS:
        what = topic.title if topic.unit == goals.INSTRUCTIONS else f"{topic.title}, {topic.unit}"
        for goal in topic.goals:
            judged = goals.judge(table, goal)
            if judged:
                worst = max(judged, key=lambda one: (not one.met(), one.ratio()))
                rows.append([what, goal.text(), beside(worst), place(worst.cell), verdict(judged)])
            else:
                rows.append([what, goal.text(), "-", "-", "not measured"])
    return markdown(["what", "VCM is to be", "where it is worst", "there", "goal"], rows)


def peer(own, value):
    """A peer's cost, and how many times that VCM takes."""
    if value is None:
        return "-"
    return f"{number(value)} ({times(own / value)})" if own is not None and value else number(value)


def cell_goals(judged):
    """What is wanted in one cell, and whether it is so."""
    texts = list(dict.fromkeys(one.goal.most() for one in judged))
    missed = list(dict.fromkeys(one.goal.most() for one in judged if not one.met()))
    return ["; ".join(texts) or "-", ("not met: " + "; ".join(missed) if missed else "met") if texts else "-"]


def detail(table, topic):
    """Every cell of a topic: VCM, each peer with the ratio, the goals."""
    judged = {}
    for goal in topic.goals:
        for one in goals.judge(table, goal):
            judged.setdefault(one.cell, []).append(one)
    names = table.who(topic.subject)
    rows = []
    for cell in table.cells(topic.subject):
        values = table.at(cell)
        shown = [number(values[n]) if is_own(n) and n in values else peer(values.get("vcm"), values.get(n))
                 for n in names]
        rows.append([cell.state, size(str(cell.size)), number(cell.live), *shown, *cell_goals(judged.get(cell, []))])
    return markdown(["state", "size", "live", *names, "goal", "met"], rows, ["size", "live", *names])


def topics(table):
    """Those with goals, then whatever else was measured."""
    known = {topic.subject for topic in goals.TOPICS}
    more = dict.fromkeys(cell.subject for cell in table.values if cell.subject not in known | PARTS)
    return [*goals.TOPICS, *(goals.Topic(subject.capitalize(), subject, unit="") for subject in more)]


def report(table, figures=()):
    """The whole of build/bench/vcm.md."""
    lines = ["# What VCM costs, beside what drivers use instead", "",
             f"{NOTE} Behind a peer's figure stands how many times that VCM takes.", "", "## Goals", "",
             *summary(table), ""]
    for topic in topics(table):
        if table.cells(topic.subject):
            unit = f", in {topic.unit}" if topic.unit else ""
            lines += [f"## {topic.title}{unit}", "", *detail(table, topic), ""]
    if figures:
        lines += ["## Curves", "", *(f"![{figure.stem}]({figure.name})" for figure in figures), ""]
    return "\n".join(lines)


#: what README shows, and the peers in the order of their columns: by hand, and otherwise
QUOTED = [
    ("an address, 64 KiB, among 100 000 with holes",
     Cell("reserve", "fragmented", 64 << 10, 100000), "iova", "maple"),
    ("the same, 100 000 holes too small, at worst",
     Cell("holes-worst", "comb", 8 << 10, 100000), "iova", "maple"),
    ("map + unmap 4 KiB", Cell("map+unmap", "contiguous", 4 << 10, 1), "floor", "dma_map"),
    ("map + unmap 16 MiB, contiguous", Cell("map+unmap", "contiguous", 16 << 20, 1), "floor", "dma_map"),
    ("map + unmap 16 MiB in single pages", Cell("map+unmap", "4K", 16 << 20, 1), "floor", "dma_map"),
    ("allocate, map, unmap, free 64 MiB", Cell("make+destroy", "fresh", 64 << 20, 1), "floor", "dma_noncontiguous"),
    ("64 MiB in parts of 64 KiB, 128 devices", Cell("share+unshare", "64K", 64 << 20, 128), None, "dma_buf"),
    ("64 buffers side by side leave a device", Cell("unbind-many", "adjacent", 64 << 10, 64), None, "dma_unmap"),
    ("64 MiB for the CPU, contiguous", Cell("kmap+kunmap", "contiguous", 64 << 20, 1), None, "vmap"),
    ("64 MiB for the CPU, single pages", Cell("kmap+kunmap", "4K", 64 << 20, 1), None, "vmap"),
]


#: what the documentation shows besides: where a peer is ahead, and what is no cost of a call
QUOTED_MORE = [
    ("an address, 4 KiB, nothing else reserved", Cell("reserve", "fresh", 4 << 10, 1), "iova", "iova-cached"),
    ("map + unmap 1 GiB, contiguous", Cell("map+unmap", "contiguous", 1 << 30, 1), "floor", "dma_map"),
    ("bind + unbind 16 MiB, contiguous", Cell("bind+unbind", "contiguous", 16 << 20, 1), None, "dma_iova"),
    ("bind + unbind 16 MiB in single pages", Cell("bind+unbind", "4K", 16 << 20, 1), None, "dma_iova"),
    ("IOMMU commands, 64 scattered buffers leave", Cell("commands", "scattered", 64 << 10, 64), None, "dma_unmap"),
    ("bytes of a context", Cell("bytes", "context", 0, 1), "iova", "drm_gpuvm"),
    ("bytes of a reservation", Cell("bytes", "reservation", 0, 1), "iova", "drm_gpuva"),
    ("bytes of a part of memory", Cell("bytes", "part", 0, 1), None, "scatterlist"),
    ("bytes of a further mapping, 64 MiB in 64 KiB", Cell("share-bytes", "64K", 64 << 20, 1), None, "dma_buf"),
]
COLUMNS = ["VCM", "the parts by hand", "otherwise"]


def quoted(table, cell, who):
    """A peer's column in README."""
    value = table.at(cell).get(who)
    return f"{who} {peer(table.at(cell).get('vcm'), value)}" if value is not None else "-"


def quoted_rows(table, quotes):
    """What was measured of it, in the columns of README."""
    return [[what, number(table.at(cell)["vcm"]), quoted(table, cell, by_hand), quoted(table, cell, other)]
            for what, cell, by_hand, other in quotes if "vcm" in table.at(cell)]


def quoted_note(table):
    """What stands below the quotes."""
    judged = [one for topic in goals.TOPICS for goal in topic.goals for one in goals.judge(table, goal)]
    met = sum(one.met() for one in judged)
    return (f"{NOTE} In parentheses: how many times that VCM takes. "
            f"Of {len(judged)} comparisons with a goal, {met} meet it.")


def block(table):
    """What README quotes."""
    return "\n".join([*markdown(["", *COLUMNS], quoted_rows(table, QUOTED)), "", quoted_note(table)]) + "\n"


def rest(titles, rows):
    """The lines of a simple table of reStructuredText, to which a dash alone is a list."""
    rows = [["--" if cell == "-" else cell for cell in line] for line in rows]
    width = [max(len(line[n]) for line in [titles, *rows]) for n in range(len(titles))]
    border = "  ".join("=" * n for n in width)
    lines = ["  ".join(cell.ljust(n) for cell, n in zip(line, width)).rstrip() for line in [titles, *rows]]
    return [border, lines[0], border, *lines[1:], border]


def rest_block(table):
    """What the documentation quotes."""
    rows = quoted_rows(table, [*QUOTED, *QUOTED_MORE])
    return "\n".join([*rest(["instructions", *COLUMNS], rows), "",
                      *textwrap.wrap(quoted_note(table), 85)]) + "\n"
