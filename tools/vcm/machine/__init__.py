# SPDX-License-Identifier: GPL-2.0
"""Boot QEMU's machines, run the demo on them, and judge their consoles."""
