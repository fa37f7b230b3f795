# SPDX-License-Identifier: GPL-2.0
"""What VCM wants to be, beside what drivers use instead: one table of goals, and who meets them.

A goal that is missed is told, and fails nothing; that is what budgets are for (measure/budget.py).
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
    """Single pages are what the IOMMU gets: in parts that are less than a block, or in all."""
    return cell.size >= MIB and (cell.state in ("4K", "64K") or cell.size < 2 * MIB)


def in_blocks(cell):
    return cell.state in ("contiguous", "2M") and cell.size >= 2 * MIB


def one_page(cell):
    return cell.size == 4 * KIB


def only(**wanted):
    """Where these columns have these values."""
    return lambda cell: all(getattr(cell, name) == value for name, value in wanted.items())


@dataclass(frozen=True)
class Goal:
    """In each cell, VCM costs at most so many times what a peer does."""
    subject: str
    limit: float
    #: without one, the limit is a number
    peer: str = ""
    #: the same with so many live, instead of a peer
    growth_from: int = 0
    #: less than the limit, not at most that
    below: bool = False
    own: tuple = ("vcm",)
    where: Callable[[Cell], bool] = everywhere
    #: where that is, in words
    place: str = ""

    def most(self):
        """The limit in words."""
        lead = "below" if self.below else "at most"
        what = self.peer or (f"that of {self.growth_from} live" if self.growth_from else "")
        if not what:
            return f"{lead} {self.limit:g}"
        return f"{lead} {what}" if self.limit == 1 else f"{lead} {self.limit:g} x {what}"

    def text(self):
        """The goal in words."""
        return f"{self.place}: {self.most()}" if self.place else self.most()


class Judged(NamedTuple):
    """A goal in one cell."""
    goal: Goal
    cell: Cell
    who: str
    value: int
    #: what the limit is times of; None: it is a number itself
    base: int | None

    def ratio(self):
        """How near the limit; to be sorted by."""
        if self.base is None:
            return self.value / self.goal.limit
        return self.value / self.base if self.base else float("inf") if self.value else 1.0

    def met(self):
        most = self.goal.limit * (1 if self.base is None else self.base)
        return self.value < most if self.goal.below else self.value <= most


@dataclass(frozen=True)
class Topic:
    """What is compared, with a table of its own."""
    title: str
    subject: str
    goals: tuple = ()
    unit: str = INSTRUCTIONS


def beside(subject, *peers, limit=1.0, **more):
    return tuple(Goal(subject, limit, peer=peer, **more) for peer in peers)


ADDRESSES = ("vcm", "vcm-pages")

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
    Topic("Unbind many buffers at once", "unbind-many", beside("unbind-many", "dma_unmap", below=True)),
    Topic("Unbind many buffers at once", "commands", beside("commands", "dma_unmap", below=True),
          unit="commands to the IOMMU"),
    Topic("One buffer in many contexts", "share+unshare",
          # linear, but for which table happens to be there
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
    Topic("Threads that bind and unbind at once", "threads", unit="ns of wall time for each round of all"),
)


def base(table, goal, cell, who):
    """What the limit is times of, or None when that was not measured."""
    if goal.growth_from:
        return table.at(cell._replace(live=goal.growth_from)).get(who)
    return table.at(cell).get(goal.peer)


def judge(table, goal):
    """The goal in each of its cells that was measured."""
    judged = []
    for cell in filter(goal.where, table.cells(goal.subject)):
        for who in goal.own:
            value = table.at(cell).get(who)
            of = base(table, goal, cell, who)
            absolute = not goal.peer and not goal.growth_from
            if value is not None and (absolute or of is not None):
                judged.append(Judged(goal, cell, who, value, of))
    return judged
