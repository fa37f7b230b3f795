# SPDX-License-Identifier: GPL-2.0
"""Build the two images of an architecture: run, for the demo and the benchmark, and debug, for tests."""

import sys

from common.arch import ARM64
from common.steps import LOGS, run
from kernel import kbuild
from machine.boot import Image
from tree.base import LINUX
from verify import kunit


#: the module of the benchmark, which measures when it is loaded and claims the devices
BENCH = "vcm-bench"


def packed(kind, arch, modules=(), busybox=None, cmdline=(), purpose=""):
    """Return the image of a finished build, with a new initial ramdisk."""
    name = kbuild.image(kind, arch)
    return Image(name, kind, arch, kbuild.out(name) / arch.kernel,
                 kbuild.initrd(name, arch, modules, busybox, purpose), list(cmdline))


def build_run(arch=ARM64):
    """Build with -O2 and without debugging, with the drivers as modules."""
    name = kbuild.image("run", arch)
    kbuild.configure(name, arch, kbuild.fragments("run", arch))
    kbuild.make(f"building the {name} image", name, arch, arch.kernel.rpartition("/")[2], "modules")
    return run_image(arch)


def run_image(arch=ARM64, busybox=None):
    modules = kbuild.built_modules(kbuild.image("run", arch))
    return packed("run", arch, [m for m in modules if m.stem != BENCH], busybox)


def build_bench():
    """Build the run image of arm64 with a ramdisk that loads the benchmark and the modules it needs."""
    build_run()
    modules = kbuild.built_modules("run")
    needed = [m for m in modules if m.stem in kbuild.depends(kbuild.out("run") / f"drivers/vcm/bench/{BENCH}.ko")]
    return packed("run", ARM64, [*needed, *(m for m in modules if m.stem == BENCH)], purpose="bench")


def build_debug(arch=ARM64):
    """Build with every checker and everything built in, through KUnit's own tool."""
    name = kbuild.image("debug", arch)
    configs = [kunit.kunitconfig(), *(kbuild.CONFIGS / f for f in kbuild.fragments("debug", arch))]
    folder = kbuild.out(name)
    folder.mkdir(exist_ok=True)
    argv = [sys.executable, kunit.TOOL, "build", f"--arch={arch.linux}", f"--cross_compile={arch.cross}",
            f"--build_dir={folder.name}", f"--jobs={kbuild.JOBS}",
            *(f"--kunitconfig={c}" for c in configs),
            *(f"--make_options={o}" for o in kbuild.compiler(arch.cross))]
    run(f"building the {name} image", argv, LOGS / f"build-{name}.log", env=kbuild.ENV, cwd=LINUX)
    return debug_image(arch)


def debug_image(arch=ARM64, busybox=None):
    return packed("debug", arch, busybox=busybox,
                  cmdline=["vcm.leaks=1", *(["iommu.debug_pagealloc=1"] if arch.iommu else [])])
