# SPDX-License-Identifier: GPL-2.0
"""Draw curves as SVG."""
