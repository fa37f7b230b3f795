# SPDX-License-Identifier: GPL-2.0
"""Write the messages of the series and the cover letter, with the figures in them."""

import json
import re
import textwrap

from common import readme
from common.steps import Failure
from measure import bench_report, bench_rows
from measure.bench import FOLDER as BENCH
from series.manifest import FOLDER
from verify.results import MATRIX

WIDTH = 72
#: {bench: row of README's table: vcm or a peer}
PLACE = re.compile(r"\{bench:\s+([^:}]+?):\s+([^:}]+?)\}")
#: in place of the spaces of a figure while lines are broken, to keep it whole
NBSP = "\u00a0"


def measured(table):
    """Return row -> vcm or a peer -> instructions, of a complete run."""
    rows = {}
    for what, cell, by_hand, other in bench_report.QUOTED:
        at = table.at(cell)
        rows[what] = {"vcm": at["vcm"], **{who: at[who] for who in (by_hand, other) if who}}
    return rows


def written(text):
    """Return the same from README, which quotes the last run that was recorded."""
    rows = {}
    for line in readme.BENCH.search(text)[2].splitlines():
        what, own, *peers = [*(cell.strip() for cell in line.strip("| ").split(" | ")), "", ""][:4]
        if not re.match(r"[\d ]+$", own):
            continue
        rows[what] = {"vcm": int(own.replace(" ", ""))}
        for found in filter(None, (re.match(r"(\S+) ([\d ]+) \(", peer) for peer in peers)):
            rows[what][found[1]] = int(found[2].replace(" ", ""))
    return rows


def figures():
    """Return the rows that README quotes, and their source."""
    file = BENCH / "vcm.csv"
    try:
        if file.exists():
            return measured(bench_rows.Table(bench_rows.read(file))), "this tree"
    except KeyError:
        # the run measured some parts only (FILTER=)
        pass
    return written(readme.README.read_text()), "README"


def filled(text, rows):
    """Fill in the figures of a message. Paragraphs with figures get new line breaks."""

    def figure(match):
        what, who = (" ".join(word.split()) for word in match.groups())
        if what not in rows or who not in rows[what]:
            raise Failure(f"a message has {{bench: {what}: {who}}}, which the benchmark lacks",
                          lines=[f"{what}: {', '.join(of)}" for what, of in rows.items()])
        return bench_report.number(rows[what][who]).replace(" ", NBSP)

    def paragraph(one):
        if not PLACE.search(one):
            return one
        lines = textwrap.wrap(PLACE.sub(figure, one), WIDTH, break_long_words=False, break_on_hyphens=False)
        return "\n".join(lines).replace(NBSP, " ")

    return "\n\n".join(map(paragraph, text.split("\n\n")))


def message(patch, rows):
    """Return a patch's message: subject, empty line, reason."""
    file = FOLDER / f"{patch.name}.txt"
    if not file.exists():
        raise Failure(f"{patch.name} has no message: write tools/vcm/series/{file.name}")
    return filled(file.read_text().rstrip("\n"), rows) + "\n"


def results(rows):
    """Return the lines of the figures, each with its peers."""
    lines = []
    for what, of in rows.items():
        own = of["vcm"]
        peers = "".join(f"; {who} {bench_report.peer(own, value)}" for who, value in of.items() if who != "vcm")
        lines += [f"  {what}", f"      VCM {bench_report.number(own)}{peers}"]
    return "\n".join(lines)


def matrix():
    """Return the counts of the last complete test run."""
    if not MATRIX.exists():
        return "  (no test run in this tree; make test leaves one)"
    rows = [("", "passed", "failed", "skipped"), *json.loads(MATRIX.read_text())["rows"]]
    return "\n".join(f"  {what:<44} {passed:>7} {failed:>7} {skipped:>7}".rstrip()
                     for what, passed, failed, skipped in rows)


def changes(version):
    """Return the changes of each version after the first, from changes-vN.txt."""
    parts = []
    for n in range(version, 1, -1):
        file = FOLDER / f"changes-v{n}.txt"
        if not file.exists():
            raise Failure(f"version {n} needs a list of changes: write tools/vcm/series/{file.name}")
        parts.append(f"Changes since v{n - 1}:\n\n{file.read_text().strip()}\n\n")
    return "".join(parts)


def cover(version, release, rows, source):
    """Return (subject, text) of the cover letter."""
    text = (FOLDER / "cover.txt").read_text()
    subject, _, body = filled(text, rows).partition("\n")
    for name, value in {"release": release, "results": results(rows), "tests": matrix(),
                        "changes": changes(version)}.items():
        body = body.replace(f"{{{name}}}", value)
    if not MATRIX.exists():
        print("  tests: the cover letter has none; make test saves its counts", flush=True)
    if source == "README":
        print("  figures: taken from README; make bench measures this tree", flush=True)
    return subject, body.strip("\n") + "\n"
