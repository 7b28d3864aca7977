# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets a real Blender stand in for a Python with bpy: BLENDER -b --python as_python.py -- SCRIPT.py ARGUMENT ..."""

import sys
from pathlib import Path

path, *words = sys.argv[sys.argv.index("--") + 1 :]
sys.argv = [path, *words]
exec(compile(Path(path).read_text("utf-8"), path, "exec"), {"__name__": "__main__", "__file__": path})
