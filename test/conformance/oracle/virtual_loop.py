"""The event loop with a virtual clock, and what FORMAT.md pins where CPython leaves the order open.

Time is counted in whole milliseconds: asyncio adds and compares the numbers, it does not care for the unit.

SPDX-License-Identifier: BSL-1.0
"""

import asyncio
import heapq
import itertools


class Stop(BaseException):
    """Ends the run of a loop at once."""


class Deadlock(Stop):
    """Nothing is ready and no timer is armed."""


class Circle(Stop):
    """A cancel would be passed on in a circle of tasks without end."""


class _Clock:
    """In place of the selector: moves the time on to the next timer."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: int | None) -> tuple:
        loop = self._loop
        if loop.stopped_by is not None:
            raise loop.stopped_by
        if timeout is None:
            raise Deadlock
        if timeout > 0:
            loop.now = loop._scheduled[0]._when
        return ()


class _OrderedTimer(asyncio.TimerHandle):
    """Pinned: timers with equal deadlines run in the order in which they were armed."""

    __slots__ = ("_armed",)

    def __init__(self, armed: int, *args) -> None:
        super().__init__(*args)
        self._armed = armed

    def __lt__(self, other: "_OrderedTimer") -> bool:
        return (self._when, self._armed) < (other._when, other._armed)


class VirtualLoop(asyncio.BaseEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.stopped_by: Stop | None = None
        self._clock_resolution = 1  # a timer is due when its deadline is below now + 1
        self._selector = _Clock(self)
        self._armed = itertools.count()

    def time(self) -> int:
        return self.now

    def call_at(self, when, callback, *args, context=None):
        self._check_closed()
        timer = _OrderedTimer(next(self._armed), when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def _process_events(self, event_list) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class OrderedSet(dict):
    """What asyncio uses of a set, in the order of insertion."""

    def add(self, item) -> None:
        self[item] = None

    def discard(self, item) -> None:
        self.pop(item, None)

    def remove(self, item) -> None:
        del self[item]


class OrderedTaskGroup(asyncio.TaskGroup):
    """Pinned: a group that aborts cancels its tasks in the order of their creation."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks = OrderedSet()


class OrderedAsCompleted(asyncio.tasks._AsCompletedIterator):
    """Pinned: as_completed takes its sources in order."""

    def __init__(self, aws, timeout) -> None:
        self._done = asyncio.Queue()
        self._timeout_handle = None
        loop = asyncio.get_running_loop()
        todo = OrderedSet.fromkeys([asyncio.ensure_future(aw, loop=loop) for aw in dict.fromkeys(aws)])
        for future in todo:
            future.add_done_callback(self._handle_completion)
        if todo and timeout is not None:
            self._timeout_handle = loop.call_later(timeout, self._handle_timeout)
        self._todo = todo
        self._todo_left = len(todo)


class WatchedTask(asyncio.Task):
    """A task that tells of each cancel, and does not let one run in a circle: CPython would recurse without end."""

    frame = None  # the state of the interpreter in this task

    def cancel(self, msg=None) -> bool:
        frame = self.frame
        frame.run.note_cancel(self)
        if frame.being_cancelled:
            raise frame.run.stop(Circle())
        frame.being_cancelled = True
        try:
            return super().cancel(msg)
        finally:
            frame.being_cancelled = False
