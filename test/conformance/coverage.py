"""The table of coverage: statement x outcome, and what tasks waited for when they were cancelled.

Reads what the oracle prints with --facts: coverage.py <answers. Fails on an empty cell that unreachable.txt does not
list, and on a listed one that was hit.

SPDX-License-Identifier: BSL-1.0
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

HERE = Path(__file__).resolve().parent
UNREACHABLE = HERE / "unreachable.txt"

ERRORS = {
    "CancelledError": "Canc",
    "TimeoutError": "Time",
    "User": "User",
    "User(unbound)": "Unbd",
    "Group": "Group",
    "InvalidStateError": "Inval",
    "ValueError": "Value",
    "RuntimeError": "Runt",
    "QueueEmpty": "QEmpty",
    "QueueFull": "QFull",
    "QueueShutDown": "QShut",
    "BrokenBarrierError": "Broken",
}
_NONE = ("ok none",)
_TRUTH = ("ok true", "ok false")
_VALUE = ("ok number", "ok string")
_LISTS = ("ok empty list", "ok list", "ok list with errors")
_ANY = ("ok none", *_VALUE, *_LISTS)
_TIME = ("ok expired=false", "ok expired=true")

# What FORMAT.md lets each statement give behind "ok".
_OK = {
    "log": ("ok string",),
    "raise": (),
    "reraise": (),
    "return": _VALUE,
    "spawn": _NONE,
    "await": _ANY,
    "cancel": _TRUTH,
    "cancel_self": _TRUTH,
    "uncancel": ("ok number",),
    "cancelling": ("ok number",),
    "state": ("ok pending", "ok cancelled", "ok result", "ok error"),
    "on_done": _NONE,
    "sleep": _NONE,
    "call_soon": _NONE,
    "call_later": _NONE,
    "call_at": _NONE,
    "gather": _LISTS,
    "gather_start": _NONE,
    "wait": ("ok all done", "ok some done", "ok none done"),
    "wait_for": _ANY,
    "shield": _ANY,
    "shield_start": _NONE,
    "as_completed": ("ok empty list", "ok list"),
    "timeout": _TIME,
    "timeout_at": _TIME,
    "reschedule": _NONE,
    "expired": _TRUTH,
    "group": _NONE,
    "gspawn": _NONE,
    "acquire": ("ok true",),
    "release": _NONE,
    "with": ("entered", "ok none"),
    "locked": _TRUTH,
    "ev_wait": ("ok true",),
    "ev_set": _NONE,
    "ev_clear": _NONE,
    "c_wait": ("ok true",),
    "c_notify": _NONE,
    "c_notify_all": _NONE,
    "b_wait": ("ok number",),
    "b_reset": _NONE,
    "b_abort": _NONE,
    "put": _NONE,
    "get": _VALUE,
    "put_nowait": _NONE,
    "get_nowait": _VALUE,
    "task_done": _NONE,
    "q_join": _NONE,
    "q_shutdown": _NONE,
    "qsize": ("ok number",),
    "f_set": _NONE,
    "f_exc": _NONE,
    "f_cancel": _TRUTH,
    "v_set": _NONE,
    "v_get": ("ok none", *_VALUE),
}
_IN_CALLBACKS = (
    "log cancel state locked release ev_set ev_clear put_nowait get_nowait task_done q_shutdown qsize f_set f_exc "
    "f_cancel v_set v_get"
).split()

# Rows that are no statement of their own, with all their columns.
_OTHERS = {
    "call": ("ended", "returned"),
    "callback": ("called",),
    "item": _ANY,
    "caught cancelled": ("CancelledError",),
    "caught timeout": ("TimeoutError",),
    "caught error": ("User", "User(unbound)"),
    "caught group": ("Group",),
    "caught any": tuple(ERRORS),
    "finally": ("ok", *ERRORS),
    "finally, returning": ("ok", *ERRORS),
    "end": ("cancelled", "ok none", *_VALUE, *(error for error in ERRORS if error != "CancelledError")),
    "handler": ("callback_error", "shielded_error", "shutdown_error"),
    "task start": ("lazy", "eager", "eager, done at once"),
    "run": ("finished", "deadlock", "circle"),
}

_LOCKS = ("lock", "semaphore", "bounded_semaphore", "condition")
_QUEUES = ("queue", "lifo_queue", "priority_queue")
_WAITS = (
    *("sleep", "await", "gather", "wait", "wait_for task", "wait_for future", "wait_for a task"),
    *("shield", "as_completed", "group", "ev_wait", "c_wait", "c_wait for the lock", "b_wait", "b_reset", "b_abort"),
    *(f"{op} {kind}" for op in ("acquire", "with") for kind in _LOCKS),
    *(f"{op} {kind}" for op in ("put", "get", "q_join") for kind in _QUEUES),
)
_CANCELLED = {
    "cancelled": ("not started", "running itself", "starting an eager task", "done"),
    **{f"cancelled in {wait}": ("waiting", "woken") for wait in _WAITS},
}


def _tables() -> tuple[dict[str, tuple[str, ...]], ...]:
    statements = {op: (*ok, *ERRORS) for op, ok in _OK.items()}
    statements.update({f"{op} in a callback": statements[op] for op in _IN_CALLBACKS})
    return statements, _OTHERS, _CANCELLED


TABLES = _tables()
CELLS = [(row, column) for table in TABLES for row, columns in table.items() for column in columns]


class Listed:
    """The lines of unreachable.txt: rows ; columns ; reason."""

    def __init__(self, path: Path = UNREACHABLE) -> None:
        self.cells: set[tuple[str, str]] = set()
        self.problems: list[str] = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            parts = [part.strip() for part in line.split(";", 2)]
            cells = self._cells(parts[0], parts[1]) if len(parts) == 3 and parts[2] else set()
            if not cells:
                self.problems.append(f"{path.name}:{number} names no cell of the table: {line}")
            self.cells |= cells

    @staticmethod
    def _cells(rows: str, columns: str) -> set[tuple[str, str]]:
        chosen: set[tuple[str, str]] = set()
        but = set()
        if columns.startswith("errors"):
            but = {name.strip() for name in columns.removeprefix("errors").strip().removeprefix("but").split(",")}
            wanted = [error for error in ERRORS if error not in but]
        else:
            wanted = [column.strip() for column in columns.split(",")]
        for pattern in rows.split(","):
            chosen.update(cell for cell in CELLS if fnmatchcase(cell[0], pattern.strip()) and cell[1] in wanted)
        return chosen


def add_facts(counts: Counter, facts: Iterable[list]) -> None:
    for row, column, count in facts:
        counts[row, column] += count


def problems(counts: Counter, listed: Listed, judge_empty: bool = True) -> list[str]:
    """What is wrong with the coverage. Empty cells are only judged where there were enough programs."""
    wrong = list(listed.problems)
    for row, column in CELLS:
        if judge_empty and not counts[row, column] and (row, column) not in listed.cells:
            wrong.append(f"empty, and not in unreachable.txt: {row}: {column}")
        if counts[row, column] and (row, column) in listed.cells:
            wrong.append(f"hit {counts[row, column]} times, but in unreachable.txt: {row}: {column}")
    known = set(CELLS)
    wrong.extend(f"not in the table: {row}: {column}" for row, column in sorted(counts) if (row, column) not in known)
    return wrong


def table_text(counts: Counter, listed: Listed) -> str:
    """`-` is a cell that cannot be reached, `!` one that was not."""

    def cell(row: str, column: str) -> str:
        if counts[row, column]:
            return str(counts[row, column])
        return "-" if (row, column) in listed.cells else "!"

    def plain(row: str, columns: Iterable[str]) -> str:
        return "  ".join(f"{column.removeprefix('ok ')} {cell(row, column)}" for column in columns)

    lines = ["", f"{'statement':26}" + "".join(f"{short:>8}" for short in ERRORS.values()) + "  ok"]
    for row, columns in TABLES[0].items():
        ok = [column for column in columns if column not in ERRORS]
        lines.append(f"{row:26}" + "".join(f"{cell(row, error):>8}" for error in ERRORS) + "  " + plain(row, ok))
    lines.extend(["", "other lines"])
    lines.extend(f"{row:26}  {plain(row, columns)}" for row, columns in TABLES[1].items())
    lines.extend(["", f"{'a task was cancelled in':34}{'waiting':>10}{'woken':>10}"])
    for row, columns in TABLES[2].items():
        if row == "cancelled":
            last = f"or when it was:  {plain(row, columns)}"
        else:
            name = row.removeprefix("cancelled in ")
            lines.append(f"{name:34}" + "".join(f"{cell(row, column):>10}" for column in columns))
    return "\n".join([*lines, last])


def main() -> int:
    counts: Counter = Counter()
    for line in sys.stdin:
        add_facts(counts, json.loads(line).get("facts", []))
    listed = Listed()
    print(table_text(counts, listed))
    wrong = problems(counts, listed)
    print("\n".join(["", *wrong, f"{len(CELLS)} cells, {len(listed.cells)} unreachable, {len(wrong)} problems"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
