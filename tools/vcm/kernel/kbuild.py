# SPDX-License-Identifier: GPL-2.0
"""Build kernels: each is configured from fragments and has its own output folder.

The output folders are directly in the source tree. kbuild then uses relative paths, and ccache finds
its results wherever the tree is.
"""

import hashlib
import os
import re
import shutil
import subprocess

from common.arch import ARM64
from common.steps import LOGS, REPO, Failure, run
from tree.base import LINUX

JOBS = len(os.sched_getaffinity(0))
CONFIGS = REPO / "tools/vcm/kernel/configs"
INIT = REPO / "tools/vcm/kernel/init.c"
#: The Makefiles with objects of VCM. Each folder has its own.
MAKEFILES = ("mm/Makefile", "drivers/vcm/Makefile", "drivers/vcm/demo/Makefile", "drivers/vcm/bench/Makefile")
ENV = {"CCACHE_NOHASHDIR": "1", "KBUILD_BUILD_USER": "vcm", "KBUILD_BUILD_HOST": "vcm",
       "KBUILD_BUILD_TIMESTAMP": "1 Jan 2026"}


def out(name):
    return LINUX / f"out-{name}"


def image(kind, arch):
    """Return the name of an image, of its output folder and of its logs."""
    return kind if arch is ARM64 else f"{kind}-{arch.name}"


def fragments(kind, arch):
    """Return the names of the fragments that an image is configured from."""
    names = [f"{name}{of}.config" for name in arch.configs for of in ("", f"-{kind}")]
    return ["base.config", f"{kind}.config", *(name for name in names if (CONFIGS / name).exists())]


def compiler(prefix=""):
    ccache = "ccache " if shutil.which("ccache") else ""
    return [f"CC={ccache}{prefix}gcc", f"HOSTCC={ccache}gcc"]


def gcc(arch=ARM64):
    return [f"CROSS_COMPILE={arch.cross}", *compiler(arch.cross)]


def kernel_make(name, arch, *targets, tools=None):
    return ["make", f"-j{JOBS}", f"ARCH={arch.linux}", *(tools or gcc(arch)), f"O={out(name).name}", *targets]


def make(what, name, arch, *targets, log=None):
    run(what, kernel_make(name, arch, *targets), log or LOGS / f"build-{name}.log", env=ENV, cwd=LINUX)


def settings(text):
    """Return the symbols that a fragment sets. The value of "is not set" is n."""
    pairs = {}
    for line in text.splitlines():
        if m := re.match(r"(CONFIG_\w+)=(.*)$", line):
            pairs[m[1]] = m[2]
        elif m := re.match(r"# (CONFIG_\w+) is not set$", line):
            pairs[m[1]] = "n"
    return pairs


def check_config(name, wanted):
    """Raise Failure if Kconfig dropped symbols, which it does without a message."""
    have = settings((out(name) / ".config").read_text())
    lost = [f"{symbol}={value}, is {have.get(symbol, 'n')}" for symbol, value in wanted.items()
            if have.get(symbol, "n") != value]
    if lost:
        raise Failure(f"the configuration of {name} differs from its fragments", lines=lost)


def configure(name, arch, files, tools=None):
    """Configure with allnoconfig and fragments, unless neither fragments nor Kconfig files have changed."""
    folder = out(name)
    text = "\n".join((CONFIGS / f).read_text() for f in files)
    ours = [LINUX / "mm/Kconfig", LINUX / "drivers/Kconfig", LINUX / "drivers/vcm/Kconfig"]
    mark = hashlib.sha256((text + "".join(f.read_text() for f in ours if f.exists())).encode()).hexdigest()
    stamp = folder / ".vcm-config"
    if not (stamp.exists() and (folder / ".config").exists() and stamp.read_text() == mark):
        folder.mkdir(exist_ok=True)
        merged = folder / ".vcm-allconfig"
        merged.write_text(text)
        run(f"configuring the {name} image",
            [*kernel_make(name, arch, "allnoconfig", tools=tools), f"KCONFIG_ALLCONFIG={merged}"],
            LOGS / f"config-{name}.log", env=ENV, cwd=LINUX)
        check_config(name, settings(text))
        stamp.write_text(mark)


def built_modules(name):
    """Return the modules of a build, each after the modules that it needs."""
    folder = out(name)
    order = folder / "modules.order"
    files = [folder / line.replace(".o", ".ko") for line in order.read_text().split()] if order.exists() else []
    needs = {f.stem: (f, depends(f)) for f in files}
    result = []

    def visit(module):
        path, first = needs[module]
        for other in first:
            if other in needs:
                visit(other)
        if path not in result:
            result.append(path)

    for module in sorted(needs):
        visit(module)
    return result


def depends(module):
    """Return the names of the modules that a module needs, as modpost wrote them into it."""
    found = re.search(rb"\0depends=([^\0]*)\0", module.read_bytes())
    return [d for d in found[1].decode().split(",") if d] if found else []


def initrd(name, arch, modules=(), busybox=None, purpose=""):
    """Pack init and the modules that it loads into an initial ramdisk."""
    folder = out(name)
    headers = folder / ".vcm-headers"
    if not headers.exists():
        make("making the kernel's user headers", name, arch, "headers", log=LOGS / f"headers-{name}.log")
        headers.touch()
    init = folder / "vcm-init"
    if not init.exists() or init.stat().st_mtime < INIT.stat().st_mtime:
        run("compiling init", [f"{arch.cross}gcc", "-Os", "-Wall", "-Wextra", "-Werror", "-static",
                               "-nostdlib", "-nostdinc", "-isystem", LINUX / "tools/include/nolibc",
                               "-isystem", folder / "usr/include", "-o", init, INIT, "-lgcc"],
            LOGS / f"init-{name}.log")
    listing = [f"dir /{d} 0755 0 0" for d in ("dev", "proc", "sys", "bin", "lib", "lib/modules")]
    listing += ["nod /dev/console 0600 0 0 c 5 1", f"file /init {init} 0755 0 0"]
    purpose = purpose or ("shell" if busybox else "demo")
    names = folder / f"vcm-modules-{purpose}"
    names.write_text("".join(f"{m.name}\n" for m in modules))
    listing += [f"file /modules {names} 0644 0 0"]
    listing += [f"file /lib/modules/{m.name} {m} 0644 0 0" for m in modules]
    if busybox:
        listing += [f"file /bin/busybox {busybox} 0755 0 0"]
        listing += [f"slink /bin/{a} busybox 0777 0 0" for a in ("sh",)]
    table = folder / f"vcm-initrd-{purpose}.list"
    table.write_text("\n".join(listing) + "\n")
    archive = folder / f"vcm-initrd-{purpose}.cpio"
    with open(archive, "wb") as f:
        subprocess.run([folder / "usr/gen_init_cpio", table], stdout=f, check=True)
    return archive
