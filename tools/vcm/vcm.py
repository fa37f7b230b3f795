#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The front of the tools: one subcommand for each target of the root Makefile."""

import os
import signal
import sys

from common import arch, deps
from common.steps import Failure, build_lock, unwritable
from kernel import images
from machine import boot, demo, shell
from measure import bench
from series import patches, review
from tree import base, overlay
from verify import gate, kunit, mutants, suites


def prepare(arches=(arch.ARM64,), test=False):
    deps.ensure(arches, test)
    base.ensure(os.environ.get("KSRC"))
    overlay.apply()


def run(machines):
    """Build the images, and run the demo on @machines or on the one that MACHINE= names."""
    one = shell.wanted(default=None, among=demo.EVERYWHERE)
    machines = [one] if one else machines
    prepare({boot.MACHINES[m].arch for m in machines})
    results = demo.show_all(machines, images.build_run)
    print("\n" + "\n".join(demo.table(results)) + "\n", flush=True)
    bad = [shown for shown in results if shown.complaints()]
    for shown in bad:
        shown.booted.failure(boot.MACHINES[shown.machine].title, shown.complaints()).show()
    if bad:
        raise Failure(f"{len(bad)} of {len(results)} machines")
    print(demo.verdict(results), flush=True)


def kunit_qemu():
    pattern = suites.wanted()
    machine = shell.wanted()
    architecture = boot.MACHINES[machine].arch
    prepare([architecture])
    image = images.build_debug(architecture)
    booted, counts = kunit.qemu(image, pattern, machine=machine)
    if booted.problems:
        raise booted.failure("KUnit")
    suites.judge("KUnit", counts, pattern, booted.log)


def kunit_um():
    pattern = suites.wanted()
    prepare()
    counts, log, alarms = kunit.um(pattern)
    if alarms:
        raise Failure("KUnit on ARCH=um", log, alarms)
    suites.judge("KUnit on ARCH=um", counts, pattern, log)


def console():
    machine, kind = shell.wanted(), shell.wanted_image()
    prepare([boot.MACHINES[machine].arch])
    shell.shell(machine, kind)


def measure():
    wanted = bench.wanted()
    prepare()
    bench.bench(*wanted)


def mutate():
    tried = mutants.wanted()
    prepare()
    mutants.all_of(tried)


def series_files():
    """Write the series. With BASE=, build/linux is not needed."""
    if not os.environ.get("BASE"):
        base.ensure(os.environ.get("KSRC"))
    patches.series()


def checked_series():
    deps.ensure(arch.ALL, series=True)
    base.ensure(os.environ.get("KSRC"))
    overlay.apply()
    review.check()


def gated(what, arches=(arch.ARM64,)):
    prepare(arches, test=True)
    if not what():
        raise SystemExit(1)


COMMANDS = {
    "deps": lambda: deps.ensure(arch.ALL, test=True),
    "base": lambda: base.ensure(os.environ.get("KSRC")),
    "overlay": prepare,
    "run": lambda: run(demo.SHOWN),
    "run-all": lambda: run(demo.EVERYWHERE),
    "test": lambda: gated(gate.test, gate.GATED),
    "test-all": lambda: gated(gate.test_all, arch.ALL),
    "checks": lambda: gated(gate.check, gate.GATED),
    "bench": measure,
    "mutants": mutate,
    "shell": console,
    "kunit": kunit_qemu,
    "kunit-um": kunit_um,
    "series": series_files,
    "series-check": checked_series,
}


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    # the kernel's makes must not inherit variables or jobs of the make that runs this
    for name in ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL"):
        os.environ.pop(name, None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        with build_lock(sys.argv[1]):
            COMMANDS[sys.argv[1]]()
    except Failure as failure:
        failure.show()
        return 1
    except OSError as error:
        failure = unwritable(error)
        if not failure:
            raise
        failure.show()
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the next run continues from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
