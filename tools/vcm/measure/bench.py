# SPDX-License-Identifier: GPL-2.0
"""make bench: measure what VCM costs, beside what drivers use instead.

  PYTHONPATH=tools/vcm python3 -m measure.bench LOG...  write the same files from the kernel logs of other runs
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
#: seconds; a run with all peers takes about ten minutes
TIMEOUT = 5400
#: the gate measures without peers and with at most so many live reservations, in half a minute
GATE_TIMEOUT, GATE_LIVE = 900, 100000


def measure(peers=True, max_live=1000000, timeout=TIMEOUT, only=None, machine="bench"):
    """Boot the run image with the benchmark. @only: the part to measure. Return the rows."""
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
    """Measure all parts, or one. Most count instructions; those with two CPUs run on another machine."""
    rows = measure(only=only) if only not in budget.TIMED else []
    for part in budget.TIMED:
        if only in (None, part):
            rows += measure(only=part, machine="bench-threads")
    return rows


def own():
    """Measure VCM's own columns for the gate. Return the result of budget.compare()."""
    rows = measure(peers=False, max_live=GATE_LIVE, timeout=GATE_TIMEOUT)
    return budget.compare([row for row in budget.read() if row.cell.live <= GATE_LIVE], rows)


def write_files(rows):
    """Write rows as CSV, Markdown and curves."""
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
    """Copy the last run into README and the documentation. Return the files that have marks for it."""
    table = bench_rows.Table(bench_rows.read(FOLDER / "vcm.csv"))
    return readme.quote(bench_report.block(table), bench_report.rest_block(table))


def compare(rows, only):
    """Raise Failure if VCM costs more than its budgets. With @only, compare the measured subjects."""
    measured = {row.cell.subject for row in rows}
    bad, slack = budget.compare([b for b in budget.read() if not only or b.cell.subject in measured], rows)
    for line in slack:
        print(f"  tighten: {line} (make bench BUDGET=write)")
    complaints = [line for lines in bad.values() for line in lines]
    if complaints:
        raise Failure(f"{len(complaints)} rows are not within {shown(budget.FILE)}", lines=complaints)
    within = len(budget.own(rows))
    print(f"{within} rows within {shown(budget.FILE)}" if within else "nothing compared: wall time has no budget",
          flush=True)


def parts():
    """Return the names of the parts of the benchmark."""
    return re.findall(r'^\t\{ "(\w+)", \d+, bench_\w+ \},$', MODULE.read_text(), re.M)


def wanted():
    """Return FILTER and BUDGET. Raise Failure if FILTER is not a part's name or BUDGET is unknown."""
    only, write = os.environ.get("FILTER") or None, os.environ.get("BUDGET")
    if only and only not in (names := parts()):
        raise Failure(f"FILTER={only}: it must be one of {', '.join(names)}")
    if write not in (None, "", "write"):
        raise Failure(f"BUDGET={write}: it must be write")
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
    # README's table needs all parts
    if not only:
        for file in quote():
            print(f"wrote {shown(file)}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    write_files(bench_rows.parse(line for log in sys.argv[1:]
                                 for line in Path(log).read_text(errors="backslashreplace").splitlines()))
