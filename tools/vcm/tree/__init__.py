# SPDX-License-Identifier: GPL-2.0
"""The Linux tree that VCM is laid over."""
