# SPDX-License-Identifier: GPL-2.0
"""Compile VCM's objects with W=1 by two compilers, and check what the modules link to.

Only these objects are compiled. modpost gets the exports of the run and the debug kernel. It finds
a module that uses an unexported symbol, or one of a namespace that the module does not import.
"""

import re
import shutil
import subprocess

from common.arch import ARM64
from common.steps import LOGS, Failure, error_lines, run
from kernel import kbuild
from tree import overlay
from tree.base import LINUX


def toolchain(compiler, arch=ARM64):
    """Return the variables of make for a compiler."""
    ccache = "ccache " if shutil.which("ccache") else ""
    if compiler == "gcc":
        return kbuild.gcc(arch)
    return ["LLVM=-19", f"CC={ccache}clang-19", f"HOSTCC={ccache}clang-19"]


def listed(folder, arch):
    """Return the objects that VCM's Makefiles name: the built-in ones, and the modules."""
    config = kbuild.settings((folder / ".config").read_text())
    builtin, modules = [], []
    for makefile in kbuild.MAKEFILES:
        text = (overlay.REPO / makefile).read_text().replace("\\\n", " ")
        for symbol, words in re.findall(r"^\s*obj-\$\((CONFIG_\w+)\)\s*[+:]?=(.*)$", text, re.M):
            value = config.get(symbol, "n")
            if value == "n" and not arch.iommu:
                continue
            if value == "n":
                raise Failure(f"{symbol} is not set, so {words.strip()} would not be compiled")
            # a word that ends in a slash is a folder with a Makefile of its own
            names = [makefile.rpartition("/")[0] + "/" + w for w in words.split() if not w.endswith("/")]
            (modules if value == "m" else builtin).extend(names)
    return builtin, modules


def parts(folder, built):
    """Return every source file that was compiled or included for these objects."""
    seen = set()
    for name in built:
        todo = [folder / name]
        while todo:
            path = todo.pop()
            cmd = path.with_name(f".{path.name}.cmd")
            if not cmd.exists():
                continue
            text = cmd.read_text()
            seen |= set(re.findall(r"\.\./(\S+\.[ch])\b", text))
            if "source_" not in text:
                # a module of several objects; .mod lists them
                listing = path.with_suffix(".mod")
                if listing.exists():
                    todo += [folder / w for w in listing.read_text().split()]
    return seen


def symbols(folder, names, flag, prefix=""):
    out = subprocess.run([f"{ARM64.cross}nm", flag, *(folder / n for n in names)],
                         capture_output=True, text=True).stdout
    return set(re.findall(rf"^\s*(?:[0-9a-f]+\s+)?\w {prefix}(\w+)$", out, re.M))


def modpost(results, compiler, folder, builtin, modules):
    known = {}
    for image in ("debug", "run"):
        table = kbuild.out(image) / "Module.symvers"
        if not table.exists():
            raise Failure(f"the {image} image has not been built, modpost cannot run")
        known |= {line.split("\t")[1]: line for line in table.read_text().splitlines()}
    for own in symbols(folder, modules, "-a", "__export_symbol_"):
        known.pop(own, None)
    (folder / "vcm.symvers").write_text("\n".join(known.values()) + "\n")
    (folder / "vcm.order").write_text("\n".join(modules) + "\n")
    log = LOGS / f"modpost-{compiler}.log"
    status = run(f"modpost, {compiler}",
                 [folder / "scripts/mod/modpost", "-M", "-E", "-W", "-e", "-i", "vcm.symvers",
                  "-o", "vcm-out.symvers", "-T", "vcm.order"], log, cwd=folder, check=False)
    complaints = [l for l in log.read_text().splitlines() if "modpost:" in l]
    results.add(f"modpost {compiler}", not status and not complaints, "\n".join(["", *complaints]))
    exported = symbols(folder, builtin + modules, "-a", "__export_symbol_")
    unused = sorted(exported - symbols(folder, modules, "-u"))
    results.add(f"exports used {compiler}", exported and not unused,
                "no module in the tree uses " + ", ".join(unused) if exported else "found no export")


def build(results, compiler, arch):
    """Compile with W=1, every warning an error. Each object is a test."""
    name = f"check-{compiler}" if arch is ARM64 else f"check-{compiler}-{arch.name}"
    folder = kbuild.out(name)
    tools = toolchain(compiler, arch)
    kbuild.configure(name, arch, [*kbuild.fragments("run", arch), "check.config"], tools)
    builtin, modules = listed(folder, arch)
    objects = builtin + modules
    if not objects:
        raise Failure(f"W=1 build, {compiler}, {arch.name}: the Makefiles name no object")
    for o in objects:
        (folder / o).unlink(missing_ok=True)
    log = LOGS / f"build-{name}.log"
    run(f"W=1 build, {compiler}, {arch.name}",
        kbuild.kernel_make(name, arch, "-k", "W=1", *objects, "scripts/mod/", tools=tools),
        log, env=kbuild.ENV, cwd=LINUX, check=False)
    missing = [o for o in objects if not (folder / o).exists()]
    for o in objects:
        results.add(f"W=1 {compiler} {arch.name} {o}", o not in missing)
    if missing:
        raise Failure(f"W=1 build, {compiler}, {arch.name}", log, error_lines(log))
    return folder, builtin, modules


def check(results, compiler):
    """Compile all objects for arm64, and check what the modules link to."""
    folder, builtin, modules = build(results, compiler, ARM64)
    used = parts(folder, builtin + modules)
    for source in overlay.repo_files():
        if source.endswith(".c") and source not in used:
            results.add(f"W=1 {compiler} {source}", False, "no Makefile compiles this file")
    modpost(results, compiler, folder, builtin, modules)
