# SPDX-License-Identifier: GPL-2.0
"""Everything that gates a change: make test."""

import unittest
from pathlib import Path

import checks
import demo
import images
import kunit
import objects
from results import Results
from steps import Failure, progress


def own_tests(results):
    """The launcher's own tests: a detector that finds nothing would let everything pass."""
    with progress("tests of the tools"):
        suite = unittest.defaultTestLoader.discover(str(Path(__file__).parent / "tests"), "test_*.py")
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
    if not counts["passed"]:
        results.add(name, False, "no KUnit case passed")


def console(results, where, booted):
    """A clean console log is a test of its own."""
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
    everything = []
    for machine in demo.SHOWN:
        shown = demo.show(image, machine)
        everything.append(shown)
        where = f"{machine}, {image.name} image"
        for row in shown.rows:
            results.add(f"{where}: {row[0]} {row[6]}", row[7] == "ok")
        for point in shown.missing():
            results.add(f"{where}: point {point}", False, "not shown")
        console(results, where, shown.booted)
    print("\n" + "\n".join(demo.table(everything)) + "\n", flush=True)


def machines(image_name):
    return [f"{m}, {image_name} image" for m in demo.SHOWN]


def test():
    results = Results()
    with results.section("tests of the tools"):
        own_tests(results)
    with results.section("KUnit, ARCH=um"):
        kunit_on_um(results)
    with results.section(*machines("run")):
        demos(results, images.build_run())
    with results.section("KUnit, debug image", "KUnit, little memory", *machines("debug")):
        image = images.build_debug()
        with results.section("KUnit, debug image"):
            kunit_on_qemu(results, image, "KUnit, debug image")
        with results.section("KUnit, little memory"):
            kunit_on_qemu(results, image, "KUnit, little memory", filter_glob="vcm_phys.*", memory="512M")
        with results.section(*machines("debug")):
            demos(results, image)
    only_checks(results)
    return results.show()


def only_checks(results):
    with results.section("checkpatch, kernel-doc"):
        checks.run(results)
    for compiler in ("gcc", "clang"):
        with results.section(f"W=1 {compiler}"):
            objects.check(results, compiler)


def check():
    """The checks alone; they need what the images export."""
    results = Results()
    own_tests(results)
    for build in (images.build_run, images.build_debug):
        with results.section(build.__name__):
            build()
    only_checks(results)
    return results.show()
