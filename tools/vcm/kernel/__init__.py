# SPDX-License-Identifier: GPL-2.0
"""Configure and build kernels and their initial ramdisks."""
