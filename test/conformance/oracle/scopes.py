"""The statements with a block that asyncio enters and leaves: timeout, timeout_at, group, with.

They call __aenter__ and __aexit__ by hand, as `async with` does, so that a coroutine that is closed at the end of a run
leaves them without a word. Each gives what its block gave.

SPDX-License-Identifier: BSL-1.0
"""

import asyncio
from typing import TYPE_CHECKING

from virtual_loop import OrderedTaskGroup

if TYPE_CHECKING:
    from interpreter import Frame, Run


async def _inside(run: "Run", frame: "Frame", manager, stack: list, body: list, path: str):
    """The part of `async with` behind __aenter__; the manager is on the stack while the block runs."""
    stack.append(manager)
    try:
        returned = await run.block(frame, body, path + ".body")
    except BaseException as error:
        if run.over:
            raise
        stack.pop()
        if not await manager.__aexit__(type(error), error, error.__traceback__):
            raise
        return None
    stack.pop()
    await manager.__aexit__(None, None, None)
    return returned


async def timeout(run: "Run", frame: "Frame", path: str, statement: list):
    op, ms, body = statement
    run.write(path, "begin " + op)
    scope = asyncio.timeout(ms) if op == "timeout" else asyncio.timeout_at(ms)
    try:
        await scope.__aenter__()
        returned = await _inside(run, frame, scope, frame.timeouts, body, path)
    except BaseException as error:
        if run.over:
            raise
        run.write_raises(path, op, error, f" expired={'true' if scope.expired() else 'false'}")
        raise
    run.write_ok(path, op, f"expired={'true' if scope.expired() else 'false'}")
    return returned


async def group(run: "Run", frame: "Frame", path: str, statement: list):
    run.write(path, "begin group")
    manager = OrderedTaskGroup()
    frame.waits.append(statement)
    try:
        await manager.__aenter__()
        returned = await _inside(run, frame, manager, frame.groups, statement[1], path)
    except BaseException as error:
        if run.over:
            raise
        frame.waits.pop()
        run.write_raises(path, "group", error)
        raise
    frame.waits.pop()
    run.write_ok(path, "group", None)
    return returned


async def with_object(run: "Run", frame: "Frame", path: str, statement: list):
    run.write(path, "begin with")
    manager = run.objects[statement[1]]
    frame.waits.append(statement)
    try:
        await manager.__aenter__()
        run.write(path, "with entered")
        if run.facts:
            run.facts.add("with", "entered")
        returned = await _inside(run, frame, manager, [], statement[2], path)
    except BaseException as error:
        if run.over:
            raise
        frame.waits.pop()
        run.write_raises(path, "with", error)
        raise
    frame.waits.pop()
    run.write_ok(path, "with", None)
    return returned
