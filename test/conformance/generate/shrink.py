"""Reduces a program on which two sides differ to a small one on which they still do.

shrink.py --oracle COMMAND --replayer COMMAND <program >reduced

SPDX-License-Identifier: BSL-1.0
"""

from __future__ import annotations

import argparse
import copy
import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "oracle")]

from processes import Side  # noqa: E402
from validate import blocks_of, problem  # noqa: E402

# Asks which of some programs still differ.
Differ = Callable[[list[dict]], list[bool]]

_AT_ONCE = 24


def compact(program: dict) -> str:
    return json.dumps(program, separators=(",", ":"))


def shrink(program: dict, differ: Differ, seconds: float = 120.0) -> dict:
    """Takes every step that keeps the difference, until none does or the time is over."""
    end = time.monotonic() + seconds
    again = True
    while again and time.monotonic() < end:
        again = False
        for steps in (_fewer_coroutines, _fewer_statements, _unwrapped, _simpler, _fewer_objects, _smaller):
            while time.monotonic() < end and (smaller := _first(program, steps(program), differ)) is not None:
                program = smaller
                again = True
    return program


def _first(program: dict, candidates: Iterator[dict], differ: Differ) -> dict | None:
    size = len(compact(program))
    some: list[dict] = []

    def test() -> dict | None:
        fitting = [candidate for candidate, still in zip(some, differ(some)) if still] if some else []
        some.clear()
        return fitting[0] if fitting else None

    for candidate in candidates:
        # Each step makes the text shorter, or as long with smaller numbers: so it ends.
        if len(compact(candidate)) <= size and candidate != program and problem(candidate) is None:
            some.append(candidate)
            if len(some) == _AT_ONCE and (found := test()) is not None:
                return found
    return test()


# Places in a program: a block is found again in a copy by its number.


def _blocks(program: dict) -> list[list]:
    found: list[list] = []

    def add(block: list) -> None:
        found.append(block)
        for statement in block:
            for _, inner in blocks_of(statement):
                add(inner)

    for body in program["coroutines"].values():
        add(body)
    return found


def _changed(program: dict, change: Callable[[dict], None]) -> dict:
    made = copy.deepcopy(program)
    change(made)
    return made


# Steps: each gives programs that may replace the given one.


def _fewer_coroutines(program: dict) -> Iterator[dict]:
    for name in list(program["coroutines"]):
        if name == "main":
            continue

        def without(made: dict, name: str = name) -> None:
            del made["coroutines"][name]
            for block in _blocks(made):
                block[:] = [statement for statement in block if not _uses(statement, name)]
                for statement in block:
                    _drop_sources(statement, name)

        yield _changed(program, without)
    if "options" in program:
        yield {key: value for key, value in program.items() if key != "options"}


def _uses(statement: list, coroutine: str) -> bool:
    op = statement[0]
    if op == "call":
        return statement[1] == coroutine
    if op in ("spawn", "gspawn"):
        return statement[2] == coroutine
    return any(isinstance(part, dict) and part.get("coro") == coroutine for part in statement)


def _drop_sources(statement: list, coroutine: str) -> None:
    for part in statement:
        if isinstance(part, list):
            part[:] = [source for source in part if not (isinstance(source, dict) and source.get("coro") == coroutine)]


