"""The statements without a block: NOW holds those that do not suspend, WAITS those that write `begin` first.

Each is called with the run, the task's frame (None in a callback), the statement's path, and the statement.
What NOW's give is the value behind "ok"; WAITS's give something to await for it.

SPDX-License-Identifier: BSL-1.0
"""

import asyncio
import contextvars
from typing import TYPE_CHECKING

from values import User, error_text, value_text
from virtual_loop import OrderedAsCompleted, VirtualLoop

if TYPE_CHECKING:
    from interpreter import Frame, Run


def make_objects(described: dict, loop: VirtualLoop) -> dict[str, object]:
    made: dict[str, object] = {}
    for name, options in described.items():
        made[name] = _MAKE[options["type"]](loop, name, options, made)
    return made


_MAKE = {
    "event": lambda loop, name, options, made: asyncio.Event(),
    "lock": lambda loop, name, options, made: asyncio.Lock(),
    "semaphore": lambda loop, name, options, made: asyncio.Semaphore(options.get("value", 1)),
    "bounded_semaphore": lambda loop, name, options, made: asyncio.BoundedSemaphore(options.get("value", 1)),
    "condition": lambda loop, name, options, made: asyncio.Condition(made.get(options.get("lock"))),
    "barrier": lambda loop, name, options, made: asyncio.Barrier(options["parties"]),
    "queue": lambda loop, name, options, made: asyncio.Queue(options.get("maxsize", 0)),
    "lifo_queue": lambda loop, name, options, made: asyncio.LifoQueue(options.get("maxsize", 0)),
    "priority_queue": lambda loop, name, options, made: asyncio.PriorityQueue(options.get("maxsize", 0)),
    "future": lambda loop, name, options, made: loop.create_future(),
    "context_var": lambda loop, name, options, made: contextvars.ContextVar(name, default=options.get("default")),
}


# Names.


def _target(run: "Run", name: str) -> asyncio.Future:
    """A handle or a future."""
    future = run.handles.get(name)
    if future is None:
        future = run.objects.get(name)
        if future is None:
            raise User("unbound")
    return future


def _sources(run: "Run", sources: list) -> list:
    """All are looked up before the first coroutine is made."""
    found = [None if "coro" in source else _target(run, *source.values()) for source in sources]
    return [
        run.task_coroutine(source["coro"]) if future is None else future
        for source, future in zip(sources, found)
    ]


# Statements that do not suspend.


def _raise(run: "Run", frame: "Frame", path: str, statement: list):
    raise User(statement[1])


def _spawn(run: "Run", frame: "Frame", path: str, statement: list) -> None:
    name = statement[1]
    options = statement[3] if len(statement) > 3 else {}
    arguments = {"name": name if options.get("name") is None else options["name"]}
    if options.get("eager") is not None:
        arguments["eager_start"] = options["eager"]
    run.handles[name] = asyncio.create_task(run.task_coroutine(statement[2]), **arguments)


def _cancelling(run: "Run", frame: "Frame", path: str, statement: list) -> int:
    name = statement[1]
    task = asyncio.current_task() if name is None else _target(run, name)
    if not isinstance(task, asyncio.Task):
        raise User("unbound")
    return task.cancelling()


def _state(run: "Run", frame: "Frame", path: str, statement: list) -> str:
    future = _target(run, statement[1])
    if not future.done():
        return "pending"
    if future.cancelled():
        return "cancelled"
    if (error := future.exception()) is not None:
        return "error " + error_text(error)
    return "result " + value_text(future.result())


def _on_done(run: "Run", frame: "Frame", path: str, statement: list) -> None:
    def called(future: asyncio.Future) -> None:
        run.write(path, "callback " + statement[2])
        if run.facts:
            run.facts.add("callback", "called")

    _target(run, statement[1]).add_done_callback(called)


def _call_soon(run: "Run", frame: "Frame", path: str, statement: list) -> None:
    run.loop.call_soon(run.call_back, path, *statement[1:])


def _call_later(run: "Run", frame: "Frame", path: str, statement: list) -> None:
    run.loop.call_later(statement[1], run.call_back, path, *statement[2:])


def _call_at(run: "Run", frame: "Frame", path: str, statement: list) -> None:
    run.loop.call_at(statement[1], run.call_back, path, *statement[2:])


def _gather_start(run: "Run", frame: "Frame", path: str, statement: list) -> None:
    run.handles[statement[1]] = _gather(run, frame, path, statement[1:])


def _shield_start(run: "Run", frame: "Frame", path: str, statement: list) -> None:
    run.handles[statement[1]] = asyncio.shield(*_sources(run, [statement[2]]))


def _reschedule(run: "Run", frame: "Frame", path: str, statement: list) -> None:
    if not frame.timeouts:
        raise User("unbound")
    frame.timeouts[-1].reschedule(statement[1])


def _expired(run: "Run", frame: "Frame", path: str, statement: list) -> bool:
    if not frame.timeouts:
        raise User("unbound")
    return frame.timeouts[-1].expired()


def _gspawn(run: "Run", frame: "Frame", path: str, statement: list) -> None:
    if not frame.groups:
        raise User("unbound")
    name = statement[1]
    run.handles[name] = frame.groups[-1].create_task(run.task_coroutine(statement[2]), name=name)


