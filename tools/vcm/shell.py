# SPDX-License-Identifier: GPL-2.0
"""A shell on a booted machine."""

import os
import shutil

import base
import boot
import images
from steps import BUILD, CACHE, LOGS, Failure, run


def busybox():
    """Debian's static busybox for the guest."""
    program = BUILD / "busybox/bin/busybox"
    if program.exists():
        return program
    debs = sorted(CACHE.glob("busybox-static_*_arm64.deb"))
    if not debs and not shutil.which("apt-get"):
        raise Failure("no apt on this machine to fetch a shell for the guest with: put a static arm64 "
                      f"busybox at {program}")
    deb = debs[-1] if debs else base.download("busybox-static", CACHE, arch="arm64")
    scratch = BUILD / "busybox.tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    run("unpacking busybox", ["dpkg-deb", "-x", deb, scratch], LOGS / "busybox.log")
    scratch.rename(BUILD / "busybox")
    return program


def shell():
    machine = os.environ.get("MACHINE") or "smmuv3"
    name = os.environ.get("IMAGE") or "run"
    if machine not in boot.MACHINES:
        raise Failure(f"MACHINE={machine}: it is one of {', '.join(boot.MACHINES)}")
    if name not in ("run", "debug"):
        raise Failure(f"IMAGE={name}: it is run or debug")
    program = busybox()
    if name == "run":
        images.build_run()
        image = images.run_image(program)
    else:
        images.build_debug()
        image = images.debug_image(program)
    boot.console(image, machine, ["kunit.autorun=0"] if name == "debug" else [])
