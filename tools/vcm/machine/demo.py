# SPDX-License-Identifier: GPL-2.0
"""Run the demo on machines, and make a table of its results."""

import re
import textwrap
from dataclasses import dataclass

from common import steps
from machine import boot
from machine.disk import Disk

SHOWN = ["smmuv3", "virtio-iommu", "none"]
EVERYWHERE = [*SHOWN, "arm-lpae", "arm", "intel-iommu", "amd-iommu"]
TITLES = ["machine", "point", "provider", "buffer", "parts", "device address", "leaves",
          "verified", "result"]
POINTS = {
    "1": "a scattered buffer is contiguous for the device",
    "2": "one allocation in two contexts and for the CPU, without a copy",
    "3": "two devices attached to one context",
    "4": "after vcm_unbind the device cannot reach the memory",
    "5": "a driver leaves while another device uses its buffer",
    "6": "prescribed addresses, and windows",
    "7": "memory that suits two devices and the CPU, and its addresses",
    "8": "many buffers leave a device at once",
    "9": "a device is unplugged with memory bound",
    "disk": "an unmodified disk driver uses VCM's buffers",
    "dma": "a device keeps its DMA API and has a context in it",
    "cma": "VCM and the DMA API allocate from one CMA area, a shared-dma-pool",
    "suspend": "memory bound before a system suspend is reachable after it",
    "28-bit": "a device that cannot reach any memory is refused",
    "remove": "drivers unbound, modules unloaded, nothing left",
}
#: an IOMMU driver's report of a blocked access
EVENT = re.compile(r"event: F_\w+ client: .* iova: (0x\w+).*|\w+ fault from EP \w+ at (0x\w+).*|"
                   r"DMAR: \[DMA \w+ .*\] Request device .* fault addr (0x\w+).*|"
                   r"AMD-Vi: Event logged \[IO_PAGE_FAULT .*address=(0x\w+).*")
#: the demo announces the addresses before it provokes events, which arrive later, with an interrupt
ANNOUNCED = re.compile(r"IOMMU events of \S+ at (0x\w+) to (0x\w+) are meant to be")

#: the kernel's CMA area, and the DMA API's memory that point cma reports to be in it
CMA_AREA = re.compile(r"created CMA memory pool at (0x\w+), size (\d+) MiB")
CMA_USER = re.compile(r"from the CMA area .* takes (\d+) bytes from, at (0x\w+)")

REFUSED = re.compile(r"(vcm-edu \S+: .*(?:error|cannot|fail|reach).*)", re.I)


def expected(machine):
    """Return the points that a machine must show."""
    of = boot.MACHINES[machine]
    # isolation (4) and prescribed addresses (6) need an IOMMU
    points = [p for p in "123456789" if of.iommu or p not in "46"]
    disk = ["disk", "dma", *([] if of.iommu else ["cma"])] if of.disk else []
    return [*points, *disk, *([] if of.sleepless else ["suspend"]), *([] if of.iommu else ["28-bit"]), "remove"]


def size(number):
    """Return a number of bytes in the largest unit that divides it."""
    if not number.isdigit() or not int(number):
        return number
    n, units = int(number), ["B", "KiB", "MiB", "GiB"]
    while n % 1024 == 0 and len(units) > 1:
        n, units = n // 1024, units[1:]
    return f"{n} {units[0]}"


@dataclass
class Shown:
    """The demo's results on one machine."""
    machine: str
    booted: boot.Boot
    rows: list

    def missing(self):
        shown = {row[0] for row in self.rows}
        return [p for p in expected(self.machine) if p not in shown]

    def complaints(self):
        """Return everything that is wrong, for the user."""
        bad = sorted({row[0] for row in self.rows if row[7] != "ok"})
        return (([f"points failed: {', '.join(bad)}"] if bad else [])
                + ([f"points not shown: {', '.join(self.missing())}"] if self.missing() else [])
                + self.booted.problems)