def _v_set(run: "Run", frame: "Frame", path: str, statement: list) -> None:
    run.objects[statement[1]].set(statement[2])


NOW = {
    "log": lambda run, frame, path, s: s[1],
    "raise": _raise,
    "spawn": _spawn,
    "cancel": lambda run, frame, path, s: _target(run, s[1]).cancel(s[2]),
    "cancel_self": lambda run, frame, path, s: asyncio.current_task().cancel(s[1]),
    "uncancel": lambda run, frame, path, s: asyncio.current_task().uncancel(),
    "cancelling": _cancelling,
    "state": _state,
    "on_done": _on_done,
    "call_soon": _call_soon,
    "call_later": _call_later,
    "call_at": _call_at,
    "gather_start": _gather_start,
    "shield_start": _shield_start,
    "reschedule": _reschedule,
    "expired": _expired,
    "gspawn": _gspawn,
    "release": lambda run, frame, path, s: run.objects[s[1]].release(),
    "locked": lambda run, frame, path, s: run.objects[s[1]].locked(),
    "ev_set": lambda run, frame, path, s: run.objects[s[1]].set(),
    "ev_clear": lambda run, frame, path, s: run.objects[s[1]].clear(),
    "c_notify": lambda run, frame, path, s: run.objects[s[1]].notify(s[2]),
    "c_notify_all": lambda run, frame, path, s: run.objects[s[1]].notify_all(),
    "put_nowait": lambda run, frame, path, s: run.objects[s[1]].put_nowait(s[2]),
    "get_nowait": lambda run, frame, path, s: run.objects[s[1]].get_nowait(),
    "task_done": lambda run, frame, path, s: run.objects[s[1]].task_done(),
    "q_shutdown": lambda run, frame, path, s: run.objects[s[1]].shutdown(s[2]),
    "qsize": lambda run, frame, path, s: run.objects[s[1]].qsize(),
    "f_set": lambda run, frame, path, s: run.objects[s[1]].set_result(s[2]),
    "f_exc": lambda run, frame, path, s: run.objects[s[1]].set_exception(User(s[2])),
    "f_cancel": lambda run, frame, path, s: run.objects[s[1]].cancel(s[2]),
    "v_set": _v_set,
    "v_get": lambda run, frame, path, s: run.objects[s[1]].get(),
}


# Statements that may suspend.


def _gather(run: "Run", frame: "Frame", path: str, statement: list) -> asyncio.Future:
    options = statement[2] if len(statement) > 2 else {}
    return asyncio.gather(
        *_sources(run, statement[1]), return_exceptions=options.get("return_exceptions", False)
    )


async def _wait(run: "Run", frame: "Frame", path: str, statement: list) -> str:
    names = statement[1]
    options = statement[2] if len(statement) > 2 else {}
    futures = [_target(run, name) for name in names]
    done, _ = await asyncio.wait(
        futures,
        timeout=options.get("timeout"),
        return_when=options.get("return_when", asyncio.ALL_COMPLETED),
    )
    finished = [name for name, future in zip(names, futures) if future in done]
    pending = [name for name, future in zip(names, futures) if future not in done]
    return f"done=[{','.join(finished)}] pending=[{','.join(pending)}]"


def _wait_for(run: "Run", frame: "Frame", path: str, statement: list):
    source, ms = statement[1], statement[2]
    if "coro" in source and (ms is None or ms > 0):
        return asyncio.wait_for(run.inline_coroutine(frame, source["coro"]), ms)
    return asyncio.wait_for(*_sources(run, [source]), ms)


async def _as_completed(run: "Run", frame: "Frame", path: str, statement: list) -> list:
    values = []
    for item in OrderedAsCompleted(_sources(run, statement[1]), statement[2]):
        value = await item
        run.write(path, "item " + value_text(value))
        if run.facts:
            run.facts.ok(run, "item", value)
        values.append(value)
    return values


WAITS = {
    "sleep": lambda run, frame, path, s: asyncio.sleep(s[1]),
    "await": lambda run, frame, path, s: _target(run, s[1]),
    "gather": _gather,
    "wait": _wait,
    "wait_for": _wait_for,
    "shield": lambda run, frame, path, s: asyncio.shield(*_sources(run, [s[1]])),
    "as_completed": _as_completed,
    "acquire": lambda run, frame, path, s: run.objects[s[1]].acquire(),
    "ev_wait": lambda run, frame, path, s: run.objects[s[1]].wait(),
    "c_wait": lambda run, frame, path, s: run.objects[s[1]].wait(),
    "b_wait": lambda run, frame, path, s: run.objects[s[1]].wait(),
    "b_reset": lambda run, frame, path, s: run.objects[s[1]].reset(),
    "b_abort": lambda run, frame, path, s: run.objects[s[1]].abort(),
    "put": lambda run, frame, path, s: run.objects[s[1]].put(s[2]),
    "get": lambda run, frame, path, s: run.objects[s[1]].get(),
    "q_join": lambda run, frame, path, s: run.objects[s[1]].join(),
}
