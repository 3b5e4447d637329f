"""How often what is made: the numbers behind the random programs.

SPDX-License-Identifier: BSL-1.0
"""

from __future__ import annotations

# (weight, (fewest coroutines, most, statements in a body)). Small programs collide best.
SIZES = (
    (55, (2, 3, 4)),
    (30, (3, 5, 4)),
    (15, (5, 8, 3)),
)

# A theme is what the tasks of a program share: weight, and the statements that callbacks add for it.
THEMES: dict[str, tuple[int, tuple[str, ...]]] = {
    "lock": (8, ("release", "locked")),
    "semaphore": (8, ("release", "locked")),
    "condition": (8, ("release", "locked")),
    "event": (7, ("ev_set", "ev_set", "ev_clear")),
    "barrier": (8, ()),
    "queue": (14, ("put_nowait", "put_nowait", "get_nowait", "get_nowait", "task_done", "q_shutdown", "qsize")),
    "future": (9, ("f_set", "f_set", "f_exc", "f_cancel")),
    "context": (3, ("v_set", "v_get")),
    "tasks": (10, ()),
    "combinators": (14, ()),
    "scopes": (12, ()),
    "groups": (10, ()),
}

# Weights of the parts of programs; those of a theme count eight times, and only in programs with the theme.
WEIGHTS: dict[str, dict[str, int]] = {
    "always": {
        "log": 8,
        "sleep": 34,
        "spawn": 8,
        "await": 9,
        "cancel": 16,
        "cancel_self": 4,
        "uncancel": 3,
        "cancelling": 3,
        "state": 4,
        "on_done": 4,
        "callback": 7,
        "try": 18,
        "repeat": 4,
        "call": 5,
        "raise": 5,
        "return": 4,
        "reraise": 2,
        "failure": 4,
        "passed_failure": 3,
        "collision": 8,
        "gather": 3,
        "gather_start": 3,
        "wait": 3,
        "wait_for": 4,
        "shield": 3,
        "shield_start": 2,
        "as_completed": 2,
        "timeout": 6,
        "timeout_at": 2,
        "reschedule": 2,
        "expired": 2,
        "group": 4,
        "gspawn": 2,
        "late_timeout": 1,
    },
    "lock": {
        "acquire_lock": 4,
        "section_lock": 5,
        "with_lock": 4,
        "release_lock": 1,
        "locked": 1,
        "wake_and_cancel": 3,
    },
    "semaphore": {
        "acquire_semaphore": 4,
        "section_semaphore": 4,
        "with_semaphore": 4,
        "release_semaphore": 3,
        "locked": 1,
        "wake_and_cancel": 3,
    },
    "condition": {"c_wait": 7, "c_notify": 5, "c_bare": 1, "with_condition": 2, "locked": 1, "wake_and_cancel": 3},
    "event": {"ev_wait": 7, "ev_set": 4, "ev_clear": 2, "wake_and_cancel": 3},
    "barrier": {"b_wait": 9, "b_reset": 2, "b_abort": 1, "wake_and_cancel": 2},
    "queue": {
        "put": 6,
        "get": 8,
        "put_nowait": 4,
        "get_nowait": 2,
        "task_done": 3,
        "q_join": 3,
        "q_shutdown": 1,
        "qsize": 1,
        "wake_and_cancel": 3,
    },
    "future": {"await_future": 7, "f_set": 3, "f_exc": 2, "f_cancel": 2, "wake_and_cancel": 3},
    "context": {"v_set": 3, "v_get": 4},
    "tasks": {"await": 4, "cancel": 4, "cancel_self": 1, "wake_and_cancel": 3, "spawn": 1},
    "combinators": {
        "gather": 4,
        "gather_start": 2,
        "wait": 4,
        "wait_for": 4,
        "shield": 3,
        "shield_start": 2,
        "as_completed": 4,
        "wake_and_cancel": 1,
    },
    "scopes": {"timeout": 5, "timeout_at": 2, "reschedule": 1, "expired": 1, "wait_for": 2, "late_timeout": 1},
    "groups": {"group": 6, "gspawn": 2, "cancel": 1, "late_group": 1},
}
