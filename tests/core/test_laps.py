# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

import time

from core.laps import Laps


def test_laps_of_one_name_add_up_and_nothing_is_counted_twice() -> None:
    begin = time.monotonic()
    lap = Laps()
    time.sleep(0.02)
    lap("fit")
    lap("write")
    time.sleep(0.02)
    lap("fit")
    assert list(lap.seconds) == ["fit", "write"]
    assert lap.seconds["fit"] >= 0.039
    assert sum(lap.seconds.values()) <= time.monotonic() - begin + 0.002
