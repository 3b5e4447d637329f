"""A program a line in, an answer a line out.

The answer is the JSON array of the trace's lines; null for a circle of tasks; an object with one member for what has no
trace: "invalid", or "unsupported" for what the reference cannot do. With facts it is {"trace": .., "facts": ..}.

SPDX-License-Identifier: BSL-1.0
"""

import asyncio
import gc
import json
import sys
import warnings

from facts import Facts
from interpreter import Run
from validate import find_gcancel, problem

VERSION = (3, 14)
_COLLECT_EVERY = 100
# Enough for every program that a person can read; far below what the stack of the machine holds.
_RECURSION_LIMIT = 500


def version() -> str:
    return "CPython " + ".".join(map(str, sys.version_info[:3]))


class Batch:
    def __init__(self, with_facts: bool = False) -> None:
        self._with_facts = with_facts
        self._until_collection = _COLLECT_EVERY
        sys.setrecursionlimit(_RECURSION_LIMIT)
        asyncio._set_running_loop(None)  # the one of a browser's runtime
        # What a deadlocked program leaves behind is not worth a word.
        warnings.simplefilter("ignore")
        sys.unraisablehook = lambda unraisable: None
        # In the middle of a program nothing is collected.
        gc.collect()
        gc.freeze()
        gc.disable()

    def answer(self, line: str) -> str:
        self._until_collection -= 1
        if self._until_collection == 0:
            self._until_collection = _COLLECT_EVERY
            gc.collect()
        return json.dumps(self._answer(line), separators=(",", ":"), ensure_ascii=False)

    def answers(self, lines: str) -> str:
        """For the lines of a text."""
        return "".join(self.answer(line) + "\n" for line in lines.split("\n") if line.strip())

    def _answer(self, line: str) -> object:
        try:
            program = json.loads(line)
        except (ValueError, RecursionError) as error:
            return {"invalid": f"program: {error}"}
        try:
            wrong = problem(program)
        except RecursionError:
            wrong = "program: nested too deeply"
        if wrong:
            return {"invalid": wrong}
        if path := find_gcancel(program):
            return {"unsupported": f"{path}: gcancel: TaskGroup.cancel came with CPython 3.15"}
        facts = Facts() if self._with_facts else None
        run = Run(program, facts)
        trace = run.run()
        if run.too_deep:
            return {"invalid": "program: nested too deeply"}
        if not self._with_facts:
            return trace
        if trace is None:
            return {"trace": None, "facts": [["run", "circle", 1]]}
        return {"trace": trace, "facts": [[*cell, count] for cell, count in facts.counts.items()]}
