"""Runs a scenario program on CPython's asyncio and writes its trace. FORMAT.md says what the statements mean.

SPDX-License-Identifier: BSL-1.0
"""

import asyncio
from asyncio import CancelledError

import scopes
import statements
from facts import Facts
from values import User, cancel_message, error_kind, error_text, value_text
from virtual_loop import Deadlock, Stop, VirtualLoop, WatchedTask


class Unsupported(Exception):
    """The program needs what the reference does not have."""


class Frame:
    """What a task knows of the blocks that it is in. Calls share it, other tasks do not."""

    def __init__(self, run: "Run", coroutine: str) -> None:
        self.run = run
        self.coroutine = coroutine
        self.timeouts: list[asyncio.Timeout] = []
        self.groups: list[asyncio.TaskGroup] = []
        self.handled: list[BaseException] = []
        self.waits: list[list] = []  # the statements that may suspend, the innermost last
        self.created = 0  # place in the order in which the tasks' creation began
        self.started = False
        self.being_cancelled = False
        self.eager_starts = 0  # tasks that this one is just starting


class Run:
    """One run of one program."""

    def __init__(self, program: dict, facts: Facts | None = None) -> None:
        self.facts = facts
        self.coroutines = program["coroutines"]
        self.eager = program.get("options", {}).get("eager", False)
        self.described = program.get("objects", {})
        self.lines: list[str] = []
        self.handles: dict[str, asyncio.Future] = {}
        self.tasks: list[WatchedTask] = []  # the loop's own references are weak
        self.unborn: dict[object, Frame] = {}  # coroutine -> frame, until it is a task
        self.created = 0
        self.over = False  # what is closed from now on must do nothing and write nothing
        self.too_deep = False
        self.circle = False
        self.loop = VirtualLoop()
        self.loop.set_task_factory(self._make_task)
        self.loop.set_exception_handler(self._report)
        self.objects = statements.make_objects(self.described, self.loop)

    # Trace.

    def write(self, path: str, text: str) -> None:
        task = asyncio.current_task(self.loop)
        self.lines.append(f"{self.loop.now} {task.get_name() if task else '-'} {path} {text}")

    def write_ok(self, path: str, op: str, value: object) -> None:
        self.write(path, f"{op} ok {value_text(value)}")
        if self.facts:
            self.facts.ok(self, op, value)

    def write_raises(self, path: str, op: str, error: BaseException, suffix: str = "") -> None:
        if isinstance(error, RecursionError):
            self.too_deep = True
        # A task that awaits itself, the smallest circle, stays marked as awaited: the next awaiter gets this.
        if isinstance(error, RuntimeError) and str(error) == "await wasn't used with future":
            self.circle = True
        self.write(path, f"{op} raises {error_text(error)}{suffix}")
        if self.facts:
            self.facts.raises(self, op, error)

    def _report(self, loop: VirtualLoop, context: dict) -> None:
        """The loop's exception handler. What depends on garbage collection is left out."""
        message = context["message"]
        if message.startswith("Exception in callback"):
            kind = "callback_error"
        elif message.endswith("exception in shielded future"):
            kind = "shielded_error"
        elif message.startswith("unhandled exception during"):
            kind = "shutdown_error"
        else:
            return
        if isinstance(context.get("exception"), RecursionError):
            self.too_deep = True
        self.lines.append(f"{loop.now} - - handler {kind}")
        if self.facts:
            self.facts.add("handler", kind)

    # Tasks.

    def task_coroutine(self, name: str):
        frame = Frame(self, name)
        coroutine = self._task_body(frame, name)
        self.unborn[coroutine] = frame
        return coroutine

    async def inline_coroutine(self, frame: Frame, name: str):
        """What wait_for awaits in the current task."""
        returned = await self.block(frame, self.coroutines[name], name)
        return returned[0] if returned else None

    async def _task_body(self, frame: Frame, name: str):
        frame.started = True
        asyncio.current_task().frame = frame  # an eager task is not yet known to its factory
        try:
            returned = await self.block(frame, self.coroutines[name], name)
        except CancelledError as error:
            self.write(name, f"end cancelled {cancel_message(error)}")
            if self.facts:
                self.facts.add("end", "cancelled")
            raise
        except BaseException as error:
            if self.over:
                raise
            self.write(name, f"end raised {error_text(error)}")
            if self.facts:
                self.facts.raises(self, "end", error)
            raise
        value = returned[0] if returned else None
        self.write(name, f"end returned {value_text(value)}")
        if self.facts:
            self.facts.ok(self, "end", value)
        return value

    def _make_task(self, loop, coroutine, *, eager_start=None, **options):
        """The task factory: as asyncio's own, but it names and counts the tasks."""
        frame = self.unborn.pop(coroutine)
        frame.created = self.created
        self.created += 1
        options.setdefault("name", "~" + frame.coroutine)
        eager = self.eager if eager_start is None else eager_start
        creator = asyncio.current_task(loop)
        if creator:
            creator.frame.eager_starts += 1
        try:
            task = WatchedTask(coroutine, loop=loop, eager_start=eager, **options)
        finally:
            if creator:
                creator.frame.eager_starts -= 1
        task.frame = frame
        self.tasks.append(task)
        if self.facts:
            self.facts.add("task start", "lazy" if not eager else "eager, done at once" if task.done() else "eager")
        return task

    def note_cancel(self, task: WatchedTask) -> None:
        if self.facts:
            self.facts.cancelled(self, task)

    def stop(self, reason: Stop) -> Stop:
        self.loop.stopped_by = reason
        return reason

    # Statements. Each block gives None, or a tuple of the value once a `return` was met.

    async def block(self, frame: Frame, block: list, prefix: str):
        index = 0
        for statement in block:
            path = f"{prefix}.{index}"
            index += 1
            op = statement[0]
            now = statements.NOW.get(op)
            if now is not None:
                self.do_now(now, frame, path, statement)
                continue
            wait = statements.WAITS.get(op)
            if wait is not None:
                await self._wait(wait, frame, path, statement)
                continue
            returned = await _CONTROL[op](self, frame, path, statement)
            if returned is not None:
                return returned
        return None

    def do_now(self, do, frame: Frame | None, path: str, statement: list) -> None:
        op = statement[0]
        try:
            value = do(self, frame, path, statement)
        except Exception as error:
            self.write_raises(path, op, error)
            raise
        self.write_ok(path, op, value)

    async def _wait(self, wait, frame: Frame, path: str, statement: list) -> None:
        op = statement[0]
        self.write(path, "begin " + op)
        frame.waits.append(statement)
        try:
            value = await wait(self, frame, path, statement)
        except BaseException as error:
            if self.over:
                raise
            frame.waits.pop()
            self.write_raises(path, op, error)
            raise
        frame.waits.pop()
        self.write_ok(path, op, value)

    def call_back(self, path: str, tag: str, block: list) -> None:
        """What call_soon and the like call."""
        self.write(path, "fire " + tag)
        for index, statement in enumerate(block):
            self.do_now(statements.NOW[statement[0]], None, f"{path}.{tag}.{index}", statement)

    async def _return(self, frame: Frame, path: str, statement: list):
        self.write_ok(path, "return", statement[1])
        return (statement[1],)

    async def _call(self, frame: Frame, path: str, statement: list):
        name = statement[1]
        returned = await self.block(frame, self.coroutines[name], f"{path}.{name}")
        if self.facts:
            self.facts.add("call", "returned" if returned else "ended")

    async def _repeat(self, frame: Frame, path: str, statement: list):
        for number in range(statement[1]):
            returned = await self.block(frame, statement[2], f"{path}.{number}")
            if returned is not None:
                return returned

    async def _reraise(self, frame: Frame, path: str, statement: list):
        error = frame.handled[-1] if frame.handled else User("unbound")
        if self.facts:
            self.facts.raises(self, "reraise", error)
        raise error

    async def _try(self, frame: Frame, path: str, statement: list):
        parts = statement[1]
        flight = None
        try:
            returned = await self._body_and_handler(frame, path, parts)
        except BaseException as error:
            if self.over:
                raise
            flight, returned = error, None
        if "finally" in parts:
            later = await self.block(frame, parts["finally"], path + ".finally")
            if later is not None:
                returned = later
            if self.facts:
                self.facts.finally_ran(flight, later)
        if flight is not None:
            raise flight
        return returned

    async def _body_and_handler(self, frame: Frame, path: str, parts: dict):
        handlers = parts.get("except", {})
        try:
            return await self.block(frame, parts["body"], path + ".body")
        except BaseException as error:
            if self.over or isinstance(error, Stop):
                raise
            kind = error_kind(error)
            if kind not in handlers:
                kind = "any"
                if kind not in handlers:
                    raise
            caught = error
        self.write(path, f"caught {kind} {error_text(caught)}")
        if self.facts:
            self.facts.caught(kind, caught)
        frame.handled.append(caught)
        try:
            return await self.block(frame, handlers[kind], f"{path}.{kind}")
        finally:
            frame.handled.pop()

    # The run.

    def run(self) -> list[str] | None:
        """The trace, or None if a cancel went round in a circle of tasks."""
        try:
            try:
                self._run_main()
                self.lines.append(f"{self.loop.now} - finished")
            except Deadlock:
                self.lines.append(f"{self.loop.now} - deadlock")
            except Stop:
                return None
            if self.loop.stopped_by is not None or self.circle:
                return None
            if self.facts:
                self.facts.add("run", self.lines[-1].rsplit(" ", 1)[1])
            return self.lines
        finally:
            self._bury()

    def _run_main(self) -> None:
        loop = self.loop
        main = loop.create_task(self.task_coroutine("main"), name="main")
        try:
            loop.run_until_complete(main)
        except (Exception, CancelledError):
            pass  # its trace tells
        # As asyncio.Runner does, in the order of creation.
        unfinished = sorted(asyncio.all_tasks(loop), key=lambda task: task.frame.created)
        if not unfinished:
            return
        for task in unfinished:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*unfinished, return_exceptions=True))
        for task in unfinished:
            if not task.cancelled() and task.exception() is not None:
                message = "unhandled exception during asyncio.run() shutdown"
                loop.call_exception_handler({"message": message, "exception": task.exception(), "task": task})

    def _bury(self) -> None:
        """What is still suspended ends here, so that the collector cannot run it during another program."""
        self.over = True
        self.facts = None
        self.lines = []
        waiting = [task.get_coro() for task in self.tasks if not task.done()]
        for coroutine in [*self.unborn, *waiting]:
            try:
                coroutine.close()
            except BaseException:  # asyncio's own clean-up may want to wait: it is never resumed
                pass
        self.loop.close()


_CONTROL = {
    "return": Run._return,
    "call": Run._call,
    "repeat": Run._repeat,
    "try": Run._try,
    "reraise": Run._reraise,
    "timeout": scopes.timeout,
    "timeout_at": scopes.timeout,
    "group": scopes.group,
    "with": scopes.with_object,
}
