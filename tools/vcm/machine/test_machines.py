# SPDX-License-Identifier: GPL-2.0
"""MACHINE= selects the machine that is booted."""

import contextlib
import io
import os
import unittest
from pathlib import Path
from unittest import mock

from common import arch
from common.steps import Failure
from machine import boot, demo, shell
from verify import kunit
import vcm


def chosen(name):
    return mock.patch.dict(os.environ, {"MACHINE": name, "FILTER": "", "IMAGE": ""})


class Wanted(unittest.TestCase):
    def test_default(self):
        with chosen(""):
            self.assertEqual(shell.wanted(), "smmuv3")

    def test_every_machine(self):
        for name in boot.MACHINES:
            with chosen(name):
                self.assertEqual(shell.wanted(), name)

    def test_unknown(self):
        for command in ("run", "run-all", "kunit", "shell"):
            with (self.subTest(command), chosen("nosuch"), mock.patch.object(vcm, "prepare") as prepare,
                  self.assertRaisesRegex(Failure, "MACHINE=nosuch: it must be one of smmuv3, ")):
                vcm.COMMANDS[command]()
            prepare.assert_not_called()


class Run(unittest.TestCase):
    def machines(self, command, name):
        """Return the machines that a command boots, and the architectures that it prepares."""
        with (chosen(name), mock.patch.object(vcm, "prepare") as prepare,
              mock.patch.object(demo, "show_all", return_value=[]) as show,
              mock.patch.object(demo, "table", return_value=[]), mock.patch.object(demo, "verdict"),
              contextlib.redirect_stdout(io.StringIO())):
            vcm.COMMANDS[command]()
        return show.call_args[0][0], prepare.call_args[0][0]

    def test_without(self):
        self.assertEqual(self.machines("run", ""), (demo.SHOWN, {arch.ARM64}))
        self.assertEqual(self.machines("run-all", "")[0], demo.EVERYWHERE)

    def test_one(self):
        self.assertEqual(self.machines("run", "none"), (["none"], {arch.ARM64}))

    def test_one_of_another_architecture(self):
        self.assertEqual(self.machines("run", "intel-iommu"), (["intel-iommu"], {arch.X86_64}))

    def test_one_without_a_demo(self):
        with self.assertRaisesRegex(Failure, "MACHINE=plain"):
            self.machines("run", "plain")


class Suites(unittest.TestCase):
    def booted(self, machine, of=arch.ARM64, memory=None):
        """Return the machine and the label of KUnit's boot."""
        image = boot.Image("debug", "debug", of, Path(), Path())
        with mock.patch.object(boot, "boot") as boots, mock.patch.object(kunit, "parse"):
            kunit.qemu(image, machine=machine, memory=memory)
        return boots.call_args[0][1], boots.call_args[1]["label"]

    def test_default(self):
        self.assertEqual(self.booted(None), ("smmuv3", "kunit-debug"))
        self.assertEqual(self.booted(None, arch.X86_64)[0], "intel-iommu")
        self.assertEqual(self.booted(None, memory="512M"), ("smmuv3", "kunit-debug-512M"))

    def test_named(self):
        self.assertEqual(self.booted("virtio-iommu"), ("virtio-iommu", "kunit-debug-virtio-iommu"))


class Kunit(unittest.TestCase):
    def test_machine_is_handed_on(self):
        with (chosen("virtio-iommu"), mock.patch.object(vcm, "prepare"),
              mock.patch.object(vcm.images, "build_debug"), mock.patch.object(vcm.suites, "judge"),
              mock.patch.object(kunit, "qemu") as qemu):
            qemu.return_value = mock.Mock(problems=[]), {}
            vcm.COMMANDS["kunit"]()
        self.assertEqual(qemu.call_args[1]["machine"], "virtio-iommu")


if __name__ == "__main__":
    unittest.main()
