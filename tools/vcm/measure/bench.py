# SPDX-License-Identifier: GPL-2.0
"""What VCM costs beside what drivers use instead: make bench.

  PYTHONPATH=tools/vcm python3 -m measure.bench LOG...  makes the same files from the kernel logs of other runs
"""

import os
import re
import sys
from pathlib import Path

from common import readme
from common.steps import BUILD, REPO, Failure, shown
from draw import curves
from kernel import images
from machine import boot
from measure import bench_report, bench_rows, budget

MODULE = REPO / "drivers/vcm/bench/run.c"
FOLDER = BUILD / "bench"
#: the SMMU's CMDQ_PROD, which counts the commands to it
COMMANDS = "0x9050098"
#: in seconds, many times what it takes: some ten minutes with all peers
TIMEOUT = 5400
#: the gate measures no peers, and no more live reservations, which takes half a minute
GATE_TIMEOUT, GATE_LIVE = 900, 100000


def measure(peers=True, max_live=1000000, timeout=TIMEOUT, only=None, machine="bench"):
    """Boot the run image with the benchmark added. @only: the part to measure. Returns the rows."""
    words = [f"vcm_bench.only={only}"] if only else []
    booted = boot.boot(images.build_bench(), machine, "bench",
                       [*words, f"vcm_bench.peers={int(peers)}", f"vcm_bench.max_live={max_live}",
                        f"vcm_bench.commands={COMMANDS}"], timeout=timeout)
    if booted.problems:
        raise booted.failure("the benchmark")
    rows = bench_rows.parse(booted.lines)
    if not rows:
        raise Failure(f"the benchmark measured nothing{f' (FILTER={only})' if only else ''}", booted.log)
    return rows


def everything(only):
    """All parts or one. Most count instructions; those that take two CPUs have a machine of their own."""
    rows = measure(only=only) if only not in budget.TIMED else []
    for part in budget.TIMED:
        if only in (None, part):
            rows += measure(only=part, machine="bench-threads")
    return rows


def own():
    """VCM's own columns, for the gate. Returns what budget.compare() does."""
    rows = measure(peers=False, max_live=GATE_LIVE, timeout=GATE_TIMEOUT)
    return budget.compare([row for row in budget.read() if row.cell.live <= GATE_LIVE], rows)


def write_files(rows):
    """CSV, Markdown and curves."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.svg"):
        old.unlink()
    table = bench_rows.Table(rows)
    bench_rows.write(FOLDER / "vcm.csv", rows)
    figures = curves.write(FOLDER, table)
    (FOLDER / "vcm.md").write_text(bench_report.report(table, figures))
    print("\n" + "\n".join(bench_report.summary(table)))
    print(f"\n{bench_report.NOTE} Every cell: {shown(FOLDER / 'vcm.md')}\n", flush=True)


def quote():
    """Take the last run over into README and the documentation. Returns which have a place for it."""
    table = bench_rows.Table(bench_rows.read(FOLDER / "vcm.csv"))
    return readme.quote(bench_report.block(table), bench_report.rest_block(table))


def compare(rows, only):
    """Raise Failure when VCM costs more than its budgets. A part knows nothing of others' subjects."""
    measured = {row.cell.subject for row in rows}
    bad, slack = budget.compare([b for b in budget.read() if not only or b.cell.subject in measured], rows)
    for line in slack:
        print(f"  tighten: {line} (make bench BUDGET=write)")
    complaints = [line for lines in bad.values() for line in lines]
    if complaints:
        raise Failure(f"{len(complaints)} rows are not within {shown(budget.FILE)}", lines=complaints)
    print(f"{len(budget.own(rows))} rows within {shown(budget.FILE)}", flush=True)


def parts():
    """The names of what the module measures."""
    return re.findall(r'^\t\{ "(\w+)", \d+, bench_\w+ \},$', MODULE.read_text(), re.M)


def wanted():
    """FILTER and BUDGET, when they say something; a part has no wildcards."""
    only, write = os.environ.get("FILTER") or None, os.environ.get("BUDGET")
    if only and only not in (names := parts()):
        raise Failure(f"FILTER={only}: it is one of {', '.join(names)}")
    if write not in (None, "", "write"):
        raise Failure(f"BUDGET={write}: it can be write")
    return only, write


def bench(only, write):
    """Measure everything, or a part; then compare with the budgets, or write them."""
    rows = everything(only)
    write_files(rows)
    if not write:
        compare(rows, only)
        return
    budget.write(rows, part=bool(only))
    print(f"wrote {shown(budget.FILE)}")
    # a part is not the table
    if not only:
        for file in quote():
            print(f"wrote {shown(file)}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    write_files(bench_rows.parse(line for log in sys.argv[1:]
                                 for line in Path(log).read_text(errors="backslashreplace").splitlines()))
