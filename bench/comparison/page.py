"""docs/benchmarks/README.md and the table that is printed at the end."""
# SPDX-License-Identifier: BSL-1.0
from . import cases, results

NOTES = """\
## How to read it

- Times are processor time (user and system) for one operation, on one core, except where it says two cores: that is
  wall time. ± is half of the distance between the slowest and the fastest sample; without it there is one sample. `×`
  is how many times what rondo takes.
- A sample is a process. Samples are taken round after round, in each round case after case, in each case subject
  after subject, so that a change of the machine's speed meets all. Each process is bound to a core; an echo server
  has one core and its client the other.
- All C++ is compiled with `-O2 -DNDEBUG`, and no macro of Asio is set. Rust: `cargo build --release`, `lto = "thin"`.
  Go: `GOMAXPROCS=1`. The compilers and libraries are Debian's.
- Every program has a timer that is armed far away, as a real program has: without one, Asio skips a system call in
  each turn.
- The programs stand in [bench/peers](../../bench/peers): one for each subject, written as its users would.

What the subjects do where they differ:

- **create, spawn, gather, group**: rondo and asyncio create tasks with a name, a context and a place among
  `all_tasks()`. Asio: `co_spawn`; a counter and a timer stand for awaiting many, `parallel_group` for gather; it has
  no task group. tokio: `spawn`, a list of handles for gather, `JoinSet` for the group. Futures of tokio that are
  joined without being spawned are no tasks, and cost next to nothing. Go: a goroutine and a channel, a `WaitGroup`,
  and what `errgroup` does.
- **yield**: `sleep(0)`; Asio: `post`; tokio: `yield_now`; Go: `Gosched`. rondo looks at sockets every 61 passes at
  the latest, tokio at every 61st task, asyncio and Asio in every pass.
- **queue**: Asio: `experimental::channel`; tokio: `mpsc`; Go: a channel. **event**: Asio: a timer that is cancelled;
  tokio: `Notify`, and `watch` for many waiters; Go: channels, and `sync.Cond` for many waiters. **lock**: Asio: a
  channel with room for one; Go: `sync.Mutex`, which needs no scheduler when it is free.
- **timeout**: rondo: `wait_for` a future that is done. asyncio: `timeout()`, the faster of its two. tokio: `timeout`
  around `ready()`, which looks at its timer only if it must wait. Go: `context.WithTimeout` and `select`. A yield
  takes the place of the operation where the timer shall be armed; Asio: a `parallel_group` of a timer and a `post`.
- **exception, cancel**: tokio and Go return errors as values and unwind nothing. rondo, asio and asyncio throw. What
  is measured of a cancellation is the request and the end of the task; its creation is not.
- **threads**: the other thread waits on a `concurrent_future`, `std::future` (Asio), a `oneshot` (tokio), a channel
  (Go, in a goroutine that is locked to a thread), a `concurrent.futures.Future` (Python). `condvar` is a bare mutex
  with condition variables. `thread_queue`: Asio: `concurrent_channel`; tokio: `mpsc` with `blocking_send`; Go: a
  channel; Python has none, so its thread puts with `run_coroutine_threadsafe`. Two cores: most of the time is that of
  waking an idle core, which on a virtual machine hides every difference; one core is what tells the programs apart.
- **memory**: resident memory before and after, divided by the number of tasks.
- **echo**: 64-byte messages; each connection sends the next one when the last is back. User and system time are what
  the kernel counts for the server by its ticks, over all rounds; they are good to about a tenth. One connection
  measures how long the machine takes to wake up, and ranks nothing.
"""


def number(value):
    if value >= 1e5:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}"


def factor(value):
    return f"{value:.1f}" if value >= 2 else f"{value:.2f}"


def cell(row, subject):
    taken = row["results"].get(subject)
    if not taken:
        return "[¹](#empty)" if subject in row["absent"] else ""
    text = number(taken["median"])
    if len(taken["samples"]) > 1:
        text += f" ±{100 * taken['spread']:.0f} %"
    if subject != "rondo" and taken["ratio"]:
        text += f" **×{factor(taken['ratio'])}**"
    return text


def markdown(header, lines):
    return "\n".join(["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|",
                      *("| " + " | ".join(line) + " |" for line in lines)]) + "\n"


def table(rows, subjects):
    return markdown(["case", *subjects],
                    [[f"{r['title']}, {r['unit']}", *(cell(r, s) for s in subjects)] for r in rows])


def columns(rows):
    return [s for s in cases.SUBJECTS if any(s in r["results"] for r in rows)]


