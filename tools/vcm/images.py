# SPDX-License-Identifier: GPL-2.0
"""The two arm64 images: one to show and measure, one to test."""

import sys

import kbuild
import kunit
from boot import Image
from base import LINUX
from steps import LOGS, run


def kernel(name):
    return kbuild.out(name) / "arch/arm64/boot/Image"


def build_run():
    """-O2, no debugging, the drivers as modules."""
    kbuild.configure("run", ["base.config", "run.config"])
    kbuild.make("building the run image", "run", "Image", "modules")
    return run_image()


def run_image(busybox=None):
    return Image("run", kernel("run"), kbuild.initrd("run", kbuild.built_modules("run"), busybox))


def build_debug():
    """Every checker, everything built in, configured and built by KUnit's own tool."""
    configs = [kunit.kunitconfig(), *(kbuild.CONFIGS / f for f in ("base.config", "debug.config"))]
    folder = kbuild.out("debug")
    folder.mkdir(exist_ok=True)
    argv = [sys.executable, kunit.TOOL, "build", "--arch=arm64", f"--cross_compile={kbuild.CROSS}",
            f"--build_dir={folder.name}", f"--jobs={kbuild.JOBS}",
            *(f"--kunitconfig={c}" for c in configs),
            *(f"--make_options={o}" for o in kbuild.compiler(kbuild.CROSS))]
    run("building the debug image", argv, LOGS / "build-debug.log", env=kbuild.ENV, cwd=LINUX)
    return debug_image()


def debug_image(busybox=None):
    return Image("debug", kernel("debug"), kbuild.initrd("debug", busybox=busybox),
                 ["iommu.debug_pagealloc=1", "vcm.leaks=1"])
