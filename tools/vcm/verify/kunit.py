# SPDX-License-Identifier: GPL-2.0
"""Run the KUnit suites on ARCH=um at native speed, and on the debug kernel in QEMU."""

import json
import os
import subprocess
import sys
from pathlib import Path

from common.steps import LOGS, Failure, run
from kernel import kbuild
from machine import boot, splats
from tree.base import LINUX

TOOL = LINUX / "tools/testing/kunit/kunit.py"
PORTABLE = LINUX / "mm/tests/vcm.kunitconfig"
#: the example driver leaves its devices to the suites; the timeout allows for slow hosts
COMMAND_LINE = ["vcm_edu.leave=1", "kunit.timeout=900"]
TIMEOUT = 3000


def kunitconfig():
    """Return the suites' own configuration, or the one named by KUNITCONFIG=."""
    path = Path(os.environ.get("KUNITCONFIG") or PORTABLE).absolute()
    if not path.is_file():
        raise Failure(f"there is no KUnit configuration {path}")
    return path


def bad_cases(group, path=""):
    """Yield the names of a result's cases that did anything but pass or skip."""
    here = f"{path}{group['name']}." if group["name"] != "main" else path
    for case in group["test_cases"]:
        if case["status"] not in ("PASS", "SKIP"):
            yield here + case["name"]
    for sub in group["sub_groups"]:
        yield from bad_cases(sub, here)


def ran(group):
    """Return suite.case of each case that was not skipped, once however many parameters it has."""
    names = {f"{suite['name']}.{case['name']}" for suite in group["sub_groups"] for case in suite["test_cases"]
             if case["status"] != "SKIP"}
    return names | {f"{suite['name']}.{case['name']}" for suite in group["sub_groups"] for case in suite["sub_groups"]
                    if any(run["status"] != "SKIP" for run in case["test_cases"])}


def parse(log, brief):
    """Print a console log with KUnit's parser. Return the counts of cases, the bad cases and those that ran."""
    result = LOGS / f"{log.stem}.json"
    result.unlink(missing_ok=True)
    sys.stdout.flush()
    subprocess.run([sys.executable, TOOL, "parse", f"--json={result}", *(["--failed"] if brief else []),
                    log], stdin=subprocess.DEVNULL)
    if not result.exists():
        raise Failure("KUnit's parser gave no result", log)
    group = json.loads(result.read_text())
    counts = group["misc"]
    bad = list(bad_cases(group))
    # errors of the parser itself, such as a suite that ends early, belong to no case
    rest = sum(counts[kind] for kind in ("failed", "crashed", "errors")) - len(bad)
    bad += ["an error of the suites or of the log"] * rest
    return {"passed": counts["passed"], "skipped": counts["skipped"], "bad": bad, "ran": ran(group)}


def good(counts):
    return counts["passed"] and not counts["bad"]


def default_machine(arch):
    return next(name for name, m in boot.MACHINES.items() if m.arch is arch)


def label(image, machine, memory):
    """Return the name of a run's log. It contains the machine unless that is the default one."""
    where = "" if machine == default_machine(image.arch) else machine
    return "-".join(filter(None, ["kunit", image.name, where, memory]))


def qemu(image, filter_glob=None, memory=None, brief=False, machine=None):
    """Run the suites on a debug image. Return the boot and the counts of cases."""
    machine = machine or default_machine(image.arch)
    words = list(COMMAND_LINE)
    if filter_glob:
        words += [f"kunit.filter_glob={filter_glob}", "vcm.leaks=0"]
    booted = boot.boot(image, machine, "kunit", words, timeout=TIMEOUT,
                       label=label(image, machine, memory), memory=memory)
    return booted, parse(booted.log, brief)


def um_configs():
    """Return the options that name the configuration of the ARCH=um image."""
    return [f"--kunitconfig={c}" for c in (kunitconfig(), kbuild.CONFIGS / "um.config")]


def exec_um(common, log, *more, tree=LINUX, timeout=TIMEOUT):
    """Run the ARCH=um image. Return kunit.py's exit status and the console log of this run."""
    console = tree / "out-um/test.log"
    console.unlink(missing_ok=True)
    status = run("KUnit on ARCH=um",
                 [sys.executable, tree / TOOL.relative_to(LINUX), "exec", *common, f"--timeout={timeout}", *more],
                 log, cwd=tree, check=False)
    if not console.exists():
        raise Failure("KUnit on ARCH=um: the image was not started", log)
    return status, console


def um(filter_glob=None, brief=False, tree=LINUX, configs=None):
    """Run the suites on ARCH=um. Return the counts of cases, the log and its alarms."""
    folder, tool = tree / "out-um", tree / TOOL.relative_to(LINUX)
    label = "um" if tree == LINUX else f"{tree.parent.name}-um"
    folder.mkdir(exist_ok=True)
    common = [f"--build_dir={folder.name}", *(configs or um_configs())]
    run("building the ARCH=um image",
        [sys.executable, tool, "build", *common, f"--jobs={kbuild.JOBS}",
         *(f"--make_options={o}" for o in kbuild.compiler())],
        LOGS / f"build-{label}.log", env=kbuild.ENV, cwd=tree)
    filters = [filter_glob] if filter_glob else []
    _, log = exec_um(common, LOGS / f"kunit-{label}.log", "--raw_output=all", *filters, tree=tree)
    counts = parse(log, brief)
    lines = log.read_text(errors="backslashreplace").splitlines()
    return counts, log, splats.excerpt(lines, splats.find(lines))
