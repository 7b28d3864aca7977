# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes between Blender and the engine: command line, job protocol, capture, training, saving."""
