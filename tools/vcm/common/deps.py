# SPDX-License-Identifier: GPL-2.0
"""Install the tools that the project needs, as Debian 12 packages."""

import os
import shlex
import shutil
import subprocess

from common.arch import ARM64
from common.steps import LOGS, Failure, run

#: package -> a command in it, to look for on machines without apt; None for libraries
BUILD = {
    "make": "make", "gcc": "gcc", "libc6-dev": None, "python3": "python3", "perl": "perl",
    "flex": "flex", "bison": "bison", "bc": "bc", "xz-utils": "xz", "cpio": "cpio",
    "rsync": "rsync", "kmod": "depmod", "ccache": "ccache", "libssl-dev": None, "libelf-dev": None,
}
#: used by tests only
TEST = {"clang-19": "clang-19", "lld-19": "ld.lld-19", "llvm-19": "llvm-nm-19", "git": "git"}
#: also used by make series-check
SERIES = {"python3-sphinx": "sphinx-build", "python3-ruamel.yaml": None, "python3-libfdt": None,
          "yamllint": "yamllint"}


def installed(package):
    out = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package],
                         capture_output=True, text=True)
    return out.returncode == 0 and out.stdout == "installed"


def as_root():
    """Return the words that run a command as root, or None if there are none."""
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        return None
    # sudo asks for a password only on a terminal
    silent = subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
    return ["sudo"] if silent or os.isatty(0) else None


def check_commands(wanted):
    missing = sorted(c for c in wanted.values() if c and not shutil.which(c))
    if missing:
        raise Failure("this machine has no apt; install these tools by hand: " + ", ".join(missing))


def ensure(arches=(ARM64,), test=False, series=False):
    """Install what builds and runs the images of @arches, or raise Failure with the command to type."""
    wanted = BUILD | (TEST if test or series else {}) | (SERIES if series else {})
    for arch in arches:
        wanted |= arch.packages
    if not shutil.which("apt-get") or not shutil.which("dpkg-query"):
        return check_commands(wanted)
    missing = [p for p in wanted if not installed(p)]
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    root = as_root()
    if root is None:
        raise Failure("packages are missing; as root, type: " + shlex.join(install))
    if root and os.isatty(0):
        subprocess.run(["sudo", "-v"])
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    log = LOGS / "install.log"
    run("reading the package lists", [*root, "apt-get", "update"], log, env=env)
    run(f"installing {' '.join(missing)}", [*root, *install], log, env=env, append=True)
