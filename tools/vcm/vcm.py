#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the root Makefile calls: one subcommand for each target."""

import os
import sys

import base
import boot
import demo
import deps
import gate
import images
import kunit
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
    results, failures = [], []
    for machine in demo.SHOWN:
        booted, rows, _ = demo.show(image, machine)
        results.append((machine, booted, rows))
        if booted.problems:
            failures.append(booted.failure(boot.MACHINES[machine].title))
    print("\n" + "\n".join(demo.table(results)) + "\n", flush=True)
    for failure in failures:
        failure.show()
    if failures:
        raise Failure(f"{len(failures)} of {len(demo.SHOWN)} machines")


def kunit_qemu():
    prepare()
    image = images.build_debug()
    booted, _ = kunit.qemu(image, os.environ.get("FILTER"))
    if booted.problems:
        raise booted.failure("KUnit")
    print(f"  log: {booted.log}")


def kunit_um():
    prepare()
    kunit.um(os.environ.get("FILTER"))


def console():
    prepare()
    shell.shell()


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
    "shell": console,
    "kunit": kunit_qemu,
    "kunit-um": kunit_um,
}


def main():
    # the kernel's makes are no children of ours: they take no variables and no jobs from it
    for name in ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL"):
        os.environ.pop(name, None)
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