def show(image, machine):
    """Run the demo on one machine."""
    of = boot.MACHINES[machine]
    words = ["kunit.autorun=0"] if image.kind == "debug" else []
    if not of.sleepless:
        words += [f"vcm.suspend={of.sleep}"]
    disk = Disk(f"{image.name}-{machine}") if of.disk else None
    booted = boot.boot(image, machine, "demo", words, timeout=600, disk=disk and disk.path)
    if disk:
        booted.problems += disk.problems([row for row in booted.rows if len(row) > 7])
    shown = Shown(machine, booted, [(r + ["-"] * 8)[:8] for r in booted.rows if r[0] != "seed"])
    meant, others = events(booted.lines)
    if "4" in expected(machine) and of.events and not meant:
        booted.problems.append("the IOMMU reported no event for point 4")
    if others:
        booted.problems.append(f"the IOMMU reported an unexpected event: {others[0]}")
    booted.problems += outside_cma(booted.lines, shown.rows)
    return shown


def outside_cma(lines, rows):
    """Return a problem for each range that point cma reports to be CMA memory and that is outside the area.

    A row that names no ranges is a problem too.
    """
    area = next((m for line in lines if (m := CMA_AREA.search(line))), None)
    first = int(area[1], 16) if area else 0
    last = first + (int(area[2]) << 20) - 1 if area else -1
    problems = []
    for row in rows:
        if row[0] != "cma" or row[7] != "ok":
            continue
        user = CMA_USER.search(row[6])
        if not user:
            problems.append(f"point cma names no memory of the DMA API: {row[6]}")
        else:
            ranges = [(int(row[4], 16), int(row[2])), (int(user[2], 16), int(user[1]))]
            problems += [f"{size} bytes at {start:#x} are not from the CMA area" for start, size in ranges
                         if start < first or start + size - 1 > last]
    return problems


def show_all(machines, build):
    """Run the demo on machines. Build the image of each architecture once."""
    built, shown = {}, []
    for machine in machines:
        arch = boot.MACHINES[machine].arch
        if arch not in built:
            built[arch] = build(arch)
        shown.append(show(built[arch], machine))
    return shown


def events(lines):
    """Return the IOMMU's events at addresses that the demo announced, and the other events."""
    meant, others, announced = [], [], []
    for line in lines:
        if m := ANNOUNCED.search(line):
            announced.append((int(m[1], 16), int(m[2], 16)))
        elif m := EVENT.search(line):
            where = int(next(filter(None, m.groups())), 16)
            good = any(first <= where <= last for first, last in announced)
            (meant if good else others).append(m[0].strip())
    return meant, others


def verdict(results):
    """Return the last line of a good run: what ran, where the logs are, what to do next."""
    many = "s" if len(results) > 1 else ""
    logs = steps.LOGS / "run-*.log" if many else results[0].booted.log
    return (f"{len(results)} machine{many}, all points ok; console log{many}: {steps.shown(logs)}; "
            f"next: make shell MACHINE={results[0].machine}")


def table(results):
    """Return the lines of the table of results."""
    grid = [TITLES, None]
    for shown in results:
        for point, provider, nbytes, *middle, verified, result in shown.rows:
            # a long text continues on the next lines
            first, *more = textwrap.wrap(verified, 64) or [""]
            grid.append([shown.machine, point, provider, size(nbytes), *middle, first, result])
            grid += [[""] * 7 + [text, ""] for text in more]
        grid.append(None)
    widths = [max(len(row[i]) for row in grid if row) for i in range(len(TITLES))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row or ["-" * w for w in widths], widths)).rstrip()
             for row in grid]
    lines += [f"point {p}: {text}" for p, text in POINTS.items()]
    for shown in results:
        console = shown.booted
        if seed := next((r[6] for r in console.rows if r[0] == "seed"), None):
            lines.append(f"{shown.machine}: data and windows from seed {seed}")
        if why := boot.MACHINES[shown.machine].sleepless:
            lines.append(f"{shown.machine}: no suspend: {why}")
        if meant := events(console.lines)[0]:
            lines.append(f"{shown.machine}: the IOMMU on point 4: {meant[0]}")
        if refused := next((m[1] for line in console.lines if (m := REFUSED.search(line))), None):
            lines.append(f"{shown.machine}: the driver with 28 bits: {refused}")
    return lines
