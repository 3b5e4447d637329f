"""The parts for shared objects, what wakes a waiting task up, and ways to each class of error.

SPDX-License-Identifier: BSL-1.0
"""

from __future__ import annotations

from names import SEMAPHORES, Names


class Failures(Names):
    # Statements that callbacks may hold too.

    def now_log(self) -> list:
        return ["log", self.word()]

    def now_cancel(self) -> list:
        return ["cancel", self.any_target(), self.message()]

    def now_state(self) -> list:
        return ["state", self.any_target()]

    def now_locked(self) -> list:
        return ["locked", self.lockable()]

    def now_release(self) -> list:
        return ["release", self.lockable()]

    def now_ev_set(self) -> list:
        return ["ev_set", self.object("event")]

    def now_ev_clear(self) -> list:
        return ["ev_clear", self.object("event")]

    def now_put_nowait(self) -> list:
        queue = self.queue()
        return ["put_nowait", queue, self.value_for(queue)]

    def now_get_nowait(self) -> list:
        return ["get_nowait", self.queue()]

    def now_task_done(self) -> list:
        return ["task_done", self.queue()]

    def now_q_shutdown(self) -> list:
        return ["q_shutdown", self.queue(), self.chance(0.5)]

    def now_qsize(self) -> list:
        return ["qsize", self.queue()]

    def now_f_set(self) -> list:
        return ["f_set", self.object("future"), self.value()]

    def now_f_exc(self) -> list:
        return ["f_exc", self.object("future"), self.word()]

    def now_f_cancel(self) -> list:
        return ["f_cancel", self.object("future"), self.message()]

    def now_v_set(self) -> list:
        return ["v_set", self.object("context_var"), self.value()]

    def now_v_get(self) -> list:
        return ["v_get", self.object("context_var")]

    # Locks and semaphores.

    def _acquire(self, name: str) -> list:
        return [["acquire", name]]

    def _section(self, name: str) -> list:
        if self.chance(0.4):
            body = self.inner()
            return [["acquire", name], ["try", {"body": body, "finally": [["release", name]]}]]
        return [["acquire", name], *self.inner(), ["release", name]]

    def _with(self, name: str) -> list:
        return [["with", name, self.inner()]]

    def make_acquire_lock(self) -> list:
        return self._acquire(self.object("lock"))

    def make_section_lock(self) -> list:
        return self._section(self.object("lock"))

    def make_with_lock(self) -> list:
        return self._with(self.object("lock"))

    def make_release_lock(self) -> list:
        return [["release", self.object("lock")]]

    def make_acquire_semaphore(self) -> list:
        return self._acquire(self.semaphore())

    def make_section_semaphore(self) -> list:
        return self._section(self.semaphore())

    def make_with_semaphore(self) -> list:
        return self._with(self.semaphore())

    def make_release_semaphore(self) -> list:
        return [["release", self.semaphore()]]

    def make_locked(self) -> list:
        return [self.now_locked()]

    # Conditions, events, barriers.

    def make_c_wait(self) -> list:
        condition = self.object("condition")
        wait: list = [["c_wait", condition]]
        if self.chance(0.2):
            wait = [["timeout", self.ms(), wait]]
        if self.chance(0.7):
            return [["with", condition, wait]]
        return [["acquire", condition], *wait, ["release", condition]]

    def make_c_notify(self) -> list:
        condition = self.object("condition")
        notify: list = ["c_notify", condition, self.pick((0, 1, 1, 2))]
        if self.chance(0.4):
            notify = ["c_notify_all", condition]
        body = [notify]
        if self.chance(0.3):
            body.extend(self.inner(1))
        return [["with", condition, body]]

    def make_c_bare(self) -> list:
        """Without holding the lock, unless somebody else does."""
        condition = self.object("condition")
        return [self.pick((["c_wait", condition], ["c_notify", condition, 1], ["c_notify_all", condition]))]

    def make_with_condition(self) -> list:
        condition = self.object("condition")
        return self._with(condition) if self.chance(0.7) else self._acquire(condition)

    def make_ev_wait(self) -> list:
        return [["ev_wait", self.object("event")]]

    def make_ev_set(self) -> list:
        return [self.now_ev_set()]

    def make_ev_clear(self) -> list:
        return [self.now_ev_clear()]

    def make_b_wait(self) -> list:
        return [["b_wait", self.object("barrier")]]

    def make_b_reset(self) -> list:
        return [["b_reset", self.object("barrier")]]

    def make_b_abort(self) -> list:
        return [["b_abort", self.object("barrier")]]

    # Queues, futures, context variables.

    def make_put(self) -> list:
        queue = self.queue()
        return [["put", queue, self.value_for(queue)] for _ in range(1 + self.below(2))]

    def make_get(self) -> list:
        queue = self.queue()
        return [["get", queue], ["task_done", queue]] if self.chance(0.25) else [["get", queue]]

    def make_put_nowait(self) -> list:
        return [self.now_put_nowait()]

    def make_get_nowait(self) -> list:
        return [self.now_get_nowait()]

    def make_task_done(self) -> list:
        return [self.now_task_done()]

    def make_q_join(self) -> list:
        queue = self.queue()
        join: list = ["q_join", queue]
        return [["put_nowait", queue, self.value_for(queue)], join] if self.chance(0.6) else [join]

    def make_q_shutdown(self) -> list:
        return [self.now_q_shutdown()]

    def make_qsize(self) -> list:
        return [self.now_qsize()]

    def make_await_future(self) -> list:
        return [["await", self.object("future")]]

    def make_f_set(self) -> list:
        return [self.now_f_set()]

    def make_f_exc(self) -> list:
        return [self.now_f_exc()]

    def make_f_cancel(self) -> list:
        return [self.now_f_cancel()]

    def make_v_set(self) -> list:
        return [self.now_v_set()]

    def make_v_get(self) -> list:
        return [self.now_v_get()]

    # Waiting and waking up.

    def waiting(self) -> list:
        """Something that may last."""
        kind = self.random()
        if kind < 0.4 or not self.objects:
            return [["sleep", 2 + self.below(4)]]
        name = self.pick(list(self.objects))
        return self._wait_on(name, self.objects[name]["type"])

    def _wait_on(self, name: str, kind: str) -> list:
        if kind == "event":
            return [["ev_wait", name]]
        if kind == "future":
            return [["await", name]]
        if kind == "barrier":
            return [["b_wait", name]]
        if kind.endswith("queue"):
            return [["get", name]]
        if kind == "context_var":
            return [["sleep", 1]]
        return [["acquire", name]]

    def _wake(self) -> list:
        """What may wake another task up, without suspending this one."""
        name = self.pick(list(self.objects)) if self.objects else self.object("event")
        kind = self.objects[name]["type"]
        if kind in ("lock", *SEMAPHORES):
            return ["release", name]
        if kind == "condition":
            return ["c_notify_all", name] if self.chance(0.5) else ["release", name]
        if kind == "event":
            return ["ev_set", name]
        if kind == "future":
            return ["f_set", name, self.value()]
        if kind.endswith("queue"):
            choice = self.random()
            if choice < 0.25:
                return ["task_done", name]
            return ["put_nowait", name, self.value_for(name)] if choice < 0.75 else ["get_nowait", name]
        return self.now_cancel()

    def make_wake_and_cancel(self) -> list:
        """A wake-up and a cancel in the same pass: in which order each meets the task is what matters."""
        pair = [self._wake(), self.now_cancel()]
        if self.chance(0.3):
            pair.reverse()
        if self.chance(0.5):
            pair = [["try", {"body": pair[:1], "except": {"any": []}}], pair[1]]
        return pair if self.chance(0.4) else [["sleep", self.ms()], *pair]

    # Ways to each class of error.

    def failure(self) -> list:
        kind = self.below(16)
        if kind < 2:
            return [["raise", self.word()]]
        return getattr(self, "_fail_" + FAILURES[kind - 2])()

    def _fail_cancelled(self) -> list:
        if self.chance(0.5):
            return [["cancel_self", self.message()], ["sleep", 0]]
        future = self.object("future")
        return [["f_cancel", future, self.message()], ["await", future]]

    def _fail_timeout(self) -> list:
        if self.chance(0.5):
            return [["wait_for", {"future": self.object("future")}, 0]]
        return [["timeout", self.below(2), [["sleep", 3]]]]

    def _fail_group(self) -> list:
        return [["group", [["raise", self.word()]]]]

    def _fail_state(self) -> list:
        future = self.object("future")
        return [["f_set", future, self.value()], ["f_exc", future, self.word()]]

    def _fail_value(self) -> list:
        if self.chance(0.3):
            return [["wait", []]]
        return [["task_done", self.queue()]] if self.chance(0.5) else [["release", self.object("bounded_semaphore")]]

    def _fail_runtime(self) -> list:
        if self.chance(0.5):
            return [["release", self.object("lock")]]
        return self.make_c_bare()

    def _fail_empty(self) -> list:
        return [["get_nowait", self.queue()]]

    def _fail_full(self) -> list:
        queue = self.object("queue")
        self.objects[queue].setdefault("maxsize", 1 + self.below(2))
        return [["put_nowait", queue, self.value_for(queue)] for _ in range(2 + self.below(2))]

    def _fail_shut_down(self) -> list:
        queue = self.queue()
        last = self.pick((["get", queue], ["put", queue, self.value_for(queue)], ["get_nowait", queue]))
        return [["q_shutdown", queue, self.chance(0.7)], last]

    def _fail_broken(self) -> list:
        barrier = self.object("barrier")
        return [["b_abort", barrier], ["b_wait", barrier]]

    def _fail_unbound(self) -> list:
        if self.chance(0.5):
            return [["await", "nobody"]]
        return [["expired"]] if self.chance(0.5) else [["reraise"]]

    def inner(self, count: int = 2) -> list:
        raise NotImplementedError


FAILURES = (
    "cancelled",
    "cancelled",
    "timeout",
    "group",
    "group",
    "state",
    "value",
    "runtime",
    "empty",
    "full",
    "shut_down",
    "broken",
    "broken",
    "unbound",
)
