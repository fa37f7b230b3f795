# SPDX-License-Identifier: GPL-2.0
"""The KUnit suites: on ARCH=um at native speed, on the debug kernel in QEMU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boot
import kbuild
import splats
from base import LINUX
from steps import LOGS, Failure, run

TOOL = LINUX / "tools/testing/kunit/kunit.py"
PORTABLE = LINUX / "mm/tests/vcm.kunitconfig"
#: the devices are the suites', not the example driver's; a slow host is no reason to fail
COMMAND_LINE = ["vcm_edu.leave=1", "kunit.timeout=900"]
TIMEOUT = 3000


def kunitconfig():
    """The suites' own configuration, or the one named by KUNITCONFIG=."""
    path = Path(os.environ.get("KUNITCONFIG") or PORTABLE).absolute()
    if not path.is_file():
        raise Failure(f"no KUnit configuration {path}")
    return path


def parse(log, counts):
    """Let KUnit's parser print a console log; returns its counts of cases."""
    sys.stdout.flush()
    counts.unlink(missing_ok=True)
    subprocess.run([sys.executable, TOOL, "parse", f"--json={counts}", log], stdin=subprocess.DEVNULL)
    if not counts.exists():
        raise Failure("KUnit's parser gave no result", log)
    return json.loads(counts.read_text())["misc"]


def good(counts):
    return counts["passed"] and not any(counts[kind] for kind in ("failed", "crashed", "errors"))


def qemu(image, filter_glob=None, memory="2048M"):
    """Run the suites on the debug image. Returns the boot and the counts of cases."""
    words = list(COMMAND_LINE)
    if filter_glob:
        words += [f"kunit.filter_glob={filter_glob}", "vcm.leaks=0"]
    booted = boot.boot(image, "smmuv3", "kunit", words, timeout=TIMEOUT,
                       label=f"kunit-{memory}", memory=memory)
    return booted, parse(booted.log, LOGS / f"kunit-{memory}.json")


def um(filter_glob=None):
    """Run the suites on ARCH=um. Returns the counts of cases, the log and its alarms."""
    folder = kbuild.out("um")
    folder.mkdir(exist_ok=True)
    common = [f"--build_dir={folder.name}", f"--kunitconfig={kunitconfig()}"]
    run("building the ARCH=um image",
        [sys.executable, TOOL, "build", *common, f"--jobs={kbuild.JOBS}",
         *(f"--make_options={o}" for o in kbuild.compiler())],
        LOGS / "build-um.log", env=kbuild.ENV, cwd=LINUX)
    filters = [filter_glob] if filter_glob else []
    run("KUnit on ARCH=um",
        [sys.executable, TOOL, "exec", *common, f"--timeout={TIMEOUT}", "--raw_output=all", *filters],
        LOGS / "kunit-um.log", cwd=LINUX, check=False)
    log = folder / "test.log"
    counts = parse(log, LOGS / "kunit-um.json")
    lines = log.read_text(errors="backslashreplace").splitlines()
    return counts, log, splats.excerpt(lines, splats.find(lines))
