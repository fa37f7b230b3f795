# SPDX-License-Identifier: GPL-2.0
"""Everything that gates a change: KUnit, checks, mutants, and the counts."""
