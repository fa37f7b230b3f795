# SPDX-License-Identifier: GPL-2.0
"""Build each commit of the series.

VCM's objects are compiled with W=1, every warning an error, with VCM's symbols set to y, and to m where
possible. kbuild compiles only what a commit has changed. A kernel is linked for one architecture.
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
    """Return the make command for a folder of the series' tree, like kbuild.kernel_make()."""
    return ["make", f"-j{kbuild.JOBS}", f"ARCH={arch.linux}", *kbuild.gcc(arch), f"O={out(arch, value).name}",
            *targets]


def symbols():
    """Return VCM's symbols at the current commit -> true if the symbol can be m."""
    found = {}
    for name in KCONFIGS:
        text = (TREE / name).read_text() if (TREE / name).exists() else ""
        found |= {symbol: kind == "tristate" for symbol, kind in
                  re.findall(r"^config (VCM\w*)\n\t(?:def_)?(bool|tristate)\b", text, re.M)}
    return found


def wanted(arch, value, known):
    """Return a folder's configuration: the run image's fragments, and all symbols of VCM at one value."""
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
    """Configure a folder if its configuration or Kconfig files have changed. Return its settings."""
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
    """Yield (symbol or name, objects) of each enabled line of the current commit's Makefiles."""
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
    """Return object -> y or m. A built-in object made of several is replaced by its parts."""
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
    """Compile VCM's objects as one test. make skips what is unchanged since the previous commit. Return them."""
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
    """Link a kernel with everything built in: each function that is called must be defined."""
    configure(ARM64, "link", symbols())
    log = LOGS / "series-link.log"
    status = run("linking a kernel, arm64, VCM=y", command(ARM64, "link", "vmlinux"), log,
                 env=kbuild.ENV, cwd=TREE, check=False)
    results.add(f"{where}: links", not status, "\n".join(["", *(f"    {l}" for l in error_lines(log))]))


def without(arch):
    """Return the configuration without VCM's symbols, and VCM's objects, with VCM switched off."""
    config = configure(arch, "n", symbols())
    kept = {symbol: value for symbol, value in config.items() if not re.match(r"CONFIG_VCM(_|$)", symbol)}
    return kept, listed(config)


def modules_link(results, where):
    """Check that the linked kernel or another module exports every function that a module calls. Return the modules."""
    names = [name for name, value in listed(configure(ARM64, "m", symbols())).items() if value == "m"]
    if not names:
        return names
    log, folder = LOGS / "series-modpost.log", out(ARM64, "m")
    have = objects.symbols(folder, names, "-a", "__export_symbol_")
    table = (out(ARM64, "link") / "vmlinux.symvers").read_text().splitlines()
    (folder / "vcm.symvers").write_text("".join(f"{l}\n" for l in table if l.split("\t")[1] not in have))
    (folder / "vcm.order").write_text("\n".join(names) + "\n")
    run("modpost, VCM=m", command(ARM64, "m", "scripts/mod/"), log, env=kbuild.ENV, cwd=TREE)
    status = run("modpost, VCM=m, calls of modules",
                 [folder / "scripts/mod/modpost", "-M", "-E", "-W", "-e", "-i", "vcm.symvers",
                  "-o", "vcm-out.symvers", "-T", "vcm.order"], log, cwd=folder, check=False)
    bad = [l for l in log.read_text().splitlines() if "modpost:" in l]
    results.add(f"{where}: modules link", not status and not bad, "\n".join(["", *bad]))
    return names
