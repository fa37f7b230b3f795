# SPDX-License-Identifier: GPL-2.0
"""Boot an image on one of QEMU's machines and judge its console.

It uses TCG only, so that results are the same on every host.
"""

import re
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from common.arch import ARM, ARM64, ARM_LPAE, X86_64, Arch
from common.steps import LOGS, Failure, Progress, ended_by, stop
from machine import firmware, splats

EDU = ["-device", "edu,addr=02.0", "-device", "edu,addr=03.0"]
#: virt's memory begins at 1 GiB, so a device that sees physical addresses needs more than 28 bits
WIDE_EDU = [a.replace("edu,", "edu,dma_mask=0xffffffffffffffff,") for a in EDU]


@dataclass(frozen=True)
class Machine:
    title: str
    arch: Arch
    qemu: list
    cmdline: list = field(default_factory=list)
    iommu: bool = True
    disk: bool = False
    #: the devicetree describes its CMA area, instead of the command line
    pool: bool = False
    #: the driver of its IOMMU reports blocked accesses
    events: bool = True
    #: what is written to /sys/power/state to suspend it
    sleep: str = "freeze"
    #: why it cannot be suspended; empty if it can
    sleepless: str = ""
    memory: str = "2048M"
    #: it has one processor, whose clock counts instructions
    counted: bool = False


VIRT = ["-machine", "virt,gic-version=3"]
Q35 = ["-machine", "q35,kernel-irqchip=split"]
REACH = ["vcm_edu.dma_bits=64", "vcm.reach=1"]

#: 16 slots with 8 ports each, an edu behind each of them
PORTS = [a for i in range(128) for a in (
    "-device", f"pcie-root-port,id=p{i},chassis={i},addr={2 + i // 8:02x}.{i % 8},multifunction=on",
    "-device", f"edu,bus=p{i}")]
#: the processors' clock: the host's time, or one tick an instruction
FREE = ["-accel", "tcg,thread=multi", "-smp", "2"]
COUNTED = ["-accel", "tcg,thread=single", "-smp", "1", "-icount", "shift=0,sleep=off", "-rtc", "clock=vm"]

MACHINES = {
    "smmuv3": Machine("SMMUv3", ARM64, ["-machine", "virt,gic-version=3,iommu=smmuv3", *EDU], disk=True),
    "virtio-iommu": Machine("virtio-iommu", ARM64, [*VIRT, "-device", "virtio-iommu-pci,addr=01.0", *EDU], disk=True,
                            sleepless="resume resets the IOMMU, and its driver (Linux 7.3) does not set it up again"),
    "none": Machine("no IOMMU", ARM64, [*VIRT, *WIDE_EDU], REACH, iommu=False, disk=True, pool=True),
    "plain": Machine("no devices", ARM64, VIRT, iommu=False),
    "arm-lpae": Machine("arm, LPAE", ARM_LPAE, ["-machine", "virt", *WIDE_EDU], REACH, iommu=False,
                        memory="4096M"),
    # without LPAE, addresses above 4 GiB are out of reach; PCI's configuration space would be there
    "arm": Machine("arm", ARM, ["-machine", "virt,highmem=off", *WIDE_EDU], REACH, iommu=False),
    # each device has a port with access control, so each is in its own IOMMU group
    "bench": Machine("SMMUv3, instructions counted", ARM64,
                     ["-machine", "virt,gic-version=3,iommu=smmuv3,dtb-randomness=off",
                      "-cpu", "cortex-a57,cntfrq=1000000000", *PORTS], ["nokaslr"], memory="6144M", counted=True),
    "bench-threads": Machine("SMMUv3, two CPUs", ARM64, ["-machine", "virt,gic-version=3,iommu=smmuv3", *PORTS],
                             memory="6144M"),
    # the clock's alarm does not wake these two from suspend-to-idle
    "intel-iommu": Machine("VT-d", X86_64, [*Q35, "-device", "intel-iommu,intremap=off", *EDU],
                           ["intel_iommu=on"], sleep="mem"),
    "amd-iommu": Machine("AMD-Vi", X86_64, [*Q35, "-device", "amd-iommu,intremap=off", *EDU], sleep="mem",
                         events=False),
}

#: CMA within reach of 32-bit devices; arm with LPAE would take the highest memory. If the area ended at
#: 4 GiB, a 32-bit sum in kmemleak would wrap around, and kmemleak would scan highmem
CMA = "cma=256M@0-3G"
COMMON = ["panic=-1", "oops=panic", "printk.devkmsg=on", "iommu.strict=1"]


