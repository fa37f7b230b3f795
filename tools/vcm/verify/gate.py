# SPDX-License-Identifier: GPL-2.0
"""Run everything that gates a change: make test, and make test-all on every machine."""

import unittest
from pathlib import Path

from common.arch import ALL, ARM64, ARM_LPAE
from common.steps import Failure, progress
from kernel import images
from machine import boot, demo
from measure import bench
from series import review
from verify import checks, kunit, objects, suites
from verify.results import Results

#: the architectures that gate every change: a 64-bit one, and one with addresses wider than a long
GATED = (ARM64, ARM_LPAE)
#: each folder of the tools contains the unit tests of its modules
TOOLS = Path(__file__).resolve().parents[1]


def own_tests(results):
    """Run the unit tests of the tools: a broken detector would let everything pass."""
    with progress("tests of the tools"):
        suite = unittest.defaultTestLoader.discover(str(TOOLS), "test_*.py")
        outcome = unittest.TestResult()
        suite.run(outcome)
    bad = outcome.failures + outcome.errors
    results.count(passed=outcome.testsRun - len(bad))
    for test, trace in bad:
        results.add(f"tools: {test}", False, trace)
    if not outcome.testsRun:
        results.add("tools", False, "no tests found")


def cases(results, name, counts):
    results.count(passed=counts["passed"], skipped=counts["skipped"],
                  failed=[f"{name}: {case}" for case in counts["bad"]])
    results.ran |= counts["ran"]
    if not counts["passed"]:
        results.add(name, False, "no KUnit case passed")


def nothing_left_out(results):
    """Check that each case ran on at least one machine. Each may skip some, or be built without a suite."""
    left = [f"{suite}.{case}" for suite, of in suites.known().items() for case in of
            if f"{suite}.{case}" not in results.ran]
    results.add("every KUnit case ran", not left, ", ".join(left))


def console(results, where, booted):
    """Count a console log as a test that passes if it is clean."""
    results.add(f"{where}: console", not booted.problems)
    if booted.problems:
        booted.failure(where).show()


def kunit_on_qemu(results, image, name, **how):
    booted, counts = kunit.qemu(image, brief=True, **how)
    cases(results, name, counts)
    console(results, name, booted)


def kunit_on_um(results):
    counts, log, alarms = kunit.um(brief=True)
    cases(results, "KUnit, ARCH=um", counts)
    results.add("KUnit, ARCH=um: console", not alarms)
    if alarms:
        Failure("KUnit, ARCH=um", log, alarms).show()


def demos(results, image):
    everything = demo.show_all(machines(image.arch), lambda arch: image)
    for shown in everything:
        where = f"{shown.machine}, {image.kind} image"
        with results.under(where):
            for row in shown.rows:
                results.add(f"{where}: {row[0]} {row[6]}", row[7] == "ok")
            for point in shown.missing():
                results.add(f"{where}: point {point}", False, "not shown")
            console(results, where, shown.booted)
    print("\n" + "\n".join(demo.table(everything)) + "\n", flush=True)


def machines(arch):
    """Return the machines of an architecture that the demo runs on."""
    return [m for m in demo.EVERYWHERE if boot.MACHINES[m].arch is arch]


def sections(kind, arch):
    return [f"{m}, {kind} image" for m in machines(arch)]


def debug_image(results, arch):
    """Run the suites and the demo under every checker."""
    where = f"KUnit, {arch.name} debug image"
    little = [f"KUnit, {arch.name}, little memory"] if arch is ARM64 else []
    with results.section(where, *little, *sections("debug", arch)):
        image = images.build_debug(arch)
        with results.section(where):
            kunit_on_qemu(results, image, where)
        for name in little:
            with results.section(name):
                kunit_on_qemu(results, image, name, filter_glob="vcm_phys.*", memory="512M")
        with results.section(*sections("debug", arch)):
            demos(results, image)


def run_image(results, arch):
    with results.section(*sections("run", arch)):
        demos(results, images.build_run(arch))


def benchmark(results):
    """Compare VCM's own columns with their budgets. Each subject is a test."""
    bad, slack = bench.own()
    for subject, complaints in bad.items():
        results.add(f"benchmark: {subject}", not complaints, "\n".join(["", *(f"    {c}" for c in complaints[:20])]))
    if slack:
        print(f"  benchmark: {len(slack)} budgets could be lower; make bench lists them", flush=True)


def everything(results, debug, run):
    """Test the debug images of the architectures @debug and the run images of @run."""
    with results.section("tests of the tools"):
        own_tests(results)
    with results.section("KUnit, ARCH=um"):
        kunit_on_um(results)
    for arch in run:
        run_image(results, arch)
    with results.section("benchmark"):
        benchmark(results)
    for arch in debug:
        debug_image(results, arch)
    with results.section("KUnit, all machines"):
        nothing_left_out(results)
    only_checks(results)
    results.save()
    return results.show()


def test():
    return everything(Results(), debug=GATED, run=[ARM64])


def test_all():
    return everything(Results(), debug=ALL, run=ALL)


def only_checks(results):
    with results.section("checkpatch, kernel-doc"):
        checks.run(results)
    with results.section("series"):
        review.quick(results)
    for compiler in ("gcc", "clang"):
        with results.section(f"W=1 {compiler}"):
            objects.check(results, compiler)
    with results.section("W=1 gcc, 32 bits"):
        objects.build(results, "gcc", ARM_LPAE)


def check():
    """Run the checks alone. They need the symbols that the images export."""
    results = Results()
    own_tests(results)
    for build in (images.build_run, images.build_debug):
        with results.section(build.__name__):
            build()
    only_checks(results)
    return results.show()