def echo_table(row):
    lines = []
    for server, _, _ in cases.ECHO_SERVERS:
        if server not in row["servers"]:
            continue
        taken = row["servers"][server]
        rate = taken["requests_per_second"]
        rondo = row["servers"].get("rondo")
        ratio = f"{rate['median'] / rondo['requests_per_second']['median']:.2f}" if rondo else ""
        lines.append([server, f"{rate['median']:,.0f} ±{100 * rate['spread']:.0f} %", ratio, f"{taken['user_us']:.2f}",
                      f"{taken['system_us']:.2f}", f"{taken['p50_us']['median']:.0f}",
                      f"{taken['p99_us']['median']:.0f}"])
    return markdown(["server", "requests/s", "× rondo", "user µs", "system µs", "p50 µs", "p99 µs"], lines)


def scaling_table(rows):
    lines = []
    for program_case, title, *_ in cases.SCALING:
        of_case = [r for r in rows if r["group"] == "scaling" and r["program_case"] == program_case]
        for subject in columns(of_case):
            by_size = {r["size"]: r["results"][subject] for r in of_case if subject in r["results"]}
            lines.append([title, subject, *(number(by_size[n]["median"]) if n in by_size else "" for n in cases.SIZES)])
    return markdown(["case, ns", "subject", *(f"n = {n:,}" for n in cases.SIZES)], lines)


def empty_cells(rows, left_out):
    reasons = {f"{s}: {why}" for r in rows for s, why in r["absent"].items()}
    lines = [f"- {reason}." for reason in sorted(reasons)]
    lines += [f"- {subject} is left out of this run: {why.splitlines()[0]}" for subject, why in left_out.items()]
    lines.append("- Python and Go are measured with at most 100,000 tasks in the cases about scaling: preparing a "
                 "million takes them ten seconds and more.")
    return '<a id="empty"></a>Empty cells:\n\n' + "\n".join(lines) + "\n"


def head(data):
    m = data["machine"]
    lines = ["# Benchmarks", "", f"Made by `{data['command']}`, which installs, builds and measures everything.", "",
             f"{m['date']}, commit {m['commit']}; {m['processor']}, {m['cores']} cores, {m['memory_gib']} GiB, "
             f"{m['kernel']}; {data['rounds']} rounds. Other processes used {100 * data['others']:.0f} % of a core "
             "meanwhile.", ""]
    lines += [f"- {subject}: {version}" for subject, version in data["versions"].items()]
    return "\n".join(lines) + "\n"


def page(data, plots):
    rows = data["rows"]
    parts = [head(data)]

    def section(title, group, plot):
        of_group = [r for r in rows if r["group"] == group]
        if of_group:
            parts.append(f"## {title}\n\n{table(of_group, columns(of_group))}")
            if plot in plots:
                parts.append(f"![{title}]({plot})\n")

    section("Tasks, queues, locks", "tasks", "cases.svg")
    section("Between threads", "threads", "threads.svg")
    section("Memory and cancellation of many", "sleepers", "sleepers.svg")
    if data["echo"]:
        parts.append("## TCP echo\n")
        parts += [f"{r['connections']} connection{'s' if r['connections'] > 1 else ''}:\n\n{echo_table(r)}"
                  for r in data["echo"]]
        if "echo.svg" in plots:
            parts.append("![TCP echo](echo.svg)\n")
    if any(r["group"] == "scaling" for r in rows):
        parts.append(f"## Scaling\n\n{scaling_table(rows)}")
        if "scaling.svg" in plots:
            parts.append("![Scaling](scaling.svg)\n")
    parts.append(NOTES)
    parts.append(empty_cells(rows, data["left_out"]))
    parts.append(goals_section(data["goals"]))
    return "\n".join(parts)


def goals_section(goals):
    by_state = {state: [g for g in goals if g["state"] == state] for state in ("missed", "met", "not measured")}
    lines = ["## Goals", "", f"{len(by_state['met'])} of {len(goals)} met."]
    for state, of_state in by_state.items():
        if of_state:
            lines += ["", f"{state.capitalize()}:", "", *(f"- {results.goal_text(g)}" for g in of_state)]
    return "\n".join(lines) + "\n"


def plain(data):
    """The same for a terminal."""
    lines = []
    for row in data["rows"]:
        cells = []
        for subject, taken in row["results"].items():
            ratio = f" (x{factor(taken['ratio'])})" if taken["ratio"] and subject != "rondo" else ""
            cells.append(f"{subject} {number(taken['median'])}{ratio}")
        lines.append(f"{row['name']:24} {row['unit']:5} {'  '.join(cells)}")
    for row in data["echo"]:
        for server, taken in row["servers"].items():
            rate, p50, p99 = (taken[key]["median"] for key in ("requests_per_second", "p50_us", "p99_us"))
            lines.append(f"echo_{row['connections']:<19} {server:19} {rate:>9,.0f} requests/s, user "
                         f"{taken['user_us']:.2f} + system {taken['system_us']:.2f} us, p50 {p50:.0f} us, "
                         f"p99 {p99:.0f} us")
    return "\n".join(lines)
