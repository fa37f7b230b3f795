# SPDX-License-Identifier: GPL-2.0
"""Run the benchmark; compare it with budgets, goals and other code."""
