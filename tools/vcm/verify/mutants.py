# SPDX-License-Identifier: GPL-2.0
"""make mutants: break the code in one place at a time, and check that the tests catch it.

Each mutant is applied to build/linux only. It is caught if a KUnit case fails, the kernel crashes, or
the console shows an alarm. A run without a case is an error. Mutants that need the hardware of an IOMMU
run in QEMU.
"""

import os
import re
import sys

from common.steps import LOGS, Failure, run
from kernel import images, kbuild
from machine import splats
from tree import overlay
from tree.base import LINUX
from verify import kunit
from verify.mutants_list import MUTANTS

TIMEOUT = 240
SUBTEST = "# Subtest: "
SKIPPED = re.compile(r"ok \d+ (\S+) # SKIP")


def apply(path, old, new):
    file = LINUX / path
    text = file.read_text()
    if text.count(old) != 1:
        raise Failure(f"{path} has the text to replace {text.count(old)} times, not once:", lines=old.splitlines())
    file.write_text(text.replace(old, new))


def cases(log):
    """Return the failed cases and the first alarm of a console log, and true if a case ran."""
    lines = log.read_text(errors="backslashreplace").splitlines()
    texts = [unstamped(line).strip() for line in lines]
    failed = [line.split(" ", 3)[3].split("#")[0].strip() for line in texts
              if line.startswith("not ok ") and len(line.split(" ", 3)) > 3]
    begun = {line.removeprefix(SUBTEST) for line in texts if line.startswith(SUBTEST)}
    skipped = {m[1] for line in texts if (m := SKIPPED.match(line))}
    hits = splats.find(lines)
    return failed, lines[hits[0]].strip() if hits else None, bool(begun - skipped)


def unstamped(line):
    return line.split("] ", 1)[1] if line.startswith("[") and "] " in line else line


def on_um(suites):
    folder = kbuild.out("um")
    common = [f"--build_dir={folder.name}", *kunit.um_configs()]
    run("building", [sys.executable, kunit.TOOL, "build", *common, f"--jobs={kbuild.JOBS}",
                     *(f"--make_options={o}" for o in kbuild.compiler())],
        LOGS / "build-mutant.log", env=kbuild.ENV, cwd=LINUX)
    return kunit.exec_um(common, LOGS / "mutant.log", suites, timeout=TIMEOUT)


def on_qemu(suites):
    booted, counts = kunit.qemu(images.build_debug(), suites)
    return booted.problems or not kunit.good(counts), booted.log


def judge(name, suites, status, log):
    """Print if a mutant was caught, and by what. Return true if it was."""
    failed, alarm, ran = cases(log)
    if not ran and not alarm:
        raise Failure(f"{name}: the filter {suites} ran no case", log)
    names = sorted({case for case in failed if "-" not in case.split()[0]})
    by = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    if alarm:
        by = f"{by}; {alarm}" if by else alarm
    verdict = f"caught by {by}" if by else "caught: the run did not end" if status else "SURVIVED"
    print(f"{name}: {verdict}", flush=True)
    return bool(by or status)


def wanted():
    """Return the mutants whose names contain FILTER."""
    pattern = os.environ.get("FILTER") or ""
    picked = [m for m in MUTANTS if pattern in m[0]]
    if not picked:
        kinds = dict.fromkeys(name.partition(": ")[0] for name, *_ in MUTANTS)
        raise Failure(f"no mutant matches FILTER={pattern}; there are: {', '.join(kinds)}")
    return picked


def all_of(tried):
    survivors = []
    try:
        for name, path, old, new, where, suites in tried:
            overlay.apply()
            apply(path, old, new)
            try:
                if not judge(name, suites, *(on_um if where == "um" else on_qemu)(suites)):
                    survivors.append(name)
            except Failure as failure:
                failure.show()
                survivors.append(f"{name}: could not be tried")
    finally:
        overlay.apply()
    print(f"{len(tried)} mutants, {len(survivors)} survived")
    if survivors:
        raise Failure("mutants that no test catches", lines=survivors)
