# SPDX-License-Identifier: GPL-2.0
"""Report the benchmark's rows as Markdown: goals first, then every cell."""

import textwrap

from machine.demo import size
from measure import goals
from measure.bench_rows import SUMS, Cell, is_own

NOTE = "Instructions, not time: no cache or TLB misses are seen."
#: subjects that are shown only in their sum
PARTS = {part for parts in SUMS.values() for part in parts}


def markdown(titles, rows, numbers=()):
    """Return the lines of a table. @numbers: the titles of columns with numbers."""
    lines = [titles, ["---:" if title in numbers else "---" for title in titles], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def number(n):
    """Return a number with spaces between groups of three digits."""
    return f"{n:,}".replace(",", " ")


def times(ratio, digits=2):
    """Return a ratio as text. A small one keeps significant digits instead of becoming 0.00."""
    return f"{ratio:.{digits}f}" if ratio >= 0.1 else f"{ratio:.{digits}g}"


def place(cell):
    """Return the position of a cell in words."""
    many = [size(str(cell.size))] if cell.size else []
    return ", ".join([cell.state, *many, *([f"{number(cell.live)} live"] if cell.live != 1 else [])])


def beside(judged):
    """Return the two values that were compared, and their ratio."""
    if judged.base is None:
        return number(judged.value)
    return f"{number(judged.value)} / {number(judged.base)} = {times(judged.ratio(), 3)}"


def verdict(judged):
    """Return in words if a goal is met in all cells, or how many miss it."""
    met = sum(one.met() for one in judged)
    return "met" if met == len(judged) else f"not met in {len(judged) - met} of {len(judged)}"


def summary(table):
    """Return a table with a row for each goal, which shows the worst cell."""
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
    return markdown(["what", "goal", "worst case", "in cell", "result"], rows)


def peer(own, value):
    """Return a peer's cost, with VCM's as a multiple of it."""
    if value is None:
        return "-"
    return f"{number(value)} ({times(own / value)})" if own is not None and value else number(value)


def cell_goals(judged):
    """Return the goals of one cell, and the missed ones."""
    texts = list(dict.fromkeys(one.goal.most() for one in judged))
    missed = list(dict.fromkeys(one.goal.most() for one in judged if not one.met()))
    return ["; ".join(texts) or "-", ("not met: " + "; ".join(missed) if missed else "met") if texts else "-"]


def detail(table, topic):
    """Return a table of every cell of a topic: VCM, each peer with the ratio, the goals."""
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
    """Return the topics with goals, then one for each other subject that was measured."""
    known = {topic.subject for topic in goals.TOPICS}
    more = dict.fromkeys(cell.subject for cell in table.values if cell.subject not in known | PARTS)
    return [*goals.TOPICS, *(goals.Topic(subject.capitalize(), subject, unit="") for subject in more)]


def report(table, figures=()):
    """Return the text of build/bench/vcm.md."""
    lines = ["# What VCM costs, beside what drivers use instead", "",
             f"{NOTE} In parentheses after a peer's figure: VCM's as a multiple of it.", "", "## Goals", "",
             *summary(table), ""]
    for topic in topics(table):
        if table.cells(topic.subject):
            unit = f", in {topic.unit}" if topic.unit else ""
            lines += [f"## {topic.title}{unit}", "", *detail(table, topic), ""]
    if figures:
        lines += ["## Curves", "", *(f"![{figure.stem}]({figure.name})" for figure in figures), ""]
    return "\n".join(lines)


#: the rows of README: title, cell, and the peers of the columns "by hand" and "otherwise"
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


#: further rows of the documentation: cells where a peer is cheaper, and values other than a call's cost
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
    """Return a peer's column in README."""
    value = table.at(cell).get(who)
    return f"{who} {peer(table.at(cell).get('vcm'), value)}" if value is not None else "-"


def quoted_rows(table, quotes):
    """Return the rows that were measured, in the columns of README."""
    return [[what, number(table.at(cell)["vcm"]), quoted(table, cell, by_hand), quoted(table, cell, other)]
            for what, cell, by_hand, other in quotes if "vcm" in table.at(cell)]


def quoted_note(table):
    """Return the text below the quoted rows."""
    judged = [one for topic in goals.TOPICS for goal in topic.goals for one in goals.judge(table, goal)]
    met = sum(one.met() for one in judged)
    return (f"{NOTE} In parentheses: how many times that VCM takes. "
            f"Of {len(judged)} comparisons with a goal, {met} meet it.")


def block(table):
    """Return the text that README quotes."""
    return "\n".join([*markdown(["", *COLUMNS], quoted_rows(table, QUOTED)), "", quoted_note(table)]) + "\n"


def rest(titles, rows):
    """Return the lines of a simple reStructuredText table. A single dash would begin a list there."""
    rows = [["--" if cell == "-" else cell for cell in line] for line in rows]
    width = [max(len(line[n]) for line in [titles, *rows]) for n in range(len(titles))]
    border = "  ".join("=" * n for n in width)
    lines = ["  ".join(cell.ljust(n) for cell, n in zip(line, width)).rstrip() for line in [titles, *rows]]
    return [border, lines[0], border, *lines[1:], border]


def rest_block(table):
    """Return the text that the documentation quotes."""
    rows = quoted_rows(table, [*QUOTED, *QUOTED_MORE])
    return "\n".join([*rest(["instructions", *COLUMNS], rows), "",
                      *textwrap.wrap(quoted_note(table), 85)]) + "\n"
