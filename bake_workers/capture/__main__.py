# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m bake_workers.capture``; see :func:`bake_workers.capture.main`."""

import sys

from bake_workers import protocol
from bake_workers.capture import main

protocol.leave(main(sys.argv[1:]))
