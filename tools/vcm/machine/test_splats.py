# SPDX-License-Identifier: GPL-2.0
"""The splat detector finds the alarms of kernels and nothing else."""

import unittest

from machine import boot, splats

ALARMS = """\
BUG: KASAN: slab-use-after-free in vcm_unbind+0x1c/0x90
BUG: KFENCE: out-of-bounds read in vcm_reserve+0x40/0x80
BUG: sleeping function called from invalid context at mm/vcm.c:100
BUG: Bad page state in process init  pfn:4a000
BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 30s!
WARNING: mm/vcm.c:100 at vcm_unbind+0x1c/0x90, CPU#0: init/1
WARNING: CPU: 0 PID: 1 at mm/vcm.c:100 vcm_unbind+0x1c/0x90
WARNING: possible circular locking dependency detected
WARNING: possible recursive locking detected
WARNING: inconsistent lock state
WARNING: suspicious RCU usage
INFO: trying to register non-static key.
INFO: task init:1 blocked for more than 122 seconds.
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
UBSAN: shift-out-of-bounds in mm/vcm-va.c:10:20
kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
VCM-LEAK: unreferenced object 0xffff000003a1b400 (size 256):
Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100
Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP
Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008
refcount_t: underflow; use-after-free.
list_del corruption. prev->next should be ffff000003a1b400, but was 0000000000000000
kernel BUG at mm/vcm.c:100!
Call trace:
Call Trace:
Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP
Unable to handle kernel paging request at virtual address 70000000 when read
Internal error: Oops: 206 [#1] SMP ARM
------------[ cut here ]------------
init: page allocation failure: order:10, mode:0xcc0(GFP_KERNEL)
DEBUG_LOCKS_WARN_ON(1)
""".splitlines()

HARMLESS = """\
    # vcm_unbind: EXPECTATION FAILED at mm/tests/vcm_core_kunit.c:10
    ok 7 vcm_warns_about_a_BUG: reported
    # vcm_bug.module: WARNING: is only a name here
arm-smmu-v3 9050000.smmuv3: event 0x10 received:
virtio_iommu virtio0: page fault from EP 16 at 0x10000 [W]
Kernel command line: console=ttyAMA0 panic=-1
mem auto-init: stack:all(zero), heap alloc:off, heap free:off
kmemleak: Kernel memory leak detector initialized (mem pool available: 31530)
VCM-INIT: kmemleak has scanned, nothing found
Lock dependency validator: Copyright (c) 2006 Red Hat, Inc., Ingo Molnar
""".splitlines()


class Splats(unittest.TestCase):
    def test_every_alarm_is_found(self):
        for line in ALARMS:
            for stamp in ("", "[    1.234567] "):
                with self.subTest(line=stamp + line):
                    self.assertEqual(splats.find([stamp + line]), [0])

    def test_nothing_else_is_found(self):
        for line in HARMLESS:
            for stamp in ("", "[    1.234567] "):
                with self.subTest(line=stamp + line):
                    self.assertEqual(splats.find([stamp + line]), [])

    def test_the_excerpt_holds_the_alarm(self):
        lines = [f"line {i}" for i in range(100)]
        lines[50] = ALARMS[0]
        self.assertIn(ALARMS[0], splats.excerpt(lines, splats.find(lines)))


class Judge(unittest.TestCase):
    DONE = "[    1.0] VCM-INIT: done, 0 failures"

    def problems(self, *lines, ended=True):
        found = []
        boot.judge(list(lines), ended, found)
        return found

    def test_clean(self):
        self.assertEqual(self.problems("[    0.5] hello", self.DONE), [])

    def test_alarm(self):
        self.assertTrue(self.problems(ALARMS[0], self.DONE))

    def test_no_end(self):
        self.assertTrue(self.problems("[    0.5] hello"))

    def test_init_counts_failures(self):
        self.assertTrue(self.problems("[    1.0] VCM-INIT: done, 2 failures"))

    def test_init_complains(self):
        self.assertTrue(self.problems("[    0.9] VCM-INIT: no demo", self.DONE))


if __name__ == "__main__":
    unittest.main()
