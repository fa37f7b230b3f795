# SPDX-License-Identifier: GPL-2.0
"""The table of architectures matches the machines, the fragments and the demo."""

import unittest

from common import arch
from kernel import kbuild
from machine import boot, demo
from tree import overlay


class Table(unittest.TestCase):
    def test_every_fragment_exists(self):
        for a in arch.ALL:
            for kind in ("run", "debug"):
                for name in kbuild.fragments(kind, a):
                    with self.subTest(arch=a.name, fragment=name):
                        self.assertTrue((kbuild.CONFIGS / name).is_file())

    def test_no_fragment_contradicts_another(self):
        for a in arch.ALL:
            for kind in ("run", "debug"):
                have = {}
                for name in kbuild.fragments(kind, a):
                    for symbol, value in kbuild.settings((kbuild.CONFIGS / name).read_text()).items():
                        with self.subTest(arch=a.name, fragment=name, symbol=symbol):
                            self.assertEqual(have.setdefault(symbol, value), value)

    def test_every_fragment_is_used(self):
        used = {name for a in arch.ALL for kind in ("run", "debug") for name in kbuild.fragments(kind, a)}
        self.assertEqual(used | {"check.config", "um.config"}, {f.name for f in kbuild.CONFIGS.iterdir()})

    def test_images_have_names_of_their_own(self):
        names = [kbuild.image(kind, a) for a in arch.ALL for kind in ("run", "debug")]
        self.assertEqual(len(set(names)), len(names))

    def test_every_architecture_is_shown(self):
        self.assertEqual({boot.MACHINES[m].arch for m in demo.EVERYWHERE}, set(arch.ALL))


class Makefiles(unittest.TestCase):
    def test_every_makefile_is_known(self):
        """The list has all Makefiles except drivers/Makefile, which only names a folder."""
        found = {name for name in overlay.repo_files() if name.endswith("/Makefile")}
        self.assertEqual(set(kbuild.MAKEFILES) | {"drivers/Makefile"}, found)


class Expected(unittest.TestCase):
    def test_isolation_needs_an_iommu(self):
        for machine, of in boot.MACHINES.items():
            with self.subTest(machine=machine):
                self.assertEqual("4" in demo.expected(machine), of.iommu)
                self.assertEqual("28-bit" in demo.expected(machine), not of.iommu)

    def test_every_point_is_explained(self):
        for machine in boot.MACHINES:
            self.assertLessEqual(set(demo.expected(machine)), set(demo.POINTS))


class Events(unittest.TestCase):
    ANNOUNCED = "vcm_edu_demo: IOMMU events of 0000:00:02.0 at 0x10000 to 0x40ffff are meant to be, from here"
    EVENTS = (
        "arm-smmu-v3 9050000.smmuv3: event: F_TRANSLATION client: 0000:00:02.0 sid: 0x10 ssid: 0x0 iova: 0x3619b5 ipa: 0x0",
        "virtio_iommu virtio0: page fault from EP 16 at 0x3619b5 []",
        "DMAR: [DMA Write NO_PASID] Request device [00:02.0] fault addr 0x361000 [fault reason 0x05] PTE Write access is not set",
        "vcm-edu 0000:00:02.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0002 address=0x361000 flags=0x0020]",
    )

    def test_what_was_announced_is_meant(self):
        for event in self.EVENTS:
            with self.subTest(event=event):
                meant, others = demo.events([self.ANNOUNCED, event])
                self.assertEqual((len(meant), len(others)), (1, 0))

    def test_nothing_else_is(self):
        for event in self.EVENTS:
            with self.subTest(event=event):
                self.assertEqual([len(found) for found in demo.events([event])], [0, 1])
                elsewhere = event.replace("0x361", "0x761")
                self.assertEqual([len(found) for found in demo.events([self.ANNOUNCED, elsewhere])], [0, 1])


if __name__ == "__main__":
    unittest.main()
