# SPDX-License-Identifier: GPL-2.0
"""The Linux tree that VCM is laid over: Debian's source package, or a copy of KSRC."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from common.steps import BUILD, CACHE, LOGS, Failure, run

#: the Linux that the series is for
RELEASE = "7.3"
LINUX = BUILD / "linux"
STAMP = BUILD / "base.json"
PACKAGE = f"linux-source-{RELEASE}"
SUITE = "trixie-backports"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def archives(options=()):
    """Return (URL, codename) of each Debian archive in apt's configuration."""
    out = subprocess.run(["apt-get", *options, "indextargets", "--format",
                          "$(REPO_URI) $(ORIGIN) $(CODENAME)"],
                         capture_output=True, text=True).stdout
    found = [line.split() for line in out.splitlines()]
    # updates, security and third-party archives have no backports
    return [(f[0], f[2]) for f in found if len(f) == 3 and f[1] == "Debian" and "-" not in f[2]]


def archive():
    """Return the archive that this machine's apt uses. No host is named here."""
    found = archives()
    if not found:
        # apt has no package lists yet; read them into a private folder
        home = CACHE / "apt/machine"
        (home / "lists/partial").mkdir(parents=True, exist_ok=True)
        options = words(f"Dir::State::lists={home / 'lists'}")
        run("reading apt's package lists", ["apt-get", *options, "update"], LOGS / "apt.log")
        found = archives(options)
    if not found:
        raise Failure("apt knows no Debian archive (apt-get indextargets); give KSRC=/path/to/linux-7.3")
    return found[0]


def words(*options):
    return [word for o in options for word in ("-o", o)]


def download(package, dest, suite=None, arch=None):
    """Download one package of a suite into @dest. Return the file.

    apt gets private lists and a private cache: no root is needed, and the machine's apt stays as it is.
    """
    url, codename = archive()
    suite = suite or codename
    home = CACHE / "apt" / f"{suite}-{arch or 'host'}"
    for folder in ("lists/partial", "cache/archives/partial"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    sources = home / "sources.list"
    limit = f"arch={arch} " if arch else ""
    sources.write_text(f"deb [{limit}signed-by={KEYRING}] {url} {suite} main\n")
    options = words(f"Dir::Etc::sourcelist={sources}", "Dir::Etc::sourceparts=/dev/null",
                    "Dir::Etc::preferencesparts=/dev/null", "Dir::Etc::preferences=/dev/null",
                    f"Dir::State::lists={home / 'lists'}", f"Dir::Cache={home / 'cache'}",
                    "Acquire::Languages=none")
    if os.geteuid() == 0:
        options += words("APT::Sandbox::User=root")
    if arch:
        options += words(f"APT::Architectures={arch}", f"APT::Architecture={arch}")
    log = LOGS / f"download-{package}.log"
    run(f"reading the package lists of {suite}", ["apt-get", *options, "update"], log)
    part = dest / "partial"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    run(f"downloading {package}", ["apt-get", *options, "download", package], log, cwd=part, append=True)
    [deb] = part.glob(f"{package}_*.deb")
    return deb.rename(dest / deb.name)


def package_file():
    debs = sorted(CACHE.glob(f"{PACKAGE}_*.deb"), key=os.path.getmtime)
    if debs:
        return debs[-1]
    if not shutil.which("apt-get"):
        raise Failure(f"this machine has no apt to download {PACKAGE}: give KSRC=/path/to/linux-7.3")
    return download(PACKAGE, CACHE, suite=SUITE)


def unpack_package(deb, tree):
    scratch = BUILD / "unpack.tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    tree.mkdir(parents=True)
    log = LOGS / "unpack.log"
    run(f"unpacking {deb.name}", ["dpkg-deb", "-x", deb, scratch], log)
    tar = scratch / "usr/src" / f"{PACKAGE}.tar.xz"
    run("unpacking the Linux source", ["tar", "-C", tree, "--strip-components=1", "-xf", tar],
        log, env={"XZ_DEFAULTS": "-T0"}, append=True)
    shutil.rmtree(scratch)


def version(tree):
    """Return the version in a tree's Makefile."""
    text = (tree / "Makefile").read_text()
    parts = [re.search(rf"^{name} *=[ \t]*(.*)$", text, re.M) for name in
             ("VERSION", "PATCHLEVEL", "SUBLEVEL", "EXTRAVERSION")]
    *numbers, extra = [part[1].strip() if part else "" for part in parts]
    return ".".join(filter(None, numbers)) + extra


def check_tree(source):
    if not source.exists():
        raise Failure(f"KSRC={source} does not exist")
    if not all((source / name).exists() for name in ("Kbuild", "Makefile", "mm")):
        raise Failure(f"KSRC={source} is not a Linux tree")
    if (source / ".config").exists():
        raise Failure(f"KSRC={source} was built in place; give a clean tree (make mrproper)")
    found = version(source)
    if not re.match(rf"{re.escape(RELEASE)}(?![0-9])", found):
        raise Failure(f"KSRC={source} is Linux {found or 'of no version'}; the series is for {RELEASE}")


def recorded():
    """Return what base.json records of build/linux, or an empty dict."""
    return json.loads(STAMP.read_text()) if STAMP.exists() and LINUX.is_dir() else {}


def say(base, more=""):
    print(f"  base: Linux {base['version']} from {base['base']}{more}", flush=True)


def put(tree, want):
    """Move a tree to build/linux and record its base."""
    STAMP.unlink(missing_ok=True)
    shutil.rmtree(LINUX, ignore_errors=True)
    tree.rename(LINUX)
    base = {"base": want, "version": version(LINUX)}
    STAMP.write_text(json.dumps(base) + "\n")
    say(base)


def ensure(ksrc=None):
    """Make sure that build/linux has a base. Replace it only if KSRC names another one."""
    have = recorded()
    want = f"package {PACKAGE}"
    if ksrc:
        source = Path(ksrc).expanduser().resolve()
        check_tree(source)
        want = f"KSRC {source}"
    if have and (not ksrc or have["base"] == want):
        say(have, " (make clean returns to the package)" if not ksrc and have["base"] != want else "")
        return
    if have:
        print(f"  base: {want} replaces {have['base']}; everything is rebuilt", flush=True)
    # build/linux is replaced last, so an interrupted run keeps it
    tree = BUILD / "linux.tmp"
    shutil.rmtree(tree, ignore_errors=True)
    if ksrc:
        run(f"copying {source}", ["cp", "-a", "--reflink=auto", f"{source}/.", tree], LOGS / "unpack.log")
    else:
        unpack_package(package_file(), tree)
    put(tree, want)