def _fewer_statements(program: dict) -> Iterator[dict]:
    blocks = _blocks(program)
    for size in (8, 4, 2, 1):
        for number, block in enumerate(blocks):
            for start in range(0, len(block) - size + 1, max(1, size // 2)):

                def cut(made: dict, number: int = number, start: int = start, size: int = size) -> None:
                    del _blocks(made)[number][start : start + size]

                yield _changed(program, cut)


def _unwrapped(program: dict) -> Iterator[dict]:
    """A block, or the body of a coroutine that is called, in place of the statement."""
    for number, block in enumerate(_blocks(program)):
        for index, statement in enumerate(block):
            inside = [inner for _, inner in blocks_of(statement)]
            if statement[0] == "call":
                inside = [program["coroutines"][statement[1]]]
            for inner in inside:

                def unwrap(made: dict, number: int = number, index: int = index, inner: list = inner) -> None:
                    _blocks(made)[number][index : index + 1] = copy.deepcopy(inner)

                yield _changed(program, unwrap)


def _simpler(program: dict) -> Iterator[dict]:
    """Statements without an option, a handler, or a source."""
    for number, block in enumerate(_blocks(program)):
        for index, statement in enumerate(block):
            for simpler in _simpler_statements(statement):

                def replace(made: dict, number: int = number, index: int = index, simpler: list = simpler) -> None:
                    _blocks(made)[number][index] = simpler

                yield _changed(program, replace)


def _simpler_statements(statement: list) -> Iterator[list]:
    op = statement[0]
    if op == "try":
        parts = statement[1]
        if "finally" in parts:
            yield ["try", {key: value for key, value in parts.items() if key != "finally"}]
        handlers = parts.get("except", {})
        for kind in handlers:
            rest = {other: block for other, block in handlers.items() if other != kind}
            yield ["try", {**parts, "except": rest}]
        if "except" in parts and not handlers:
            yield ["try", {key: value for key, value in parts.items() if key != "except"}]
        return
    if isinstance(statement[-1], dict) and op in ("spawn", "gather", "gather_start", "wait"):
        yield statement[:-1]
        for key in statement[-1]:
            yield [*statement[:-1], {other: value for other, value in statement[-1].items() if other != key}]
    for place, part in enumerate(statement):
        if op in ("gather", "gather_start", "wait", "as_completed") and isinstance(part, list):
            for index in range(len(part)):
                yield [*statement[:place], part[:index] + part[index + 1 :], *statement[place + 1 :]]
    if op in ("timeout_at", "call_at", "call_later"):
        yield [{"timeout_at": "timeout"}.get(op, "call_soon"), *statement[1 if op == "timeout_at" else 2 :]]


def _fewer_objects(program: dict) -> Iterator[dict]:
    objects = program.get("objects", {})
    if not objects and "objects" in program:
        yield {key: value for key, value in program.items() if key != "objects"}
    for name, options in objects.items():
        yield {**program, "objects": {other: value for other, value in objects.items() if other != name}}
        for option in options:
            if option != "type":
                simpler = {key: value for key, value in options.items() if key != option}
                yield {**program, "objects": {**objects, name: simpler}}


def _smaller(program: dict) -> Iterator[dict]:
    """Smaller numbers, no messages."""
    for number, block in enumerate(_blocks(program)):
        for index, statement in enumerate(block):
            for place, part in enumerate(statement[1:], 1):
                for smaller in _smaller_values(statement[0], place, part):

                    def replace(made: dict, place: tuple = (number, index, place), value: object = smaller) -> None:
                        _blocks(made)[place[0]][place[1]][place[2]] = value

                    yield _changed(program, replace)


def _smaller_values(op: str, place: int, part: object) -> Iterator[object]:
    if type(part) is int and part:
        yield from dict.fromkeys((0, 1, part // 2, part - 1)) if part > 1 else (0,)
    elif isinstance(part, str) and (op, place) in (("cancel", 2), ("f_cancel", 2), ("cancel_self", 1)):
        yield None
    elif isinstance(part, dict) and type(part.get("timeout")) is int and part["timeout"]:
        yield {**part, "timeout": part["timeout"] - 1}


def main() -> None:
    parser = argparse.ArgumentParser(description="Reads a program on which two sides differ, prints a smaller one.")
    parser.add_argument("--oracle", required=True, help="command that answers a program a line")
    parser.add_argument("--replayer", required=True)
    arguments = parser.parse_args()
    oracle, replayer = Side(shlex.split(arguments.oracle)), Side(shlex.split(arguments.replayer))

    def differ(programs: list[dict]) -> list[bool]:
        texts = [compact(program) for program in programs]
        return [
            isinstance(right, list) and right != got
            for right, got in zip(oracle.answers(texts), replayer.answers(texts))
        ]

    program = json.load(sys.stdin)
    if not differ([program])[0]:
        sys.exit("the two sides agree on this program")
    print(compact(shrink(program, differ)))
    oracle.close()
    replayer.close()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
