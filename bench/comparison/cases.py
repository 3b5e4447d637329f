"""What is measured, and on what."""
# SPDX-License-Identifier: BSL-1.0
from dataclasses import dataclass, field

PYTHON = ("uvloop", "asyncio")
# In the order of the tables; rondo is what the others are compared with.
SUBJECTS = ("rondo", "asio", "tokio", "go", "uvloop", "asyncio", "condvar", "epoll")
RUNTIMES = SUBJECTS[:6]
SCALING_SUBJECTS = ("rondo", "asio", "tokio", "go", "asyncio")
SIZES = (10, 1_000, 100_000, 1_000_000)
LARGEST_FOR_SLOW = 100_000  # what Python and Go are spared: a million costs them 10 s and more to prepare

ROUNDS_OF_SIZE = {10: 3, 1_000: 3, 100_000: 2, 1_000_000: 1}  # the larger, the longer it takes to prepare

# The servers of the echo case: (name in the tables, subject, case of its program).
ECHO_SERVERS = (
    ("rondo", "rondo", "echo"),
    ("asio deferred", "asio", "echo_deferred"),
    ("asio use_awaitable", "asio", "echo_use_awaitable"),
    ("asio callbacks", "asio", "echo_callbacks"),
    ("epoll", "epoll", "echo"),
    ("tokio", "tokio", "echo"),
    ("go", "go", "echo"),
    ("uvloop protocol", "uvloop", "echo_protocol"),
    ("uvloop streams", "uvloop", "echo_streams"),
    ("asyncio protocol", "asyncio", "echo_protocol"),
    ("asyncio streams", "asyncio", "echo_streams"),
)


