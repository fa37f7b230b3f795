# SPDX-License-Identifier: GPL-2.0
"""What is built at each commit of the series.

VCM's objects are compiled with W=1 and every warning an error, its symbols y, and m where they can
be; kbuild compiles what a commit has changed. A kernel is linked for one architecture.
"""

import re

from common.arch import ARM, ARM64, X86_64
from common.steps import LOGS, Failure, error_lines, run
from kernel import kbuild
from series.branch import TREE
from verify import objects

ARCHES = (ARM64, ARM, X86_64)
KCONFIGS = ("mm/Kconfig", "drivers/vcm/Kconfig")
CONDITION = re.compile(r"ifdef (CONFIG_\w+)$")
#: obj-$(CONFIG_A) += a.o; and the parts of an object, a-y := b.o, a-$(CONFIG_B) += c.o
OBJECTS = re.compile(r"([\w/-]+)-(?:y|\$\((CONFIG_VCM\w*)\))\s*[+:]=(.*)$")


def out(arch, value):
    return TREE / f"out-{arch.name}-{value}"


def command(arch, value, *targets):
    """make, as kbuild.kernel_make() has it, in a folder of the series' tree."""
    return ["make", f"-j{kbuild.JOBS}", f"ARCH={arch.linux}", *kbuild.gcc(arch), f"O={out(arch, value).name}",
            *targets]


def symbols():
    """VCM's symbols at the present commit, and whether they can be modules."""
    found = {}
    for name in KCONFIGS:
        text = (TREE / name).read_text() if (TREE / name).exists() else ""
        found |= {symbol: kind == "tristate" for symbol, kind in
                  re.findall(r"^config (VCM\w*)\n\t(?:def_)?(bool|tristate)\b", text, re.M)}
    return found


def wanted(arch, value, known):
    """What a folder is configured from: the run image's fragments, VCM's symbols all at one value."""
    files = [*kbuild.fragments("run", arch), "check.config"]
    text = "\n".join((kbuild.CONFIGS / f).read_text() for f in files)
    text = re.sub(r"^(# )?CONFIG_VCM\w*[ =].*\n", "", text, flags=re.M)
    if value == "link":
        text = text.replace("CONFIG_WERROR=y", "")
    for symbol, modular in known.items():
        if value == "n":
            text += f"# CONFIG_{symbol} is not set\n"
        else:
            text += f"CONFIG_{symbol}={'m' if value == 'm' and modular else 'y'}\n"
    return text


def configure(arch, value, known):
    """Configure a folder, when what it is configured from has changed. Returns its settings."""
    folder = out(arch, value)
    text = wanted(arch, value, known)
    sources = "".join((TREE / name).read_text() for name in KCONFIGS if (TREE / name).exists())
    stamp = folder / ".vcm-config"
    if not stamp.exists() or stamp.read_text() != text + sources:
        folder.mkdir(exist_ok=True)
        merged = folder / ".vcm-allconfig"
        merged.write_text(text)
        log = LOGS / f"series-config-{arch.name}-{value}.log"
        run(f"configuring {arch.name}, VCM={value}",
            [*command(arch, value, "allnoconfig"), f"KCONFIG_ALLCONFIG={merged}"], log, env=kbuild.ENV, cwd=TREE)
        if warnings := [l for l in log.read_text().splitlines() if re.match(r"(mm|drivers/vcm)/Kconfig:\d+:", l)]:
            raise Failure("Kconfig warns", log, warnings)
        stamp.write_text(text + sources)
    return kbuild.settings((folder / ".config").read_text())


def statements(config):
    """(symbol or name, objects) of each line of the present commit's Makefiles that is not off."""
    for makefile in filter(lambda name: (TREE / name).exists(), kbuild.MAKEFILES):
        folder, off = makefile.rpartition("/")[0], False
        for line in (TREE / makefile).read_text().replace("\\\n", " ").splitlines():
            if m := CONDITION.match(line):
                off = config.get(m[1], "n") == "n"
            elif line.startswith("endif"):
                off = False
            elif (m := OBJECTS.match(line)) and not off and config.get(m[2] or "CONFIG_VCM", "n") != "n":
                name = m[2] if m[1] == "obj" else f"{folder}/{m[1]}.o"
                yield name or "", [f"{folder}/{word}" for word in m[3].split() if not word.endswith("/")]


def listed(config):
    """object -> y or m, of those that the Makefiles name; what is built in has no object of several."""
    found, parts = {}, {}
    for name, objects_of in statements(config):
        if name.startswith("CONFIG_"):
            found |= dict.fromkeys(objects_of, config[name])
        else:
            parts.setdefault(name, []).extend(objects_of)
    for name in [name for name in parts if found.get(name) == "y"]:
        found |= dict.fromkeys(parts[name], found.pop(name))
    return found


def compile_objects(results, where, arch, value):
    """Each object is a test; what has not changed since the commit before is not compiled again."""
    config = configure(arch, value, symbols())
    names = listed(config)
    if not names:
        return names
    log = LOGS / f"series-build-{arch.name}-{value}.log"
    status = run(f"W=1, {arch.name}, VCM={value}, {len(names)} objects",
                 command(arch, value, "-k", "W=1", *names), log, env=kbuild.ENV, cwd=TREE, check=False)
    results.add(f"{where}: W=1 {arch.name} VCM={value}", not status,
                "\n".join(["", *(f"    {l}" for l in error_lines(log))]))
    return names


def link(results, where):
    """A kernel with all that is there built in: each function that is called is defined."""
    configure(ARM64, "link", symbols())
    log = LOGS / "series-link.log"
    status = run("linking a kernel, arm64, VCM=y", command(ARM64, "link", "vmlinux"), log,
                 env=kbuild.ENV, cwd=TREE, check=False)
    results.add(f"{where}: links", not status, "\n".join(["", *(f"    {l}" for l in error_lines(log))]))


def without(arch):
    """What VCM switched off leaves: the configuration, and the objects of VCM, which are none."""
    config = configure(arch, "n", symbols())
    kept = {symbol: value for symbol, value in config.items() if not re.match(r"CONFIG_VCM(_|$)", symbol)}
    return kept, listed(config)


def modules_link(results, where):
    """What modules call is exported, by the kernel that was linked or by another of them."""
    names = [name for name, value in listed(configure(ARM64, "m", symbols())).items() if value == "m"]
    if not names:
        return
    log, folder = LOGS / "series-modpost.log", out(ARM64, "m")
    have = objects.symbols(folder, names, "-a", "__export_symbol_")
    table = (out(ARM64, "link") / "vmlinux.symvers").read_text().splitlines()
    (folder / "vcm.symvers").write_text("".join(f"{l}\n" for l in table if l.split("\t")[1] not in have))
    (folder / "vcm.order").write_text("\n".join(names) + "\n")
    run("modpost, VCM=m", command(ARM64, "m", "scripts/mod/"), log, env=kbuild.ENV, cwd=TREE)
    status = run("modpost, VCM=m, what modules call",
                 [folder / "scripts/mod/modpost", "-M", "-E", "-W", "-e", "-i", "vcm.symvers",
                  "-o", "vcm-out.symvers", "-T", "vcm.order"], log, cwd=folder, check=False)
    bad = [l for l in log.read_text().splitlines() if "modpost:" in l]
    results.add(f"{where}: modules link", not status and not bad, "\n".join(["", *bad]))
