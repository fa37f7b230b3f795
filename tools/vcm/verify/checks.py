# SPDX-License-Identifier: GPL-2.0
"""Run the kernel's own scripts over VCM's sources."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from common import readme
from common.steps import LOGS, REPO, progress
from kernel import kbuild
from tree import overlay
from tree.base import LINUX

#: exports that need kernel-doc; those for tests alone need none
EXPORT = re.compile(r"^EXPORT_SYMBOL(?:_GPL|_NS_GPL|_FOR_MODULES)?\((\w+)", re.M)


def sources(*suffixes):
    return [n for n in overlay.repo_files() if n.endswith(suffixes)]


def checkpatch(tree, *argv):
    """Run checkpatch.pl in a tree. Return true if it succeeded, and its lines."""
    out = subprocess.run(["perl", "scripts/checkpatch.pl", "--strict", "--show-types", "--terse", "--showfile",
                          "--no-summary", *argv], cwd=tree, capture_output=True, text=True)
    return out.returncode == 0, (out.stdout + out.stderr).splitlines()


def checkpatch_one(name):
    """Check a file outside the series; series/review.py checks the patches."""
    good, lines = checkpatch(LINUX, "-f", REPO / name)
    return name, good and not lines, lines


def kernel_doc_one(name):
    out = subprocess.run([sys.executable, LINUX / "tools/docs/kernel-doc", "-none", "-Wall",
                          "-Werror", name], cwd=LINUX, capture_output=True, text=True)
    lines = (out.stdout + out.stderr).splitlines() + undocumented(name)
    return name, out.returncode == 0 and not lines, lines


def undocumented(name):
    """Return the exported functions that lack kernel-doc, or lack Context: in it."""
    text = (LINUX / name).read_text()
    found = []
    for symbol in EXPORT.findall(text):
        if not re.search(rf"^[\w\s*]*\b{symbol}\(", text, re.M):
            continue
        doc = re.search(rf"/\*\*\n \* {symbol}\(\) - .*?\*/", text, re.S)
        if not doc:
            found.append(f"{name}: {symbol}() is exported and has no kernel-doc")
        elif "Context:" not in doc[0]:
            found.append(f"{name}: the kernel-doc of {symbol}() has no Context:")
    return found


def each(results, what, check, names):
    """Run a check over many files, each a test. Write the complaints to a log as well."""
    log = LOGS / f"{what}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with progress(f"{what}, {len(names)} files"), ThreadPoolExecutor(kbuild.JOBS) as pool:
        done = list(pool.map(check, names))
    log.write_text("".join(f"{line}\n" for _, _, lines in done for line in lines))
    with results.under(what):
        for name, good, lines in done:
            results.add(f"{what} {name}", good, "\n".join(["", *(f"    {l}" for l in lines[:20])]))
        if not names:
            results.add(what, False, "found no file to check")


def kconfig_page(results):
    """Check that the root Kconfig reads every option of VCM."""
    scratch = kbuild.out("run") / "vcm-page"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    out = subprocess.run([scratch.parent / "scripts/kconfig/conf", "--alldefconfig", "Kconfig"],
                         cwd=scratch, env={**os.environ, "srctree": str(REPO)},
                         capture_output=True, text=True)
    results.add("Kconfig on one page", out.returncode == 0 and not out.stderr, out.stderr.strip())


def run(results):
    """Run the checks that build nothing. They need the tools of the run image's build."""
    each(results, "checkpatch", checkpatch_one, ["tools/vcm/kernel/init.c"])
    each(results, "kernel-doc", kernel_doc_one, sources(".c", ".h"))
    results.add("README's example", readme.current(), "tools/vcm/common/readme.py --write copies it")
    with results.section("Kconfig on one page"):
        kconfig_page(results)
