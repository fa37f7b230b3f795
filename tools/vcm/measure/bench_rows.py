# SPDX-License-Identifier: GPL-2.0
"""Read the benchmark's rows: subject, state, size, live, who and value."""

import csv
from typing import NamedTuple

from common.steps import Failure

MARK = "VCM-BENCH: "
#: the state of a row that holds for every state
ANY = "any"
#: subjects whose cost is the sum of others
SUMS = {"map+unmap": ("map", "unmap"), "bind+unbind": ("bind", "unbind"), "make+destroy": ("make", "destroy"),
        "share+unshare": ("share", "unshare"), "kmap+kunmap": ("kmap", "kunmap")}
#: subjects whose size is that of a structure. VCM's and a peer's differ, so cells have no size
SIZELESS = ("bytes",)


class Cell(NamedTuple):
    """A cell of the table. VCM and all peers did the same work in it, so their values can be compared."""
    subject: str
    state: str
    size: int
    live: int


class Row(NamedTuple):
    cell: Cell
    who: str
    value: int


def is_own(who):
    """Return true if @who is VCM, false if it is a peer that drivers use instead."""
    return who == "vcm" or who.startswith("vcm-")


def row(fields):
    subject, state, size, live, who, value = fields
    return Row(Cell(subject, state, 0 if subject in SIZELESS else int(size), int(live)), who, int(value))


def fields(line):
    """Return the fields of a row as text."""
    return [*map(str, line.cell), line.who, str(line.value)]


def named(line):
    """Return the name of a row for messages."""
    return ",".join(fields(line)[:-1])


def parse(lines):
    """Return the rows in a kernel log."""
    found, seen = [], set()
    for line in lines:
        if MARK not in line:
            continue
        text = line.split(MARK, 1)[1].strip()
        try:
            found.append(row(text.split(",")))
        except ValueError:
            raise Failure("the benchmark printed an invalid row", lines=[text]) from None
        if found[-1][:2] in seen:
            raise Failure("the benchmark printed a row twice", lines=[text])
        seen.add(found[-1][:2])
    return found


def read(path):
    """Return the rows of a CSV file."""
    with open(path, newline="") as f:
        return [row(line.values()) for line in csv.DictReader(f)]


def write(path, rows):
    with open(path, "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow([*Cell._fields, *Row._fields[1:]])
        out.writerows(map(fields, rows))


class Table:
    """The values of all cells, including sums."""

    def __init__(self, rows):
        self.values = {}
        for cell, who, value in rows:
            self.values.setdefault(cell, {})[who] = value
        for whole, parts in SUMS.items():
            self.add(whole, parts)

    def add(self, whole, parts):
        """Add the cells of a subject that is the sum of others."""
        first, *others = parts
        for cell in [c for c in self.values if c.subject == first]:
            costs = [self.values[cell], *(self.values.get(cell._replace(subject=o), {}) for o in others)]
            both = {who: sum(cost[who] for cost in costs) for who in costs[0] if all(who in c for c in costs)}
            if both:
                self.values[cell._replace(subject=whole)] = both

    def at(self, cell):
        """Return name -> value of a cell, for VCM and its peers."""
        return {**self.values.get(cell._replace(state=ANY), {}), **self.values.get(cell, {})}

    def cells(self, subject):
        """Return the cells of a subject that VCM was measured in, in the order of the run."""
        return [c for c, values in self.values.items() if c.subject == subject and any(map(is_own, values))]

    def who(self, subject):
        """Return the names of all that were measured for a subject, VCM first."""
        names = {name: None for cell, values in self.values.items() if cell.subject == subject for name in values}
        return sorted(names, key=lambda name: not is_own(name))
