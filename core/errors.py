# SPDX-FileCopyrightText: 2026 Neural Bake developers
#
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error that a user is meant to read."""

from __future__ import annotations


class NeuralBakeError(Exception):
    """A failure with a cause that the user can act on.

    Args:
        code: short identifier for machines, such as ``"missing_blend"``.
        message: one sentence that says what is wrong.
        hint: one sentence that says what to do, or an empty string.
        bad_input: whether the input is at fault (exit code 2) or something else is (exit code 1).
    """

    def __init__(self, code: str, message: str, hint: str = "", *, bad_input: bool = True) -> None:
        super().__init__(message if not hint else f"{message} {hint}")
        self.code = code
        self.message = message
        self.hint = hint
        self.bad_input = bad_input

    @property
    def exit_code(self) -> int:
        return 2 if self.bad_input else 1