@dataclass(frozen=True)
class Figure:
    """One number of a sample: `key` of the line that the program prints, for each operation if `each`."""
    name: str
    title: str
    key: str = "cpu_ns"
    unit: str = "ns"
    each: bool = True


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    program_case: str
    n: int          # operations of a sample
    python_n: int   # the same for Python, which is slower
    group: str = "tasks"
    size: int = 0
    cores: int = 1
    rounds: int = 1000  # at most so many, for cases that take long
    subjects: tuple = RUNTIMES
    absent: dict = field(default_factory=dict)  # why a subject has no such case
    figures: tuple = ()

    def __post_init__(self):
        if not self.figures:
            key = "cpu_ns" if self.cores == 1 else "wall_ns"
            object.__setattr__(self, "figures", (Figure(self.name, self.title, key),))

    def operations(self, subject, quick):
        n = self.python_n if subject in PYTHON else self.n
        return max(n // 10, self.size_of_a_round, 10) if quick else n

    @property
    def size_of_a_round(self):
        return self.size if self.program_case in IN_ROUNDS else 1


# Cases that do their operations `size` at a time.
IN_ROUNDS = ("spawn", "yield", "gather", "group", "event_waiters", "lock_contended")

NO_READY = {"asio": "Asio knows no operation that is ready; a turn of the executor comes nearest"}
NO_GROUP = {"asio": "Asio has no task group; `parallel_group` is what gather measures"}


def task_cases():
    one = [
        Case("create_await", "create a task and await it", "create_await", 200_000, 20_000),
        Case("spawn_1000", "create 1,000 tasks, await all (one task)", "spawn", 200_000, 30_000, size=1000),
        Case("yield_1", "yield, 1 task", "yield", 500_000, 50_000, size=1),
        Case("yield_2", "yield, 2 tasks", "yield", 500_000, 50_000, size=2),
        Case("yield_100", "yield, 100 tasks", "yield", 500_000, 50_000, size=100),
        Case("gather_1000", "gather 1,000 coroutines (one)", "gather", 200_000, 20_000, size=1000),
        Case("group_1000", "task group with 1,000 tasks (one)", "group", 200_000, 20_000, size=1000, absent=NO_GROUP),
        Case("queue_pingpong", "queue ping-pong, capacity 1 (round trip)", "queue_pingpong", 100_000, 10_000),
        Case("queue_prodcons", "queue producer/consumer, capacity 1,024 (item)", "queue_prodcons", 400_000, 100_000,
             size=1024),
        Case("event_pingpong", "event ping-pong (round trip)", "event_pingpong", 100_000, 10_000),
        Case("lock_uncontended", "lock, uncontended", "lock_uncontended", 1_000_000, 200_000),
        Case("lock_contended", "lock, 100 tasks, a yield inside", "lock_contended", 200_000, 10_000, size=100),
        Case("timeout_0", "timeout around a ready operation", "timeout", 100_000, 20_000, absent=NO_READY),
        Case("timeout_100k", "timeout around a ready operation, 100,000 tasks asleep", "timeout", 100_000, 20_000,
             size=100_000, rounds=3, absent=NO_READY),
        Case("timeout_turn_0", "timeout around a yield", "timeout_turn", 100_000, 20_000),
        Case("timeout_turn_100k", "timeout around a yield, 100,000 tasks asleep", "timeout_turn", 100_000, 20_000,
             size=100_000, rounds=3),
        Case("exception_1", "exception through a task, 1 frame", "exception", 10_000, 10_000, size=1),
        Case("exception_5", "exception through a task, 5 frames", "exception", 5_000, 10_000, size=5),
        Case("cancel_depth_1", "cancel a sleeping task, 1 frame", "cancel_depth", 10_000, 10_000, size=1),
        Case("cancel_depth_5", "cancel a sleeping task, 5 frames", "cancel_depth", 5_000, 10_000, size=5),
    ]
    return one


def thread_cases():
    with_condvar = RUNTIMES + ("condvar",)
    submit = "run_coroutine_threadsafe, pipelined from "
    cases = []
    for cores, suffix, where in ((1, "", "one core"), (2, "_2cores", "two cores")):
        cases += [
            Case("thread_roundtrip" + suffix, f"run_coroutine_threadsafe and result, {where}", "thread_roundtrip",
                 10_000, 2_000, "threads", cores=cores, subjects=with_condvar),
            Case("thread_submit_1" + suffix, f"{submit}1 thread, {where}", "thread_submit", 100_000, 8_000, "threads",
                 1, cores),
            Case("thread_submit_4" + suffix, f"{submit}4 threads, {where}", "thread_submit", 160_000, 8_000, "threads",
                 4, cores),
            Case("thread_queue" + suffix, f"thread_queue, capacity 1,024 (item), {where}", "thread_queue", 200_000,
                 4_000, "threads", 1024, cores, subjects=with_condvar),
        ]
    return cases


def sleeper_cases():
    def case(n):
        figures = (Figure(f"sleeping_{n}", f"{n:,} tasks asleep: memory of each", "bytes", "bytes", False),
                   Figure(f"sleep_create_{n}", f"{n:,} tasks put to sleep: each", "create_ns"),
                   Figure(f"cancel_{n}", f"{n:,} sleeping tasks cancelled: each"))
        return Case(f"sleepers_{n}", f"{n:,} sleeping tasks", "sleepers", n, n, "sleepers", size=n,
                    rounds=1 if n == 1_000_000 else 3, figures=figures)
    return [case(n) for n in (1_000, 10_000, 100_000, 1_000_000)]


# (case of the programs, title, operations, of Python, operations are multiples of the size)
SCALING = (
    ("create_await", "create and await among n sleeping tasks", 100_000, 10_000, 0),
    ("timeout_turn", "timeout around a yield among n sleeping tasks", 100_000, 10_000, 0),
    ("cancel_among", "cancel one among n sleeping tasks", 5_000, 5_000, 0),
    ("yield", "yield, n tasks", 300_000, 30_000, 4),
    ("gather", "gather n coroutines (one)", 100_000, 10_000, 1),
    ("event_waiters", "event with n waiters (one)", 200_000, 20_000, 1),
    ("lock_contended", "lock with n waiters (one)", 100_000, 10_000, 1),
    ("queue_getters", "queue with n waiting getters (item)", 100_000, 10_000, 0),
)


def scaling_cases():
    for program_case, title, n, python_n, times in SCALING:
        for size in SIZES:
            slow = () if size <= LARGEST_FOR_SLOW else ("go", "asyncio")
            yield Case(f"{program_case}@{size}", title, program_case, max(n, times * size), max(python_n, times * size),
                       "scaling", size=size, rounds=ROUNDS_OF_SIZE[size],
                       subjects=tuple(s for s in SCALING_SUBJECTS if s not in slow))


CASES = [*task_cases(), *thread_cases(), *sleeper_cases(), *scaling_cases()]
ECHO_CONNECTIONS = (1, 64, 512)
ECHO_CASES = [f"echo_{n}" for n in ECHO_CONNECTIONS]
GROUPS = ("tasks", "threads", "sleepers", "echo", "scaling")
NAMES = [c.name for c in CASES] + ECHO_CASES
