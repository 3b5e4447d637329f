"""From samples to rows, goals, and the facts about the machine."""
# SPDX-License-Identifier: BSL-1.0
import datetime
import json
import os
import pathlib
import platform
import re
import shlex
import statistics
import subprocess

from . import cases
from .setup import BUILD, ROOT


def rounded(value):
    return float(f"{value:.4g}")


def summary(values):
    median = statistics.median(values)
    spread = (max(values) - min(values)) / 2 / median if median else 0.0
    return {"median": median, "spread": rounded(spread), "samples": [rounded(v) for v in values]}


def rows(samples):
    """A row for each figure: what each subject takes, and how many times that is of rondo's."""
    result = []
    for case in cases.CASES:
        for figure in case.figures:
            taken = {s: summary([x[figure.name] for x in of_subject])
                     for s, of_subject in samples.get(case.name, {}).items()}
            if not taken:
                continue
            for of_subject in taken.values():
                of_subject["ratio"] = (of_subject["median"] / taken["rondo"]["median"]
                                       if taken.get("rondo", {}).get("median") else None)
            result.append({"name": figure.name, "title": figure.title, "unit": figure.unit, "group": case.group,
                           "program_case": case.program_case, "size": case.size, "cores": case.cores,
                           "absent": case.absent, "results": taken})
    return result


def echo_row(connections, of_servers):
    result = {}
    for server, taken in of_servers.items():
        requests = sum(x["requests"] for x in taken)
        result[server] = {key: summary([x[key] for x in taken])
                          for key in ("requests_per_second", "p50_us", "p99_us")}
        # The kernel's clock of user time ticks 250 times a second or so: only the sum of all rounds says something.
        result[server] |= {"user_us": sum(x["user_us"] for x in taken) / requests,
                           "system_us": sum(x["system_us"] for x in taken) / requests}
    return {"connections": connections, "servers": result}


def echo_rows(samples):
    return [echo_row(n, samples[f"echo_{n}"]) for n in cases.ECHO_CONNECTIONS if f"echo_{n}" in samples]


class Goals:
    """Collects which goals hold; what was not measured says so."""

    def __init__(self):
        self.lines = []

    def at_most(self, text, value, bound, unit=""):
        if value is None:
            self.lines.append({"goal": text, "state": "not measured"})
        else:
            self.lines.append({"goal": text, "state": "met" if value <= bound else "missed", "value": value,
                               "bound": bound, "comparison": "at most", "unit": unit})

    def at_least(self, text, value, bound):
        self.at_most(text, value, bound)
        line = self.lines[-1]
        if value is not None:
            line |= {"state": "met" if value >= bound else "missed", "comparison": "at least"}


def goals(all_rows, all_echo):
    by_name = {r["name"]: r["results"] for r in all_rows}
    collected = Goals()

    def ratio(case, subject, to="rondo"):
        taken = by_name.get(case, {})
        if subject not in taken or to not in taken:
            return None
        return taken[subject]["median"] / taken[to]["median"]

    collected.at_least("create and await: uvloop takes times rondo", ratio("create_await", "uvloop"), 20)
    collected.at_most("thread round trip on one core, times a bare condition variable",
                      ratio("thread_roundtrip", "rondo", "condvar"), 1.3)
    submit = by_name.get("thread_submit_1", {}).get("rondo")
    collected.at_most("thread submit, pipelined, one core", submit and submit["median"], 300, " ns")
    sleeping = by_name.get("sleeping_100000", {}).get("rondo")
    collected.at_most("a sleeping task of 100,000", sleeping and sleeping["median"], 900, " bytes")
    collected.at_most("cancel a sleeping task, 1 frame: rondo, times asio", ratio("cancel_depth_1", "rondo", "asio"), 1)
    for row in all_rows:
        # The round trip over two cores is the time that it takes to wake an idle core, whoever asks for it.
        if row["name"].startswith("cancel") or row["name"] == "thread_roundtrip_2cores":
            continue
        if row["group"] in ("tasks", "threads"):
            for subject in ("tokio", "go", "uvloop", "asyncio"):
                if subject in row["results"]:
                    collected.at_most(f"{row['title']}: rondo, times {subject}",
                                      ratio(row["name"], "rondo", subject), 1)
    echo = {r["connections"]: r["servers"] for r in all_echo}
    for connections in (64, 512):
        echo_goals(collected, connections, echo.get(connections, {}))
    return collected.lines


