# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build, try and test Neural Bake with nothing but Python 3.11.

    python build_addon.py                 build dist/neural_bake-VERSION.zip and validate it
    python build_addon.py demo            bake the demo scene for real, into out/demo
    python build_addon.py test [...]      run the whole test suite; what follows goes to pytest
    python build_addon.py screenshots     make the documentation's pictures, with a Blender that has a window
    python build_addon.py --link [DIR]    link this checkout into a Blender's extensions folder

This file is written so that an older Python can read it far enough to say what is wrong.
"""

import sys

if sys.version_info[:2] != (3, 11):
    sys.exit(
        "error: Neural Bake is built with Python 3.11 (this is %d.%d), because Blender 4.5's bpy module needs it. "
        "Run python3.11 build_addon.py." % sys.version_info[:2]
    )

from build_tools import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main.main(sys.argv[1:]))
