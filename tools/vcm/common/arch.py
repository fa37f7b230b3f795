# SPDX-License-Identifier: GPL-2.0
"""The architectures that VCM is built for: one table, for builds and for machines."""

from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Arch:
    """One architecture.

    linux: name in the kernel's makefiles (ARCH=)
    cross: prefix of the cross compiler's name; empty for this machine's own compiler
    packages: Debian packages that build and run it, in the form of common/deps.py
    debian: name in Debian
    kernel: the bootable file in an output folder
    console: device name of the serial port
    qemu: emulator and processor
    configs: names of its configuration fragments, in addition to those of every architecture
    iommu: true if its machines have an IOMMU; the images then have drivers for it
    """
    name: str
    linux: str
    cross: str
    packages: dict
    debian: str
    kernel: str
    console: str
    qemu: tuple
    configs: tuple
    iommu: bool


ARM64 = Arch(
    name="arm64", linux="arm64", cross="aarch64-linux-gnu-", debian="arm64",
    packages={"gcc-aarch64-linux-gnu": "aarch64-linux-gnu-gcc", "qemu-system-arm": "qemu-system-aarch64"},
    kernel="arch/arm64/boot/Image", console="ttyAMA0", qemu=("qemu-system-aarch64", "-cpu", "cortex-a57"),
    configs=("virt", "arm64", "iommu"), iommu=True)

_ARM = {
    "linux": "arm", "cross": "arm-linux-gnueabihf-", "debian": "armhf",
    "packages": {"gcc-arm-linux-gnueabihf": "arm-linux-gnueabihf-gcc", "qemu-system-arm": "qemu-system-arm"},
    "kernel": "arch/arm/boot/zImage", "console": "ttyAMA0",
    "qemu": ("qemu-system-arm", "-cpu", "cortex-a15"), "iommu": False,
}
ARM_LPAE = Arch(name="arm-lpae", configs=("virt", "arm", "arm-lpae"), **_ARM)
ARM = Arch(name="arm", configs=("virt", "arm"), **_ARM)

X86_64 = Arch(
    name="x86_64", linux="x86_64", cross="", debian="amd64",
    packages={"qemu-system-x86": "qemu-system-x86_64"},
    kernel="arch/x86/boot/bzImage", console="ttyS0", qemu=("qemu-system-x86_64", "-cpu", "qemu64"),
    configs=("x86_64", "iommu"), iommu=True)

ALL = (ARM64, ARM_LPAE, ARM, X86_64)
