# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``build_addon.py`` does, with the standard library alone: environments, the extension's zip, demo and tests."""
