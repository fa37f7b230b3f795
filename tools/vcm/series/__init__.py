# SPDX-License-Identifier: GPL-2.0
"""Make the patch series and check it."""
