# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measured claims: each module is a command that prints a table and writes JSON to out/benchmarks/."""
