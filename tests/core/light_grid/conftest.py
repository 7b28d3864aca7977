# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""Torch on one thread: for arrays as small as the tests', more threads only wait for each other."""

from __future__ import annotations

import typing

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> typing.Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
