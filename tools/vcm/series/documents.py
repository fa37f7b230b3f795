# SPDX-License-Identifier: GPL-2.0
"""Check the documents and devicetree bindings of the series with the kernel's own tools."""

import os
import re
import shutil
import sys
from pathlib import Path

from common.arch import ARM64
from common.steps import CACHE, LOGS, REPO, Failure, run
from kernel import kbuild
from series import commit_build
from series.branch import TREE
from tree import base
from verify import checks

#: the folder of vcm.rst; warnings about other files in it are ignored
SPHINX_FOLDER = "core-api"
#: dt-schema, and the Python modules that it needs in a later version than Debian 12's -> suite
DT_PACKAGES = {"dt-schema": base.SUITE, **dict.fromkeys(
    ["python3-jsonschema", "python3-jsonschema-specifications", "python3-referencing", "python3-attr",
     "python3-typing-extensions"], base.SUITE.partition("-")[0])}
#: a module that replaces python3-rpds-py, whose binary is for a later Python than Debian 12's
STANDIN = REPO / "tools/vcm/series/standin"
#: the Python that Debian's modules are for; PATH may have another one first
PYTHON = "/usr/bin/python3"
#: dt-schema 2025.08 ends with a KeyError instead of reporting that two bindings disagree, as two bindings of
#: Linux 7.3 do. The replacement looks the name up as dt-schema does a few lines earlier
KEY_ERROR, MENDED = "self.schemas[sch_id]['$filename']", "self.schemas[sch_id.rstrip('#')]['$filename']"
#: make's lines about its commands
QUIET = re.compile(r"  [A-Z]+( \[C\])? ")


def ours(log, names=("vcm",)):
    """Return the lines of a log that name one of VCM's files."""
    lines = log.read_text(errors="replace").replace(f"{TREE}/", "").splitlines()[1:]
    return [l for l in lines if any(name in l for name in names) and not QUIET.match(l)]


def sphinx(results):
    """Make HTML of the documents' folder."""
    log = LOGS / "series-sphinx.log"
    output = TREE / "out-docs"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    run("making the documents with Sphinx", ["make", "-s", f"O={output.name}", f"SPHINXDIRS={SPHINX_FOLDER}",
                                             "htmldocs"], log, cwd=TREE)
    bad = ours(log)
    results.add("series: Sphinx", not bad, "\n".join(["", *bad]))
    pages = sorted((TREE / "Documentation" / SPHINX_FOLDER).glob("vcm*.rst"))
    results.add("series: pages for Sphinx", pages, "found no page")
    for page in pages:
        made = output / "Documentation/output" / SPHINX_FOLDER / f"{page.stem}.html"
        results.add(f"series: {page.name} in HTML", made.exists(), f"there is no {made.name}")


def abi(results):
    """Validate Documentation/ABI."""
    log = LOGS / "series-abi.log"
    status = run("Documentation/ABI", [sys.executable, "tools/docs/get_abi.py", "--dir", "Documentation/ABI",
                                       "validate"], log, cwd=TREE, check=False)
    bad = ours(log)
    results.add("series: ABI", not status and not bad, "\n".join(["", *bad]))


def dt_schema():
    """Return dt-schema, unpacked in the cache. No root is needed, and the machine's packages stay as they are."""
    place = CACHE / "dt-schema"
    done = place / "complete"
    if not done.exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for package, suite in DT_PACKAGES.items():
            deb = base.download(package, place, suite=suite)
            run(f"unpacking {deb.name}", ["dpkg-deb", "-x", deb, place], LOGS / "dt-schema.log", append=True)
            deb.unlink()
        for file in place.glob("usr/lib/python3/dist-packages/dtschema/validator.py"):
            file.write_text(file.read_text().replace(KEY_ERROR, MENDED))
        done.touch()
    return place / "usr"


def bindings(results):
    """Run make dt_binding_check for VCM's bindings."""
    files = [Path(name).name for name in checks.sources(".yaml")]
    if not files:
        raise Failure("dt_binding_check: found no binding")
    usr = dt_schema()
    env = {**kbuild.ENV, "PATH": f"{usr / 'bin'}:{os.environ['PATH']}",
           "PYTHONPATH": f"{usr / 'lib/python3/dist-packages'}:{STANDIN}"}
    # without this, bindings that were checked before are skipped
    shutil.rmtree(commit_build.out(ARM64, "m") / "Documentation", ignore_errors=True)
    log = LOGS / "series-bindings.log"
    status = run("dt_binding_check", commit_build.command(ARM64, "m", "dt_binding_check", f"PYTHON3={PYTHON}",
                                                          f"DT_SCHEMA_FILES={':'.join(files)}"),
                 log, env=env, cwd=TREE, check=False)
    stems = [name.removesuffix(".yaml") for name in files]
    bad = ours(log, stems) + [l for l in log.read_text().splitlines() if l.startswith("Traceback")]
    results.add("series: dt_binding_check", not status and not bad, "\n".join(["", *bad]))
    for stem in stems:
        results.add(f"series: example of {stem}", f"{stem}.example.dtb\n" in log.read_text(), "was not checked")


def run_all(results):
    checks.each(results, "kernel-doc", checks.kernel_doc_one, checks.sources(".c", ".h"))
    for check in (sphinx, abi, bindings):
        with results.section(f"series: {check.__name__}"):
            check(results)
