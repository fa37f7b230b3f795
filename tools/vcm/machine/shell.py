# SPDX-License-Identifier: GPL-2.0
"""Start a shell on a booted machine."""

import os
import shutil

from common.steps import BUILD, CACHE, LOGS, Failure, run
from kernel import images
from machine import boot
from tree import base


def busybox(arch):
    """Return Debian's static busybox for the guest. Download it if it is missing."""
    folder = BUILD / f"busybox-{arch.debian}"
    program = folder / "bin/busybox"
    if program.exists():
        return program
    debs = sorted(CACHE.glob(f"busybox-static_*_{arch.debian}.deb"))
    if not debs and not shutil.which("apt-get"):
        raise Failure(f"this machine has no apt to download a shell for the guest: put a static {arch.debian} "
                      f"busybox at {program}")
    deb = debs[-1] if debs else base.download("busybox-static", CACHE, arch=arch.debian)
    scratch = BUILD / "busybox.tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    run("unpacking busybox", ["dpkg-deb", "-x", deb, scratch], LOGS / "busybox.log")
    scratch.rename(folder)
    return program


def wanted(default="smmuv3", among=tuple(boot.MACHINES)):
    """Return the machine that MACHINE= names."""
    name = os.environ.get("MACHINE") or default
    if name not in among and name != default:
        raise Failure(f"MACHINE={name}: it must be one of {', '.join(among)}")
    return name


def wanted_image():
    """Return the kind of image that IMAGE= names."""
    kind = os.environ.get("IMAGE") or "run"
    if kind not in ("run", "debug"):
        raise Failure(f"IMAGE={kind}: it must be run or debug")
    return kind


def shell(machine, kind):
    arch = boot.MACHINES[machine].arch
    program = busybox(arch)
    if kind == "run":
        images.build_run(arch)
        image = images.run_image(arch, program)
    else:
        images.build_debug(arch)
        image = images.debug_image(arch, program)
    boot.console(image, machine, ["kunit.autorun=0"] if kind == "debug" else [])
