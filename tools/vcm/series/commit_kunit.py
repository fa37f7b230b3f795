# SPDX-License-Identifier: GPL-2.0
"""Run the KUnit suites of each commit of the series on ARCH=um."""

import re

from common.steps import REPO, Failure
from kernel import kbuild
from series import commit_build
from series.branch import TREE
from tree.base import LINUX
from verify import kunit


#: symbol -> the symbol that it needs on ARCH=um: the fake IOMMU selects IOMMU_API there
NEEDS = {"VCM_IOMMU": "VCM_FAKE_IOMMU"}


def config(known):
    """Return the suites' final configuration without the symbols that later patches add."""
    text = (REPO / kunit.PORTABLE.relative_to(LINUX)).read_text() + (kbuild.CONFIGS / "um.config").read_text()
    lines = [line for line in text.splitlines()
             if not (m := re.match(r"CONFIG_(VCM\w*)=", line)) or {m[1], NEEDS.get(m[1], m[1])} <= known.keys()]
    return "\n".join(lines) + "\n"


def run_suites(results, where):
    """Run the suites. Return false if the commit has none."""
    known = commit_build.symbols()
    if "VCM_KUNIT_TEST" not in known:
        return False
    file = TREE / "out-um.kunitconfig"
    file.write_text(config(known))
    counts, log, alarms = kunit.um(brief=True, tree=TREE, configs=[f"--kunitconfig={file}"])
    with results.under("series, KUnit at each commit"):
        results.count(passed=counts["passed"], skipped=counts["skipped"],
                      failed=[f"{where}: {case}" for case in counts["bad"]])
        results.add(f"{where}: KUnit", counts["passed"] and not alarms, "no case passed, or alarms")
    if alarms:
        Failure(f"{where}: KUnit, ARCH=um", log, alarms).show()
    return True
