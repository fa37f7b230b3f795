# SPDX-License-Identifier: GPL-2.0
"""make mutants: break the code in one place at a time, and check that the tests catch it.

Each mutant is applied to build/linux only. It is caught if a KUnit case fails, the kernel crashes, or
the console shows an alarm. Mutants that need the hardware of an IOMMU run in QEMU.
"""

import os
import subprocess
import sys

from common.steps import LOGS, Failure, run
from kernel import images, kbuild
from machine import splats
from tree import overlay
from tree.base import LINUX
from verify import kunit
from verify.mutants_list import MUTANTS

TIMEOUT = 240


def apply(path, old, new):
    file = LINUX / path
    text = file.read_text()
    if text.count(old) != 1:
        raise Failure(f"{path} has the text to replace {text.count(old)} times, not once:", lines=old.splitlines())
    file.write_text(text.replace(old, new))


def cases(log):
    """Return the failed cases and the first alarm of a console log."""
    lines = log.read_text(errors="backslashreplace").splitlines()
    failed = [line.split(" ", 3)[3].split("#")[0].strip() for line in map(str.lstrip, map(unstamped, lines))
              if line.startswith("not ok ") and len(line.split(" ", 3)) > 3]
    hits = splats.find(lines)
    return failed, lines[hits[0]].strip() if hits else None


def unstamped(line):
    return line.split("] ", 1)[1] if line.startswith("[") and "] " in line else line


def on_um(suites):
    folder = kbuild.out("um")
    common = [f"--build_dir={folder.name}", *kunit.um_configs()]
    run("building", [sys.executable, kunit.TOOL, "build", *common, f"--jobs={kbuild.JOBS}",
                     *(f"--make_options={o}" for o in kbuild.compiler())],
        LOGS / "build-mutant.log", env=kbuild.ENV, cwd=LINUX)
    status = run("KUnit on ARCH=um", [sys.executable, kunit.TOOL, "exec", *common, f"--timeout={TIMEOUT}", suites],
                 LOGS / "mutant.log", cwd=LINUX, check=False)
    return status, folder / "test.log"


def on_qemu(suites):
    booted, counts = kunit.qemu(images.build_debug(), suites)
    return booted.problems or not kunit.good(counts), booted.log


def judge(name, status, log):
    failed, alarm = cases(log)
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
                status, log = (on_um if where == "um" else on_qemu)(suites)
            except Failure as failure:
                failure.show()
                survivors.append(f"{name}: could not be tried")
            else:
                if not judge(name, status, log):
                    survivors.append(name)
    finally:
        overlay.apply()
    print(f"{len(tried)} mutants, {len(survivors)} survived")
    if survivors:
        raise Failure("mutants that no test catches", lines=survivors)
