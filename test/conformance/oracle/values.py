"""How values and errors are written in a trace.

SPDX-License-Identifier: BSL-1.0
"""

from asyncio import CancelledError


class User(Exception):
    """An error that a program raises by name; User("unbound") also when it names what is not there."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def cancel_message(error: CancelledError) -> str:
    return str(error.args[0]) if error.args and error.args[0] is not None else ""


def error_text(error: BaseException) -> str:
    if isinstance(error, CancelledError):
        return f"CancelledError({cancel_message(error)})"
    if isinstance(error, User):
        return f"User({error.name})"
    if isinstance(error, BaseExceptionGroup):
        return f"Group[{', '.join(map(error_text, error.exceptions))}]"
    return type(error).__name__


def error_kind(error: BaseException) -> str:
    """KIND of the format; empty for what `any` alone catches."""
    if isinstance(error, CancelledError):
        return "cancelled"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, User):
        return "error"
    if isinstance(error, BaseExceptionGroup):
        return "group"
    return ""


def value_text(value: object) -> str:
    if value is None:
        return "none"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, BaseException):
        return error_text(value)
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    return str(value)
