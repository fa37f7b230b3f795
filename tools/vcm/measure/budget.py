# SPDX-License-Identifier: GPL-2.0
"""VCM's budgets, in bench-budget.csv: read, compare and write them."""

from pathlib import Path

from common.steps import Failure, shown
from measure import bench_rows

FILE = Path(__file__).parent / "bench-budget.csv"
#: a row fails if it is over its budget by more than this
OVER = 0.02
#: a budget should be lowered if a row is under it by more than this
UNDER = 0.05
#: subjects in wall time, which differs from run to run
TIMED = ("threads",)


def own(rows):
    return [row for row in rows if bench_rows.is_own(row.who) and row.cell.subject not in TIMED]


def read():
    if not FILE.exists():
        raise Failure(f"{shown(FILE)} is missing; make bench BUDGET=write makes it")
    return bench_rows.read(FILE)


def complaint(budget, row):
    """Return what is wrong with a row, or None. @budget or @row may be None."""
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
    """Return subject -> complaints, and the rows whose budgets could be lower."""
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
    """Write rows as budgets. With @part, keep the budgets of subjects that were not measured."""
    rows = own(rows)
    measured = {row.cell.subject for row in rows}
    kept = [row for row in read() if row.cell.subject not in measured] if part and FILE.exists() else []
    bench_rows.write(FILE, [*rows, *kept])
