#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the root Makefile calls: one subcommand for each target."""

import os
import signal
import sys

import base
import boot
import demo
import deps
import gate
import images
import kunit
import mutants
import overlay
import shell
from steps import Failure, build_lock


def prepare(test=False):
    deps.ensure(test)
    base.ensure(os.environ.get("KSRC"))
    overlay.apply()


def run():
    """Build one image, show it on every machine."""
    prepare()
    image = images.build_run()
    results = [demo.show(image, machine) for machine in demo.SHOWN]
    print("\n" + "\n".join(demo.table(results)) + "\n", flush=True)
    bad = [shown for shown in results if shown.complaints()]
    for shown in bad:
        shown.booted.failure(boot.MACHINES[shown.machine].title, shown.complaints()).show()
    if bad:
        raise Failure(f"{len(bad)} of {len(results)} machines")


def kunit_qemu():
    prepare()
    image = images.build_debug()
    booted, counts = kunit.qemu(image, os.environ.get("FILTER"))
    if booted.problems:
        raise booted.failure("KUnit")
    if not kunit.good(counts):
        raise Failure("KUnit", booted.log)


def kunit_um():
    prepare()
    counts, log, alarms = kunit.um(os.environ.get("FILTER"))
    if alarms or not kunit.good(counts):
        raise Failure("KUnit on ARCH=um", log, alarms)


def console():
    prepare()
    shell.shell()


def mutate():
    prepare()
    mutants.all_of_them()


def gated(what):
    prepare(test=True)
    if not what():
        raise SystemExit(1)


COMMANDS = {
    "deps": lambda: deps.ensure(test=True),
    "base": lambda: base.ensure(os.environ.get("KSRC")),
    "overlay": prepare,
    "run": run,
    "test": lambda: gated(gate.test),
    "checks": lambda: gated(gate.check),
    "mutants": mutate,
    "shell": console,
    "kunit": kunit_qemu,
    "kunit-um": kunit_um,
}


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    # the kernel's makes are no children of ours: they take no variables and no jobs from it
    for name in ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL"):
        os.environ.pop(name, None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        with build_lock():
            COMMANDS[sys.argv[1]]()
    except Failure as failure:
        failure.show()
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the next run goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
