# SPDX-License-Identifier: GPL-2.0
"""What VCM may cost: bench-budget.csv, which the benchmark is compared with."""

from pathlib import Path

from common.steps import Failure, shown
from measure import bench_rows

FILE = Path(__file__).parent / "bench-budget.csv"
#: more than a budget by this fails
OVER = 0.02
#: less by this, and the budget no longer keeps what was won
UNDER = 0.05
#: wall time, which no two runs agree on
TIMED = ("threads",)


def own(rows):
    return [row for row in rows if bench_rows.is_own(row.who) and row.cell.subject not in TIMED]


def read():
    if not FILE.exists():
        raise Failure(f"{shown(FILE)} is missing; make bench BUDGET=write makes it")
    return bench_rows.read(FILE)


def complaint(budget, row):
    """What is wrong with a row, or None; either may be missing."""
    if not row:
        return f"{bench_rows.named(budget)}: has a budget of {budget.value} and was not measured"
    if not budget:
        return f"{bench_rows.named(row)}: {row.value}, and has no budget"
    if row.value <= budget.value * (1 + OVER):
        return None
    return f"{bench_rows.named(row)}: {row.value}, {percent(budget, row)} over its budget of {budget.value}"


def percent(budget, row):
    return f"{abs(row.value - budget.value) / budget.value:.1%}" if budget.value else "all"


def compare(budgets, rows):
    """subject -> complaints; and the rows whose budgets could be less."""
    have = {row[:2]: row for row in own(rows)}
    wanted = {row[:2]: row for row in budgets}
    bad, slack = {}, []
    for key in {**wanted, **have}:
        budget, row = wanted.get(key), have.get(key)
        bad.setdefault(key[0].subject, []).extend(filter(None, [complaint(budget, row)]))
        if budget and row and row.value < budget.value * (1 - UNDER):
            slack.append(f"{bench_rows.named(row)}: {row.value}, {percent(budget, row)} under its budget of "
                         f"{budget.value}")
    return bad, slack


def write(rows, part=False):
    """Make what was measured the budget. After a part of it, the subjects of the others keep theirs."""
    rows = own(rows)
    measured = {row.cell.subject for row in rows}
    kept = [row for row in read() if row.cell.subject not in measured] if part and FILE.exists() else []
    bench_rows.write(FILE, [*rows, *kept])