@dataclass
class Image:
    """A kernel with its initial ramdisk."""
    name: str
    kind: str
    arch: Arch
    kernel: Path
    initrd: Path
    cmdline: list = field(default_factory=list)


@dataclass
class Boot:
    """The result of a boot."""
    log: Path
    lines: list
    rows: list
    problems: list
    seconds: float

    def failure(self, what, problems=None):
        """Return the Failure to show to the user."""
        hits = splats.find(self.lines)
        shown = splats.excerpt(self.lines, hits) if hits else self.lines[-12:]
        return Failure(f"{what}: " + "; ".join(problems or self.problems), self.log, shown)


def command(image, machine, cmdline=(), memory=None, disk=None):
    of = MACHINES[machine]
    words = [f"console={of.arch.console}", *COMMON, *([] if of.pool else [CMA]), *image.cmdline, *of.cmdline, *cmdline,
             *(["vcm.disk=1"] if disk else [])]
    nvme = ["-drive", f"file={disk},format=raw,if=none,id=disk",
            "-device", "nvme,addr=04.0,drive=disk,serial=vcm"] if disk else []
    argv = [*of.arch.qemu, *(COUNTED if of.counted else FREE), "-m", memory or of.memory,
            "-nodefaults", "-no-user-config", "-nographic", "-no-reboot", "-serial", "stdio",
            *of.qemu, *nvme,
            "-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", " ".join(words)]
    if of.pool:
        argv += ["-dtb", str(firmware.with_pool(image, argv, LOGS / f"{image.name}-{machine}"))]
    return argv


def judge(lines, ended, problems):
    """Add to @problems what is wrong with a console log."""
    done = [m for line in lines if (m := re.search(r"VCM-INIT: done, (\d+) failures", line))]
    hits = splats.find(lines)
    if hits:
        text = re.sub(r"^\[ *[\d.]+\] ", "", lines[hits[0]]).strip()
        problems.append(f"{len(hits)} alarm lines in the console log, the first: {text}")
    problems += [line.split("VCM-INIT: ")[1].strip() for line in lines
                 if "VCM-INIT: " in line and not re.search("VCM-INIT: (done|kmemleak has)", line)]
    if ended and not done:
        problems.append("the machine ended before init had finished")
    elif done and done[0][1] != "0" and not problems:
        problems.append(f"init counted {done[0][1]} failures")


def boot(image, machine, do, cmdline=(), timeout=300, label=None, memory=None, disk=None):
    """Boot, wait for the end, and judge the console. Problems of the guest are returned in the Boot."""
    label = label or f"{image.name}-{machine}"
    log = LOGS / f"{label}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    argv = command(image, machine, [*cmdline, f"vcm.do={do}"], memory, disk)
    if not shutil.which(argv[0]):
        raise Failure(f"{argv[0]} is not installed (make deps)")
    (LOGS / f"{label}.cmd").write_text(" ".join(f"'{a}'" if " " in a else a for a in argv) + "\n")
    lines, problems = [], []
    p = Progress(f"{do} on {MACHINES[machine].title}, {image.name} image")
    proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, start_new_session=True)

    def read():
        with open(log, "wb") as out:
            for raw in proc.stdout:
                out.write(raw)
                out.flush()
                lines.append(raw.decode(errors="backslashreplace").rstrip("\r\n"))

    reader = threading.Thread(target=read)
    reader.start()
    ended = True
    try:
        while proc.poll() is None:
            p.update(lines[-1] if lines else "")
            if p.seconds() > timeout:
                problems.append(f"no end after {timeout} s")
                ended = False
                stop(proc)
            time.sleep(0.1)
    except BaseException as why:
        stop(proc)
        p.end(ended_by(why))
        raise
    finally:
        reader.join()
    if proc.returncode and ended:
        problems.append(f"{argv[0]} ended with status {proc.returncode}")
    judge(lines, ended, problems)
    rows = [line.split("VCM-ROW: ", 1)[1].split("|") for line in lines if "VCM-ROW: " in line]
    p.end("FAILED" if problems else "done")
    return Boot(log, lines, rows, problems, p.seconds())


def console(image, machine, cmdline=()):
    """Boot a machine with its console on this terminal."""
    argv = command(image, machine, [*cmdline, "vcm.do=shell"])
    argv[argv.index("stdio")] = "mon:stdio"
    print("  the machine's console; exit or ctrl-a x ends it", flush=True)
    return subprocess.run(argv).returncode