def echo_goals(collected, connections, servers):
    def rate(of):
        rates = [servers[s]["requests_per_second"]["median"] for s in ("rondo", of) if s in servers]
        return rates[0] / rates[1] if len(rates) == 2 else None

    name = f"echo, {connections} connections: "
    collected.at_least(f"{name}requests a second, times asio deferred", rate("asio deferred"), 0.97)
    both = [servers[s]["user_us"] for s in ("rondo", "asio deferred") if s in servers]
    user = both[0] / both[1] if len(both) == 2 and both[1] else None
    collected.at_most(f"{name}user time a request, times asio deferred", user, 1.1)
    for server in ("tokio", "go", "uvloop protocol", "asyncio protocol"):
        if server in servers:
            collected.at_least(f"{name}requests a second, times {server}", rate(server), 1)


def goal_text(line):
    if line["state"] == "not measured":
        return f"{line['goal']}: not measured"
    return (f"{line['goal']}: {line['value']:.3g}{line['unit']} ({line['comparison']} {line['bound']:g}"
            f"{line['unit']}): {line['state']}")


def first_line(*command):
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip().split("\n")[0]
    except OSError:
        return ""


def found(pattern, path):
    try:
        return re.search(pattern, path.read_text(errors="replace"))[1]
    except (OSError, TypeError):
        return "unknown"


def versions(subjects):
    boost = found(r'BOOST_LIB_VERSION "([^"]+)"', pathlib.Path("/usr/include/boost/version.hpp")).replace("_", ".")
    rondo = found(r'VERSION_STRING "([^"]+)"', ROOT / "include/rondo/version.hpp")
    tokio = found(r'name = "tokio"\nversion = "([^"]+)"', BUILD / "tokio" / "Cargo.lock")
    of_uvloop = first_line("/usr/bin/python3", "-c", "import uvloop; print(uvloop.__version__)")
    python = first_line("/usr/bin/python3", "-c", "import platform; print(platform.python_version())")
    compiler = first_line("g++", "--version")
    known = {
        "rondo": f"{rondo}, {compiler}, Boost {boost}",
        "asio": f"Boost {boost}, {compiler}",
        "tokio": f"{tokio}, {first_line('/usr/bin/rustc', '--version')}",
        "go": first_line("/usr/bin/go", "version").removeprefix("go version "),
        "uvloop": f"{of_uvloop}, CPython {python}",
        "asyncio": f"CPython {python}",
    }
    return {s: known[s] for s in subjects if s in known}


def machine():
    with open("/proc/cpuinfo") as cpuinfo:
        model = re.search(r"model name\s*: (.*)", cpuinfo.read())
    commit = first_line("git", "rev-parse", "--short=12", "HEAD") or "unknown"
    if first_line("git", "status", "--porcelain", "--untracked-files=no"):
        commit += " with changes"
    return {
        "processor": model[1] if model else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": f"{platform.system()} {platform.release()}",
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") / 2**30, 1),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit,
    }


def command_line(arguments):
    return shlex.join(["bench/compare", *arguments])


def as_json(data):
    """One line for each row, so that two runs can be compared line by line."""
    parts = []
    for key, value in data.items():
        if isinstance(value, list):
            lines = ",\n".join(f"  {json.dumps(element)}" for element in value)
            parts.append(f"{json.dumps(key)}: [\n{lines}\n ]")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value)}")
    return "{\n " + ",\n ".join(parts) + "\n}\n"
