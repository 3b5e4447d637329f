"""Runs the programs, one case for all subjects after the other, round after round."""
# SPDX-License-Identifier: BSL-1.0
import json
import os
import socket
import subprocess
import sys
import time

from . import cases, setup
from .setup import Failure

SAMPLE_LIMIT = 180  # seconds


def cores():
    """The core of servers and of everything that has one thread of its own, and that of clients."""
    mine = sorted(os.sched_getaffinity(0))
    return mine[-1], mine[0]


def pinned(cpus, command):
    return ["taskset", "-c", ",".join(map(str, cpus)), *map(str, command)]


def run_json(what, command):
    try:
        done = subprocess.run(command, env=setup.peer_environment(), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=SAMPLE_LIMIT)
    except subprocess.TimeoutExpired:
        raise Failure(f"{what} did not end within {SAMPLE_LIMIT} s: {' '.join(command)}") from None
    if done.returncode != 0:
        raise Failure(f"{what} failed with status {done.returncode}: {' '.join(command)}\n{done.stderr[-2000:]}")
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise Failure(f"{what} printed no JSON: {' '.join(command)}\n{done.stdout[-2000:]}") from None


def case_sample(case, subject, quick):
    server_core, client_core = cores()
    cpus = [server_core] if case.cores == 1 else sorted({server_core, client_core})
    command = [*setup.COMMANDS[subject], case.program_case, case.operations(subject, quick), case.size]
    printed = run_json(f"{case.name} of {subject}", pinned(cpus, command))
    return {f.name: printed[f.key] / (printed["n"] if f.each else 1) for f in case.figures}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def echo_sample(server, connections, milliseconds):
    name, subject, program_case = server
    server_core, client_core = cores()
    port = free_port()
    command = pinned([server_core], [*setup.COMMANDS[subject], program_case, port])
    running = subprocess.Popen(command, env=setup.peer_environment(), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        printed = run_json(f"the client of {name} with {connections} connections",
                           pinned([client_core], [setup.CPP / "echo_client", port, connections, milliseconds,
                                                  running.pid]))
    except Failure as error:
        if running.poll() is not None:
            raise Failure(f"the echo server of {name} has ended: {' '.join(command)}\n"
                          f"{running.stderr.read().decode(errors='replace')[-2000:]}") from None
        raise error
    finally:
        running.kill()
        running.communicate()
    return echo_figures(printed)


def echo_figures(printed):
    """The kernel's split into user and system time goes by ticks, so it is added up over all rounds."""
    tick_us = 1e6 / printed["ticks_per_second"]
    return {"requests_per_second": printed["requests"] / printed["seconds"], "p50_us": printed["p50_us"],
            "p99_us": printed["p99_us"], "requests": printed["requests"], "seconds": printed["seconds"],
            "user_us": printed["user_ticks"] * tick_us, "system_us": printed["system_ticks"] * tick_us}


class Progress:
    """One line that is written over on a terminal; else a line now and then."""

    def __init__(self, total):
        self.total, self.done, self.begin, self.shown = total, 0, time.monotonic(), 0.0

    def next(self, text):
        self.done += 1
        now = time.monotonic()
        elapsed = now - self.begin
        left = elapsed / self.done * (self.total - self.done)
        line = f"  {self.done}/{self.total} samples, {elapsed:.0f} s, about {left:.0f} s left: {text}"
        if sys.stdout.isatty():
            print(f"\r\033[K{line[:110]}", end="" if self.done < self.total else "\n", flush=True)
        elif now - self.shown >= 15 or self.done == self.total:
            print(line, flush=True)
            self.shown = now


def plan(selected, subjects, rounds, quick):
    """(round, name of the case, name of the subject, function that gives the sample) in the order of the run."""
    for number in range(rounds):
        for case in cases.CASES:
            if case.name not in selected or number >= case.rounds or case.cores > len(set(cores())):
                continue
            if quick and case.size >= 1_000_000:
                continue
            for subject in subjects:
                if subject in case.subjects and subject not in case.absent:
                    yield number, case.name, subject, lambda c=case, s=subject: case_sample(c, s, quick)
        for connections in cases.ECHO_CONNECTIONS:
            if f"echo_{connections}" not in selected:
                continue
            # One connection measures how long the machine takes to wake a core; that needs no second.
            milliseconds = 300 if quick or connections == 1 else 1000
            for server in cases.ECHO_SERVERS:
                if server[1] in subjects:
                    yield (number, f"echo_{connections}", server[0],
                           lambda s=server, c=connections, t=milliseconds: echo_sample(s, c, t))


def busy_seconds():
    """Processor time that all processes have used, and that ended children of this one have."""
    with open("/proc/stat") as stat:
        user, nice, system = map(int, stat.readline().split()[1:4])
    own = os.times()
    return (user + nice + system) / os.sysconf("SC_CLK_TCK"), own.children_user + own.children_system


def measure(selected, subjects, rounds, quick):
    """Returns {case: {subject: [sample, ...]}} and how much of one core other processes used meanwhile."""
    samples = {}
    steps = list(plan(selected, subjects, rounds, quick))
    progress = Progress(len(steps))
    all_before, own_before = busy_seconds()
    begin = time.monotonic()
    for number, case, subject, take in steps:
        samples.setdefault(case, {}).setdefault(subject, []).append(take())
        progress.next(f"round {number + 1}, {case}, {subject}")
    all_after, own_after = busy_seconds()
    others = max(0.0, (all_after - all_before) - (own_after - own_before)) / max(time.monotonic() - begin, 1e-9)
    return samples, others
