# SPDX-License-Identifier: GPL-2.0
"""VCM's goals, relative to what drivers use instead, and where they are met.

A missed goal is reported. Only an exceeded budget fails a run (measure/budget.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from measure.bench_rows import Cell

KIB, MIB = 1 << 10, 1 << 20
INSTRUCTIONS = "instructions"


def everywhere(_):
    return True


def in_pages(cell):
    """Return true if the IOMMU maps the memory in single pages: its parts, or all of it, are less than a block."""
    return cell.size >= MIB and (cell.state in ("4K", "64K") or cell.size < 2 * MIB)


def in_blocks(cell):
    return cell.state in ("contiguous", "2M") and cell.size >= 2 * MIB


def one_page(cell):
    return cell.size == 4 * KIB


def only(**wanted):
    """Return a predicate that is true for cells with these values."""
    return lambda cell: all(getattr(cell, name) == value for name, value in wanted.items())


@dataclass(frozen=True)
class Goal:
    """A limit of VCM's cost in each cell, usually as a multiple of a peer's cost."""
    subject: str
    limit: float
    #: empty if the limit is a plain number
    peer: str = ""
    #: number of live objects: the limit is a multiple of VCM's own cost there
    growth_from: int = 0
    #: true if the cost must be less than the limit
    below: bool = False
    own: tuple = ("vcm",)
    where: Callable[[Cell], bool] = everywhere
    #: @where in words
    place: str = ""

    def most(self):
        """Return the limit in words."""
        lead = "below" if self.below else "at most"
        what = self.peer or (f"that of {self.growth_from} live" if self.growth_from else "")
        if not what:
            return f"{lead} {self.limit:g}"
        return f"{lead} {what}" if self.limit == 1 else f"{lead} {self.limit:g} x {what}"

    def text(self):
        """Return the goal in words."""
        return f"{self.place}: {self.most()}" if self.place else self.most()


class Judged(NamedTuple):
    """A goal in one cell."""
    goal: Goal
    cell: Cell
    who: str
    value: int
    #: the cost that the limit is a multiple of; None if the limit is a plain number
    base: int | None

    def ratio(self):
        """Return the cost relative to @base or, without one, to the limit."""
        if self.base is None:
            return self.value / self.goal.limit
        return self.value / self.base if self.base else float("inf") if self.value else 1.0

    def met(self):
        most = self.goal.limit * (1 if self.base is None else self.base)
        return self.value < most if self.goal.below else self.value <= most


@dataclass(frozen=True)
class Topic:
    """A subject with its goals, shown in a table of its own."""
    title: str
    subject: str
    goals: tuple = ()
    unit: str = INSTRUCTIONS


def beside(subject, *peers, limit=1.0, **more):
    return tuple(Goal(subject, limit, peer=peer, **more) for peer in peers)


ADDRESSES = ("vcm", "vcm-reserve")

TOPICS = (
    Topic("Reserve and release an address", "reserve",
          (*beside("reserve", "iova", "maple", "gen_pool", own=ADDRESSES),
           Goal("reserve", 2.2, growth_from=1000, own=ADDRESSES, where=only(live=1000000), place="1000000 live"))),
    Topic("Reserve among holes that are too small: the mean", "holes-mean"),
    Topic("Reserve among holes that are too small: the worst case", "holes-worst",
          (Goal("holes-worst", 1500, below=True, own=ADDRESSES),)),
    Topic("Map and unmap existing memory", "map+unmap",
          (*beside("map+unmap", "floor", limit=1.03, where=in_pages, place="from 1 MiB in pages"),
           *beside("map+unmap", "floor", limit=1.10, where=one_page, place="at 4 KiB"),
           *beside("map+unmap", "floor", limit=1.10, where=in_blocks, place="in blocks"),
           *beside("map+unmap", "dma_map", "dma_iova", below=True))),
    Topic("Bind and unbind in a reservation that is kept", "bind+unbind",
          beside("bind+unbind", "dma_iova", below=True)),
    Topic("Make and destroy a binding", "make+destroy",
          (*beside("make+destroy", "floor", limit=1.05),
           *beside("make+destroy", "dma_noncontiguous", "dma_attrs", below=True))),
    Topic("TLB reach of a new binding", "leaves",
          beside("leaves", "dma_noncontiguous", "dma_attrs"), unit="page-table leaves"),
    Topic("Hand memory to a device that snoops", "sync-device", (Goal("sync-device", 60),)),
    Topic("Hand it back to the CPU", "sync-cpu", (Goal("sync-cpu", 60),)),
    Topic("Unbind many buffers at once", "unbind-many",
          (*beside("unbind-many", "dma_unmap", below=True),
           *beside("unbind-many", "vcm", limit=1.1, own=("vcm-deactivate", "vcm-destroy"),
                   place="deactivate or destroy with them"))),
    Topic("Unbind many buffers at once", "commands", beside("commands", "dma_unmap", below=True),
          unit="commands to the IOMMU"),
    Topic("One buffer in many contexts", "share+unshare",
          # linear, except that some page tables exist already
          (Goal("share+unshare", 128 * 1.01, growth_from=1, where=only(live=128), place="128 contexts"),
           *beside("share+unshare", "dma_buf", below=True))),
    Topic("A further mapping of a buffer", "share-bytes",
          (Goal("share-bytes", 256), *beside("share-bytes", "dma_buf")), unit="bytes"),
    Topic("Map and unmap 64 MiB for the CPU", "kmap+kunmap",
          (Goal("kmap+kunmap", 1000, below=True, where=only(state="contiguous"), place="contiguous"),
           Goal("kmap+kunmap", 0.01, peer="vmap", where=only(state="2M"), place="parts of 2 MiB"),
           Goal("kmap+kunmap", 1, peer="vmap", where=only(state="4K"), place="single pages"))),
    Topic("Memory for each object", "bytes",
          (*beside("bytes", "iova", "drm_gpuvm", below=True, where=only(state="context"), place="context"),
           *beside("bytes", "drm_gpuva", below=True, where=only(state="reservation"), place="reservation"),
           *beside("bytes", "scatterlist", where=only(state="part"), place="part")), unit="bytes"),
    Topic("Threads that bind and unbind at once", "threads", unit="ns of wall time for a round of all threads"),
)


def base(table, goal, cell, who):
    """Return the cost that the limit is a multiple of, or None if it was not measured."""
    if goal.growth_from:
        return table.at(cell._replace(live=goal.growth_from)).get(who)
    return table.at(cell).get(goal.peer)


def judge(table, goal):
    """Judge a goal in each of its cells that was measured."""
    judged = []
    for cell in filter(goal.where, table.cells(goal.subject)):
        for who in goal.own:
            value = table.at(cell).get(who)
            of = base(table, goal, cell, who)
            absolute = not goal.peer and not goal.growth_from
            if value is not None and (absolute or of is not None):
                judged.append(Judged(goal, cell, who, value, of))
    return judged
