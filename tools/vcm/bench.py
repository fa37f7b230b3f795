# SPDX-License-Identifier: GPL-2.0
"""What VCM costs beside what drivers use instead."""

import os

import boot
import images


def measure(peers=True, max_live=1000000, timeout=3600):
    image = images.build_bench()
    only = [f"vcm_bench.only={os.environ['FILTER']}"] if os.environ.get("FILTER") else []
    return boot.boot(image, "bench", "bench", [*only, f"vcm_bench.peers={int(peers)}", f"vcm_bench.max_live={max_live}",
                                               "vcm_bench.commands=0x9050098"], timeout=timeout)
