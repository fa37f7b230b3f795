# SPDX-License-Identifier: GPL-2.0
"""What the kernel's own tools say about the documents and devicetree bindings of the series."""

import os
import re
import shutil
import sys
from pathlib import Path

from common.arch import ARM64
from common.steps import CACHE, LOGS, REPO, run
from kernel import kbuild
from series import commit_build
from series.branch import TREE
from tree import base
from verify import checks

#: the folder that vcm.rst is in; its neighbours' warnings are not ours
SPHINX_FOLDER = "core-api"
#: dt-schema and what of Python it needs in a version that Debian 12 does not have
DT_PACKAGES = {"dt-schema": base.SUITE, **dict.fromkeys(
    ["python3-jsonschema", "python3-jsonschema-specifications", "python3-referencing", "python3-attr",
     "python3-typing-extensions"], base.SUITE.partition("-")[0])}
#: beside them a module in place of python3-rpds-py, whose binary is for another Python than Debian 12's
STANDIN = REPO / "tools/vcm/series/standin"
#: Debian's Python modules are for this one, whichever comes first in PATH
PYTHON = "/usr/bin/python3"
#: dt-schema 2025.08 ends with a KeyError where it means to say that two bindings disagree, as two of
#: Linux 7.3 do; a few lines above it looks the name up as it has to be
KEY_ERROR, MENDED = "self.schemas[sch_id]['$filename']", "self.schemas[sch_id.rstrip('#')]['$filename']"
#: how make tells what it is doing
QUIET = re.compile(r"  [A-Z]+( \[C\])? ")


def ours(log, names=("vcm",)):
    """The lines of a log that name a file of VCM's."""
    lines = log.read_text(errors="replace").replace(f"{TREE}/", "").splitlines()[1:]
    return [l for l in lines if any(name in l for name in names) and not QUIET.match(l)]


def sphinx(results):
    """The folder of the documents as HTML."""
    log = LOGS / "series-sphinx.log"
    output = TREE / "out-docs"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    run("making the documents with Sphinx", ["make", "-s", f"O={output.name}", f"SPHINXDIRS={SPHINX_FOLDER}",
                                             "htmldocs"], log, cwd=TREE)
    bad = ours(log)
    results.add("series: Sphinx", not bad, "\n".join(["", *bad]))
    for page in sorted((TREE / "Documentation" / SPHINX_FOLDER).glob("vcm*.rst")):
        made = output / "Documentation/output" / SPHINX_FOLDER / f"{page.stem}.html"
        results.add(f"series: {page.name} in HTML", made.exists(), f"there is no {made.name}")


def abi(results):
    """What Documentation/ABI says is complete."""
    log = LOGS / "series-abi.log"
    status = run("Documentation/ABI", [sys.executable, "tools/docs/get_abi.py", "--dir", "Documentation/ABI",
                                       "validate"], log, cwd=TREE, check=False)
    bad = ours(log)
    results.add("series: ABI", not status and not bad, "\n".join(["", *bad]))


def dt_schema():
    """dt-schema unpacked in the cache; no root is needed, and the machine's packages are left alone."""
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
    """make dt_binding_check of VCM's."""
    files = [Path(name).name for name in checks.sources(".yaml")]
    usr = dt_schema()
    env = {**kbuild.ENV, "PATH": f"{usr / 'bin'}:{os.environ['PATH']}",
           "PYTHONPATH": f"{usr / 'lib/python3/dist-packages'}:{STANDIN}"}
    # what it has checked once it does not check again
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
