# SPDX-License-Identifier: GPL-2.0
"""Make the devicetree of a QEMU machine, with the overlay pool.dtso applied."""

import subprocess
from pathlib import Path

from common.steps import Failure

OVERLAY = Path(__file__).with_name("pool.dtso")


def run(argv, log):
    with open(log, "ab") as out:
        if subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out).returncode:
            raise Failure(f"{Path(argv[0]).name} could not make the machine's devicetree", log)


def with_pool(image, argv, base):
    """Return the devicetree of the machine that @argv starts, with the pool. dtc is from the image's build."""
    dtc = image.kernel.parents[3] / "scripts/dtc"
    plain, overlay, full, log = (base.with_suffix(s) for s in (".plain.dtb", ".dtbo", ".dtb", ".dtb.log"))
    log.unlink(missing_ok=True)
    machine = argv.index("-machine") + 1
    run([*argv[:machine], f"{argv[machine]},dumpdtb={plain}", *argv[machine + 1:]], log)
    run([dtc / "dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", overlay, OVERLAY], log)
    run([dtc / "fdtoverlay", "-i", plain, "-o", full, overlay], log)
    return full
