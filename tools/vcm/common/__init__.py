# SPDX-License-Identifier: GPL-2.0
"""What all tools share: running steps, architectures, packages of this machine, README."""
