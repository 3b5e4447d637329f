"""What the parts of a random program are chosen from: numbers, names, objects, handles.

SPDX-License-Identifier: BSL-1.0
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

MS = (0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 4, 6)
WORDS = ("x", "y", "z")
PREFIXES = {
    "event": "e",
    "lock": "l",
    "semaphore": "p",
    "bounded_semaphore": "r",
    "condition": "k",
    "barrier": "o",
    "queue": "q",
    "lifo_queue": "i",
    "priority_queue": "h",
    "future": "f",
    "context_var": "v",
}
QUEUES = ("queue", "queue", "lifo_queue", "priority_queue")
SEMAPHORES = ("semaphore", "bounded_semaphore")


class Names:
    """Only `random` itself is used of Python's generator: its numbers are the same in every version."""

    names: list[str]
    costs: list[int]
    spawned: set[int]

    def __init__(self, random: Callable[[], float]) -> None:
        self.random = random
        self.objects: dict[str, dict] = {}
        self.ranks: dict[str, int] = {}  # handle -> lowest level of the coroutines behind it
        self.tags = 0
        self.start_coroutine(0, 0)

    def start_coroutine(self, level: int, budget: int) -> None:
        self.level = level
        self.budget = budget
        self.cost = 0
        self.rounds = 1
        self.depth = self.timeouts = self.groups = self.handlers = 0

    # Choices.

    def below(self, limit: int) -> int:
        return int(self.random() * limit)

    def chance(self, probability: float) -> bool:
        return self.random() < probability

    def pick(self, values: Sequence):
        return values[int(self.random() * len(values))]

    def pick_weighted(self, choices):
        """Of pairs (weight, value), or of a dict from value to (weight, ..)."""
        if isinstance(choices, dict):
            choices = [(entry[0], value) for value, entry in choices.items()]
        left = self.random() * sum(weight for weight, _ in choices)
        for weight, value in choices:
            left -= weight
            if left < 0:
                return value
        return choices[-1][1]

    # Values.

    def ms(self) -> int:
        return self.pick(MS)

    def ms_or_none(self) -> int | None:
        return None if self.chance(0.12) else self.pick(MS)

    def word(self) -> str:
        return self.pick(WORDS)

    def message(self) -> str | None:
        return self.word() if self.chance(0.3) else None

    def value(self) -> int | str:
        return self.word() if self.chance(0.3) else self.below(10) - 1

    def tag(self) -> str:
        self.tags += 1
        return f"k{self.tags}"

    # Objects: made when they are first wanted.

    def object(self, kind: str) -> str:
        fitting = [name for name, options in self.objects.items() if options["type"] == kind]
        if fitting and (len(fitting) > 1 or self.chance(0.93)):
            return self.pick(fitting)
        name = f"{PREFIXES[kind]}{len(fitting)}"
        options: dict = {"type": kind}
        if kind == "condition" and self.chance(0.3):
            options["lock"] = self.object("lock")
        elif kind == "barrier":
            options["parties"] = self.pick((1, 2, 2, 2, 3))
        elif kind in SEMAPHORES and self.chance(0.6):
            options["value"] = self.pick((0, 1, 2, 2))
        elif kind in QUEUES and self.chance(0.6):
            options["maxsize"] = self.pick((1, 1, 2))
        elif kind == "context_var" and self.chance(0.5):
            options["default"] = self.value()
        self.objects[name] = options
        return name

    def queue(self) -> str:
        return self.object(self.pick(QUEUES))

    def semaphore(self) -> str:
        return self.object(self.pick(SEMAPHORES))

    def lockable(self) -> str:
        return self.object(self.pick(("lock", "semaphore", "bounded_semaphore", "condition")))

    def value_for(self, queue: str) -> int | str:
        if self.objects[queue]["type"] != "priority_queue":
            return self.value()
        return self.below(5) if queue == "h0" else self.word()

    # Coroutines and handles.

    def affordable(self, lowest: int = 0) -> int | None:
        """The level of a coroutine that may be used here, and that the program has time for."""
        first = max(self.level + 1, lowest)
        left = self.budget - self.cost
        levels = [level for level in range(first, len(self.names)) if self.costs[level] * self.rounds <= left]
        return self.pick(levels) if levels else None

    def any_target(self) -> str:
        """A handle or a future."""
        if self.chance(0.12):
            return self.object("future")
        return "nobody" if self.chance(0.02) else self.any_handle()

    def any_handle(self) -> str:
        """Mostly one of those that main binds at its start."""
        name = self.pick(list(self.ranks))
        return name if name[0] == "t" or self.chance(0.4) else self.pick(list(self.ranks))

    def awaitable_handle(self, lowest: int) -> str | None:
        """None if there is none that makes no circle, but for the few circles that are wanted."""
        if self.chance(0.03):
            return self.any_handle()
        fitting = [name for name, rank in self.ranks.items() if rank >= lowest]
        return self.pick(fitting) if fitting else None

    def started(self, prefix: str) -> str:
        """The handle of a gather or a shield that goes on by itself."""
        name = f"{prefix}{self.below(2)}"
        self.ranks.setdefault(name, self.level + 1 if self.level + 1 < len(self.names) else self.level)
        return name

    def source(self, lowest: int) -> dict:
        kind = self.random()
        if kind < 0.5:
            level = self.affordable(lowest)
            if level is not None:
                self.cost += self.costs[level] * self.rounds
                self.spawned.add(level)
                return {"coro": self.names[level]}
        if kind < 0.85 and (handle := self.awaitable_handle(lowest)) is not None:
            return {"task": handle}
        return {"future": self.object("future")}
