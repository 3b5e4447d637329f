"""The parts that random programs are made of. make_NAME gives statements for a block, now_NAME one for a callback.

SPDX-License-Identifier: BSL-1.0
"""

from __future__ import annotations

from collections.abc import Callable

from collisions import Collisions

WHEN = ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION")


class Snippets(Collisions):
    """Builds on names and objects; Program says what is made how often."""

    table: list[Callable]
    in_callbacks: list[Callable]

    def block(self, count: int) -> list:
        """Statements of `count` parts, fewer when the program would run for too long."""
        made: list = []
        for _ in range(count):
            if self.cost >= self.budget:
                break
            self.cost += self.rounds
            part = self.table[self.below(len(self.table))]()
            # Most errors would end the program before anything has met.
            if self.chance(0.25 if self.level == 0 else 0.06):
                part = [["try", {"body": part, "except": {self.pick(("any", "any", "error", "group")): []}}]]
            made.extend(part)
        return made

    def inner(self, count: int = 2) -> list:
        """A block inside another: the deeper, the shorter."""
        if self.depth >= 3:
            self.cost += self.rounds
            return [["sleep", self.ms()]]
        self.depth += 1
        made = self.block(1 + self.below(count))
        self.depth -= 1
        return made

    # Control.

    def make_log(self) -> list:
        return [["log", self.word()]]

    def make_raise(self) -> list:
        return [["raise", "unbound" if self.chance(0.02) else self.word()]]

    def make_return(self) -> list:
        return [["return", self.value()]]

    def make_reraise(self) -> list:
        return [["reraise"]] if self.handlers or self.chance(0.1) else self.make_sleep()

    def make_failure(self) -> list:
        return self.failure()

    def make_passed_failure(self) -> list:
        """An error that goes through handlers and finally blocks."""
        parts: dict = {"body": self.failure()}
        if self.chance(0.5):
            parts["except"] = {"any": [["reraise"]]}
        if self.chance(0.6) or not parts.get("except"):
            parts["finally"] = self.make_return() if self.chance(0.5) else self.make_sleep()
        return [["try", parts]]

    def make_call(self) -> list:
        level = self.affordable()
        if level is None:
            return self.make_sleep()
        return [["call", self.names[level]]]

    def make_repeat(self) -> list:
        count = self.pick((0, 1, 2, 2, 2, 3, 3))
        self.rounds *= max(count, 1)
        body = self.inner()
        self.rounds //= max(count, 1)
        return [["repeat", count, body]]

    def make_try(self) -> list:
        parts: dict = {"body": self.inner()}
        kinds = []
        first = self.random()
        if first < 0.5:
            kinds.append("cancelled")
        elif first < 0.75:
            kinds.append("any")
        if self.chance(0.25):
            kinds.append(self.pick(("timeout", "error", "group", "any")))
        if kinds:
            parts["except"] = {kind: self._handler() for kind in kinds}
        if not kinds or self.chance(0.3):
            parts["finally"] = self.make_return() if self.chance(0.1) else self.inner(1)
        return [["try", parts]]

    def _handler(self) -> list:
        self.handlers += 1
        body = self.inner(1) if self.chance(0.6) else []
        end = self.random()
        if end < 0.3:
            body.append(["reraise"])
        elif end < 0.4:
            body.append(["uncancel"])
        elif end < 0.5:
            body.extend(self.make_raise())
        elif end < 0.6:
            body.extend(self.make_return())
        self.handlers -= 1
        return body

    # Tasks.

    def make_spawn(self) -> list:
        level = self.affordable()
        return self.make_sleep() if level is None else self.make_spawn_of(level)

    def make_spawn_of(self, level: int) -> list:
        self.cost += self.costs[level] * self.rounds
        self.spawned.add(level)
        handle = "t" + self.names[level]
        if self.chance(0.12):
            handle = next((name for name, rank in self.ranks.items() if rank <= level and name[0] == "u"), handle)
        statement: list = ["spawn", handle, self.names[level]]
        options: dict = {}
        if self.chance(0.04):
            options["name"] = "n" + self.word()
        if self.chance(0.12):
            options["eager"] = self.chance(0.7)
        if options:
            statement.append(options)
        return [statement]

    def make_await(self) -> list:
        handle = self.awaitable_handle(self.level + 1)
        return self.make_await_future() if handle is None else [["await", handle]]

    def make_cancel(self) -> list:
        made = [self.now_cancel()]
        if self.chance(0.15):
            made.append(self.now_cancel() if self.chance(0.5) else ["sleep", 0])
        return made

    def make_cancel_self(self) -> list:
        return [["cancel_self", self.message()]]

    def make_uncancel(self) -> list:
        return [["uncancel"]]

    def make_cancelling(self) -> list:
        return [["cancelling", None if self.chance(0.6) else self.any_target()]]

    def make_state(self) -> list:
        return [self.now_state()]

    def make_on_done(self) -> list:
        return [["on_done", self.any_target(), self.tag()]]

    def make_sleep(self) -> list:
        return [["sleep", self.ms()]]

    def make_callback(self) -> list:
        statements = [self.pick(self.in_callbacks)() for _ in range(self.below(3) + 1)]
        kind = self.random()
        if kind < 0.4:
            return [["call_soon", self.tag(), statements]]
        return [["call_later" if kind < 0.8 else "call_at", self.ms(), self.tag(), statements]]

    # Combinators.

    def make_gather(self) -> list:
        return [["gather", *self._gather_arguments(self.level + 1)]]

    def make_gather_start(self) -> list:
        handle = self.started("g")
        start = ["gather_start", handle, *self._gather_arguments(self.ranks[handle])]
        kind = self.below(12)
        source = {"task": handle}
        if kind < 2:
            return [start, ["await", handle]]
        if kind < 4:
            return [start, ["wait_for", source, self.ms_or_none()] if kind == 2 else ["shield", source]]
        if kind == 4:
            return [start, ["as_completed", [source], self.ms_or_none()]]
        if kind == 5:
            return [start, ["on_done", handle, self.tag()], ["cancel", handle, self.message()]]
        return [start]

    def _gather_arguments(self, lowest: int) -> list:
        arguments: list = [[self.source(lowest) for _ in range(self.pick((0, 1, 2, 2, 2, 3)))]]
        if self.chance(0.6):
            arguments.append({"return_exceptions": self.chance(0.6)})
        return arguments

    def make_wait(self) -> list:
        names = [self.awaitable_handle(self.level + 1) for _ in range(self.pick((1, 1, 2, 2, 2, 3)))]
        if None in names:
            return self.make_ev_wait()
        options: dict = {}
        if self.chance(0.5):
            options["timeout"] = self.ms_or_none()
        if self.chance(0.5):
            options["return_when"] = self.pick(WHEN)
        return [["wait", names, options] if options or self.chance(0.5) else ["wait", names]]

    def make_wait_for(self) -> list:
        return [["wait_for", self.source(self.level + 1), self.ms_or_none()]]

    def make_shield(self) -> list:
        return [["shield", self.source(self.level + 1)]]

    def make_shield_start(self) -> list:
        handle = self.started("s")
        return [["shield_start", handle, self.source(self.ranks[handle])]]

    def make_as_completed(self) -> list:
        sources = [self.source(self.level + 1) for _ in range(self.pick((0, 1, 2, 2, 3)))]
        return [["as_completed", sources, None if self.chance(0.5) else self.ms()]]

    # Scopes.

    def make_timeout(self) -> list:
        self.timeouts += 1
        body = self.inner()
        self.timeouts -= 1
        return [["timeout", self.ms_or_none(), body]]

    def make_timeout_at(self) -> list:
        (statement,) = self.make_timeout()
        return [["timeout_at", *statement[1:]]]

    def make_reschedule(self) -> list:
        return [["reschedule", self.ms_or_none()]] if self.timeouts or self.chance(0.2) else self.make_timeout()

    def make_expired(self) -> list:
        return [["expired"]] if self.timeouts or self.chance(0.2) else self.make_timeout()

    def make_late_timeout(self) -> list:
        """A timeout whose body takes no notice of the end of time."""
        late = self.pick(([["expired"]], [["reschedule", 9]], [["expired"], ["sleep", 1]], [["uncancel"]]))
        return [["timeout", self.below(2), [["try", {"body": self.waiting(), "except": {"cancelled": late}}]]]]

    def make_group(self) -> list:
        self.groups += 1
        body: list = []
        for _ in range(self.pick((0, 1, 1, 2, 2))):
            body.extend(self.make_gspawn())
        if self.chance(0.6):
            body.extend(self.inner())
        self.groups -= 1
        return [["group", body]]

    def make_gspawn(self) -> list:
        level = self.affordable()
        if level is None or not (self.groups or self.chance(0.2)):
            return self.make_sleep()
        self.cost += self.costs[level] * self.rounds
        self.spawned.add(level)
        return [["gspawn", "t" + self.names[level], self.names[level]]]

    def make_late_group(self) -> list:
        """A group whose body goes on when the group is already aborting."""
        spawn = self.make_gspawn
        self.groups += 1
        late = ["try", {"body": [["sleep", 5]], "except": {"cancelled": spawn()}}]
        body = [*spawn(), *spawn(), late]
        self.groups -= 1
        return [["group", body]]

    # Endings of main.

    def epilogue(self) -> list:
        handles = [name for name in self.ranks if name[0] == "t"]
        kind = self.random()
        if kind < 0.4:
            return [["await", self.pick(handles)]]
        if kind < 0.6:
            return [["wait", handles, {"timeout": self.below(9)}]]
        if kind < 0.8:
            return [["gather", [{"task": name} for name in handles], {"return_exceptions": True}]]
        return [["cancel", self.pick(handles), None], ["await", self.pick(handles)]]

    def rescue(self) -> list:
        """Ends some of the waiting that would last for ever."""
        statements = []
        for name, options in self.objects.items():
            kind = options["type"]
            if kind == "event":
                statements.append(["ev_set", name])
            elif kind == "future":
                statements.append(["f_set", name, self.value()])
            elif kind == "semaphore":
                statements.append(["release", name])
            elif kind.endswith("queue"):
                statements.append(["put_nowait", name, self.value_for(name)])
        return ["call_later", 2 + self.below(8), self.tag(), statements[:3] or [["log", "rescue"]]]
