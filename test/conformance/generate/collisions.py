"""Tasks that wait for an object, and a wake-up and a cancel that meet one of them in the same pass.

Most of asyncio's historic faults have this shape: a waiter was granted what it waited for, and then cancelled.

SPDX-License-Identifier: BSL-1.0
"""

from __future__ import annotations

import copy

from failures import Failures
from names import QUEUES, SEMAPHORES

_KINDS = ("lock", "semaphore", "condition", "condition", "event", "get", "put", "join", "future", "barrier")


class Collisions(Failures):
    bodies: dict[str, list]

    def make_collision(self) -> list:
        levels = range(self.level + 1, len(self.names))
        levels = [level for level in levels if self.costs[level] * 2 * self.rounds <= self.budget - self.cost]
        if not levels:
            return [["sleep", self.ms()]]
        made, wait, wake = getattr(self, "_contest_" + self.pick(_KINDS))()
        spawned = []
        for level in {self.pick(levels) for _ in range(1 + self.below(3))}:
            body = self.bodies[self.names[level]]
            if body[: len(wait)] != wait:
                body[:0] = copy.deepcopy(wait)
                self.costs[level] += 1
            spawned.extend(self.make_spawn_of(level))
        handle = self.pick(spawned)[1]
        pair = [*wake, ["cancel", handle, self.message()]]
        if self.chance(0.25):
            pair.reverse()
        if self.chance(0.25):
            pair.extend(copy.deepcopy(wake))
        return [*made, *spawned, ["sleep", self.pick((0, 0, 1, 1, 1, 2))], *pair]

    # What comes before, what the tasks wait for, and what wakes one of them up.

    def _contest_lock(self) -> tuple[list, list, list]:
        lock = self.object("lock")
        return [["acquire", lock]], self._wait_in(lock), [["release", lock]]

    def _contest_semaphore(self) -> tuple[list, list, list]:
        name = self.object(self.pick(SEMAPHORES))
        taken = [["acquire", name]] * self.objects[name].get("value", 1)
        return taken, self._wait_in(name), [["release", name]]

    def _wait_in(self, name: str) -> list:
        return [["acquire", name]] if self.chance(0.5) else [["with", name, [["sleep", self.ms()]]]]

    def _contest_condition(self) -> tuple[list, list, list]:
        name = self.object("condition")
        notify: list = ["c_notify_all", name] if self.chance(0.5) else ["c_notify", name, 1]
        if self.chance(0.5):
            wake = [["with", name, [notify]]]
        else:
            # The lock is held on: who was notified waits for it.
            wake = [["acquire", name], notify, ["sleep", 0]] if self.chance(0.5) else [["acquire", name], notify]
        return [], [["with", name, [["c_wait", name]]]], wake

    def _contest_event(self) -> tuple[list, list, list]:
        event = self.object("event")
        wake = [["ev_set", event], ["ev_clear", event]] if self.chance(0.3) else [["ev_set", event]]
        return [], [["ev_wait", event]], wake

    def _contest_get(self) -> tuple[list, list, list]:
        queue = self.object(self.pick(QUEUES))
        put = ["put_nowait", queue, self.value_for(queue)]
        if self.chance(0.2):
            return [], [["get", queue]], [["q_shutdown", queue, self.chance(0.5)]]
        return [], [["get", queue]], [put, ["get_nowait", queue]] if self.chance(0.15) else [put]

    def _contest_put(self) -> tuple[list, list, list]:
        queue = self.object(self.pick(QUEUES))
        room = self.objects[queue].setdefault("maxsize", 1)
        full = [["put_nowait", queue, self.value_for(queue)] for _ in range(room)]
        wake = ["q_shutdown", queue, self.chance(0.5)] if self.chance(0.15) else ["get_nowait", queue]
        return full, [["put", queue, self.value_for(queue)]], [wake]

    def _contest_join(self) -> tuple[list, list, list]:
        queue = self.object(self.pick(QUEUES))
        return [["put_nowait", queue, self.value_for(queue)]], [["q_join", queue]], [["task_done", queue]]

    def _contest_future(self) -> tuple[list, list, list]:
        future = self.object("future")
        wake = self.pick(
            (["f_set", future, self.value()], ["f_exc", future, self.word()], ["f_cancel", future, self.message()])
        )
        source = {"future": future}
        waits = (["await", future], ["shield", source], ["wait_for", source, 5], ["gather", [source]])
        return [], [self.pick(waits)], [wake]

    def _contest_barrier(self) -> tuple[list, list, list]:
        barrier = self.object("barrier")
        wake = self.pick((["b_wait", barrier], ["b_wait", barrier], ["b_reset", barrier], ["b_abort", barrier]))
        return [], [["b_wait", barrier]], [wake]

    def make_spawn_of(self, level: int) -> list:
        raise NotImplementedError
