# SPDX-License-Identifier: GPL-2.0
"""Find the KUnit suites and cases, and match FILTER against them."""

import os
import re
from fnmatch import fnmatchcase

from common.steps import REPO, Failure

FOLDER = REPO / "mm/tests"
SUITE = re.compile(r'\bstruct kunit_suite \w+ = \{\s*\.name = "([^"]+)"')
CASE = re.compile(r"^\t(KUNIT|CONTRACT)_CASE\w*\((\w+)", re.M)
#: a KUnit log without suites
NOTHING = re.compile(r"^(\[[^]]*\] ?)?1\.\.0\s*$", re.M)


def cases(text):
    """Return the names of a file's cases, as KUnit prints them."""
    return [("contract_" if kind == "CONTRACT" else "") + name for kind, name in CASE.findall(text)]


def known():
    """Return suite -> cases. Each suite has a file of its own."""
    texts = [file.read_text() for file in sorted(FOLDER.glob("*_kunit.c"))]
    return {found[1]: cases(text) for text in texts if (found := SUITE.search(text))}


def matches(pattern, suites):
    """Return true if a pattern, suite or suite.case with wildcards, matches a case."""
    suite, _, case = pattern.partition(".")
    return any(fnmatchcase(name, suite) and (not case or any(fnmatchcase(c, case) for c in of))
               for name, of in suites.items())


def unknown(pattern, suites):
    """Return the Failure for a filter that matches nothing."""
    suite, _, case = pattern.partition(".")
    full = [f"{name}.{c}" for name, of in suites.items() for c in of if fnmatchcase(c, case or suite)]
    lines = [f"name a case with its suite: FILTER={name}" for name in full[:4]]
    if case and suite in suites:
        lines += [f"cases of {suite}: {', '.join(suites[suite])}"]
    return Failure(f"no case matches FILTER={pattern}; suites: {', '.join(suites)}", lines=lines)


def wanted():
    """Return FILTER if it matches a case. With KUNITCONFIG accept any: its suites are unknown here."""
    pattern = os.environ.get("FILTER") or None
    if pattern and not os.environ.get("KUNITCONFIG") and not matches(pattern, suites := known()):
        raise unknown(pattern, suites)
    return pattern


def judge(what, counts, pattern, log):
    """Raise a Failure that says why, unless the run was a success."""
    if pattern and not counts["passed"] and NOTHING.search(log.read_text(errors="replace")):
        raise Failure(f"{what}: this image has no case that matches FILTER={pattern}", log)
    if counts["bad"]:
        raise Failure(f"{what}: {len(counts['bad'])} failed", log)
    if not counts["passed"] and counts["skipped"]:
        raise Failure(f"{what}: all {counts['skipped']} cases were skipped: nothing was tested", log)
    if not counts["passed"]:
        raise Failure(f"{what}: no case ran", log)
