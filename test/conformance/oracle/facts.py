"""What a run met, for the table of coverage: statement x outcome, and what a task waited for when it was cancelled.

SPDX-License-Identifier: BSL-1.0
"""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from values import User

if TYPE_CHECKING:
    from interpreter import Run
    from virtual_loop import WatchedTask

# The statements whose object can have one of several types.
_BY_TYPE = {"acquire", "with", "put", "get", "q_join"}


def _error_class(error: BaseException) -> str:
    if isinstance(error, User):
        return "User(unbound)" if error.name == "unbound" else "User"
    if isinstance(error, BaseExceptionGroup):
        return "Group"
    return type(error).__name__


def _value_kind(op: str, value: object) -> str:
    if op == "state":
        return value.split(" ")[0]
    if op in ("timeout", "timeout_at"):
        return value
    if op == "wait":
        done, pending = (part.endswith("[]") for part in value.split(" "))
        return "none done" if done else "all done" if pending else "some done"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return "number"
    if isinstance(value, list):
        errors = any(isinstance(item, BaseException) for item in value)
        return "empty list" if not value else "list with errors" if errors else "list"
    return "string"


class Facts:
    """Counts of (row, column) of the tables."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, row: str, column: str) -> None:
        self.counts[row, column] += 1

    def ok(self, run: "Run", op: str, value: object) -> None:
        self.add(_row(run, op), "ok " + _value_kind(op, value))

    def raises(self, run: "Run", op: str, error: BaseException) -> None:
        self.add(_row(run, op), _error_class(error))

    def caught(self, kind: str, error: BaseException) -> None:
        self.add("caught " + kind, _error_class(error))

    def finally_ran(self, flight: BaseException | None, later: tuple | None) -> None:
        before = _error_class(flight) if flight is not None else "ok"
        self.add("finally" if later is None else "finally, returning", before)

    def cancelled(self, run: "Run", task: "WatchedTask") -> None:
        """Called before a cancel: which statement the task is in, and whether it will wake up anyway."""
        frame = task.frame
        if task.done():
            self.add("cancelled", "done")
        elif not frame.started:
            self.add("cancelled", "not started")
        elif asyncio.current_task(run.loop) is task:
            self.add("cancelled", "running itself")
        elif frame.eager_starts:
            self.add("cancelled", "starting an eager task")
        else:
            waiter = task._fut_waiter
            state = "waiting" if waiter is not None and not waiter.done() else "woken"
            self.add("cancelled in " + self._wait_name(run, frame.waits[-1], waiter), state)

    @staticmethod
    def _wait_name(run: "Run", statement: list, waiter: asyncio.Future | None) -> str:
        op = statement[0]
        if op in _BY_TYPE:
            return f"{op} {run.described[statement[1]]['type']}"
        if op == "c_wait" and waiter in (run.objects[statement[1]]._lock._waiters or ()):
            return "c_wait for the lock"
        if op == "wait_for":
            return "wait_for a task" if "coro" in statement[1] else "wait_for " + next(iter(statement[1]))
        return op


def _row(run: "Run", op: str) -> str:
    return op if asyncio.current_task(run.loop) else op + " in a callback"
