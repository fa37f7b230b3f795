# SPDX-License-Identifier: GPL-2.0
"""The demo on every machine, and the table of what it showed."""

import re
import textwrap

import boot

SHOWN = ["smmuv3", "virtio-iommu", "none"]
TITLES = ["machine", "point", "provider", "buffer", "parts", "device address", "leaves",
          "verified", "result"]
POINTS = {
    "1": "a scattered buffer is contiguous for the device",
    "2": "one memory, two contexts and the CPU, no copy",
    "3": "two devices attached to one context",
    "4": "after vcm_unbind the device does not reach the memory",
    "5": "a driver leaves while another device uses its buffer",
    "28-bit": "a device that cannot reach any memory is refused",
    "remove": "drivers unbound, modules unloaded, nothing left",
}
#: how the IOMMU drivers report an access that they blocked
EVENT = re.compile(r"event: F_\w+ client: .* iova: (0x\w+).*|\w+ fault from EP \w+ at (0x\w+).*")
#: the demo says before it provokes that; the events come when the interrupt does
ANNOUNCED = re.compile(r"IOMMU events of \S+ at (0x\w+) to (0x\w+) are meant to be")

REFUSED = re.compile(r"(vcm-edu \S+: .*(?:error|cannot|fail|reach).*)", re.I)


def expected(machine):
    """The points a machine has to show."""
    if boot.MACHINES[machine].iommu:
        return ["1", "2", "3", "4", "5", "remove"]
    return ["1", "2", "3", "5", "28-bit", "remove"]


def size(number):
    """Bytes as people read them."""
    if not number.isdigit() or not int(number):
        return number
    n, units = int(number), ["B", "KiB", "MiB", "GiB"]
    while n % 1024 == 0 and len(units) > 1:
        n, units = n // 1024, units[1:]
    return f"{n} {units[0]}"


def show(image, machine):
    """Boot one machine. Returns its boot, its rows, and the points that are missing."""
    words = ["kunit.autorun=0"] if image.name == "debug" else []
    booted = boot.boot(image, machine, "demo", words, timeout=300)
    rows = [(r + ["-"] * 8)[:8] for r in booted.rows if r[0] != "seed"]
    missing = [p for p in expected(machine) if p not in {r[0] for r in rows}]
    if missing:
        booted.problems.append("points not shown: " + ", ".join(missing))
    bad = sorted({r[0] for r in rows if r[7] != "ok"})
    if bad:
        booted.problems.append("points failed: " + ", ".join(bad))
    meant, others = events(booted.lines)
    if boot.MACHINES[machine].iommu and not meant and "4" not in missing:
        booted.problems.append("the IOMMU reported no event for point 4")
    if others:
        booted.problems.append(f"the IOMMU reported what nobody meant: {others[0]}")
    return booted, rows, missing


def events(lines):
    """The IOMMU's events: those at addresses that the demo announced, and others."""
    meant, others, announced = [], [], []
    for line in lines:
        if m := ANNOUNCED.search(line):
            announced.append((int(m[1], 16), int(m[2], 16)))
        elif m := EVENT.search(line):
            where = int(m[1] or m[2], 16)
            good = any(first <= where <= last for first, last in announced)
            (meant if good else others).append(m[0].strip())
    return meant, others


def table(results):
    """The lines of the table; results are (machine, booted, rows)."""
    grid = [TITLES, None]
    for machine, _, rows in results:
        for point, provider, nbytes, *middle, verified, result in rows:
            # a long text goes on in the lines below
            first, *more = textwrap.wrap(verified, 64) or [""]
            grid.append([machine, point, provider, size(nbytes), *middle, first, result])
            grid += [[""] * 7 + [text, ""] for text in more]
        grid.append(None)
    widths = [max(len(row[i]) for row in grid if row) for i in range(len(TITLES))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row or ["-" * w for w in widths], widths)).rstrip()
             for row in grid]
    lines += [f"point {p}: {text}" for p, text in POINTS.items()]
    for machine, booted, _ in results:
        if seed := next((r[6] for r in booted.rows if r[0] == "seed"), None):
            lines.append(f"{machine}: data and windows from seed {seed}")
        if meant := events(booted.lines)[0]:
            lines.append(f"{machine}: the IOMMU on point 4: {meant[0]}")
        if refused := next((m[1] for line in booted.lines if (m := REFUSED.search(line))), None):
            lines.append(f"{machine}: the driver with 28 bits: {refused}")
    return lines
