"""Random scenario programs, valid by construction: generate.py N [--seed S] [--from K]

Program k of seed S depends on S and k alone, so that ranges can be made in parallel.

SPDX-License-Identifier: BSL-1.0
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable

from chances import SIZES, THEMES, WEIGHTS
from snippets import Snippets

LETTERS = "abcdefg"


class Program(Snippets):
    """Makes one program. Coroutines use only those behind them, so none calls itself.

    A coroutine's level is its place in the order. It mostly awaits handles of higher levels, since a circle of tasks
    has no trace. The last coroutine is made first, so that what it costs to run it is known.
    """

    def __init__(self, seed: str, number: int) -> None:
        super().__init__(random.Random(f"{seed}/{number}").random)
        few, many, self.length = self.pick_weighted(SIZES)
        count = few + self.below(many - few + 1)
        self.names = ["main", *LETTERS[: count - 1]]
        self.bodies: dict[str, list] = {}
        self.costs = [0] * count
        self.spawned: set[int] = set()
        for index in range(1, count):
            self.ranks["t" + self.names[index]] = index
        if self.chance(0.3):
            self.ranks["u0"] = 1 + self.below(count - 1)
        themes = {self.pick_weighted(THEMES) for _ in range(1 + self.below(3))}
        self.table = self._weighted_table(themes)
        self.in_callbacks = self._callback_table(themes)

    def _weighted_table(self, themes: set[str]) -> list[Callable]:
        table: list[Callable] = []
        for theme, weights in WEIGHTS.items():
            factor = 1 if theme == "always" else 8 if theme in themes else 0
            for name, weight in weights.items():
                table.extend([getattr(self, "make_" + name)] * (weight * factor))
        return table

    def _callback_table(self, themes: set[str]) -> list[Callable]:
        names = ["log", "cancel", "cancel", "state"]
        for theme in sorted(themes):
            names.extend(THEMES[theme][1])
        return [getattr(self, "now_" + name) for name in names]

    def make(self) -> dict:
        for level in range(len(self.names) - 1, 0, -1):
            self.start_coroutine(level, budget=30)
            self.bodies[self.names[level]] = self._body()
            self.costs[level] = self.cost
        self.start_coroutine(0, budget=90)
        main = self._main()
        program: dict = {"version": 1}
        if self.objects:
            program["objects"] = self.objects
        program["coroutines"] = {"main": main, **{name: self.bodies[name] for name in self.names[1:]}}
        if self.chance(0.2):
            program["options"] = {"eager": True}
        return program

    def _body(self) -> list:
        if self.chance(0.25):
            body = self.block(1) if self.chance(0.5) else []
            if self.chance(0.4):
                body.append(["sleep", self.ms()])
            return body + self.failure()
        body = self.block(1 + self.below(self.length))
        if self.chance(0.08):
            body.insert(0, ["cancel", self.any_handle(), self.message()])
        if self.chance(0.05) and self.level + 1 < len(self.names):
            body[:0] = self.eager_meeting()
        if self.chance(0.35):
            body.append(["return", self.value()])
        return body

    def eager_meeting(self) -> list:
        """A task that is eager, and begins with a cancel of the one that starts it."""
        level = self.level + 1
        self.cost += self.costs[level]
        self.spawned.add(level)
        self.bodies[self.names[level]].insert(0, ["cancel", "t" + self.names[self.level], self.message()])
        return [["sleep", self.below(2)], ["spawn", "t" + self.names[level], self.names[level], {"eager": True}]]

    def _main(self) -> list:
        body: list = []
        if self.chance(0.45):
            body.append(self.rescue())
        for level in range(1, len(self.names)):
            if level not in self.spawned or self.chance(0.65):
                body.extend(self.make_spawn_of(level))
        rest = self.block(1 + self.below(self.length + 1))
        if self.chance(0.5):
            rest.extend(self.epilogue())
        if self.chance(0.4):
            rest = [["timeout", 1 + self.below(8), rest]]
            if self.chance(0.4):
                rest = [["try", {"body": rest, "except": {"any": [["log", "main"]]}}]]
        body.extend(rest)
        if self.chance(0.3):
            for handle in list(self.ranks)[:3]:
                body.append(["state", handle])
        return body


def program_text(seed: str, number: int) -> str:
    return json.dumps(Program(seed, number).make(), separators=(",", ":"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints random scenario programs, one a line.")
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--from", dest="first", type=int, default=0, help="number of the first program")
    arguments = parser.parse_args()
    for number in range(arguments.first, arguments.first + arguments.count):
        sys.stdout.write(program_text(arguments.seed, number) + "\n")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
