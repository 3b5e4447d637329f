"""Compares CPython and rondo on random programs, and writes the golden traces; tools/conformance calls it.

SPDX-License-Identifier: BSL-1.0
"""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True

import argparse  # noqa: E402
import json  # noqa: E402
import multiprocessing  # noqa: E402
import os  # noqa: E402
import secrets  # noqa: E402
import shlex  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402
from collections import Counter  # noqa: E402
from itertools import zip_longest  # noqa: E402
from pathlib import Path  # noqa: E402

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "generate")]

import coverage  # noqa: E402
from generate import program_text  # noqa: E402
from processes import Side  # noqa: E402
from shrink import compact, shrink  # noqa: E402

BLOCK = 100
# With fewer programs a cell of the table may well stay empty.
ENOUGH_FOR_COVERAGE = 100_000
MOST_CIRCLES = 0.1
SHRUNK = 5
CORPUS_SIZE = 2000
CORPUS_SEED = "corpus"


def meant_divergences() -> dict[str, str]:
    """Rules of divergences.txt, with their reasons. The only rule there is: circle."""
    rules = {}
    for line in (HERE / "divergences.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            rule, reason = (part.strip() for part in line.split(";", 1))
            if rule != "circle" or not reason:
                sys.exit(f"divergences.txt: there is no such rule: {line}")
            rules[rule] = reason
    return rules


class Sides:
    """An oracle and a replayer, and where they keep what they say about themselves."""

    def __init__(self, oracle: list[str], replayer: list[str], log: Path, circles_are_meant: bool) -> None:
        self.oracle = Side(oracle, log.with_suffix(".oracle.log"))
        self.replayer = Side(replayer, log.with_suffix(".replayer.log"))
        self.circles_are_meant = circles_are_meant

    def differs(self, right: object, got: object) -> bool:
        if right is None:
            return not self.circles_are_meant
        return right != got

    def still_differ(self, programs: list[dict]) -> list[bool]:
        """For the shrinker: a program that only becomes a circle, or invalid, is no reduction."""
        texts = [compact(program) for program in programs]
        answers = [answer.get("trace", answer) for answer in self.oracle.answers(texts)]
        return [isinstance(right, list) and right != got for right, got in zip(answers, self.replayer.answers(texts))]

    def close(self) -> None:
        self.oracle.close()
        self.replayer.close()


def _work(results, make_sides, seed: str, first_block: int, step: int, count: int) -> None:
    """One process: its share of the blocks."""
    try:
        sides = make_sides()
        for start in range(first_block * BLOCK, count, step * BLOCK):
            numbers = range(start, min(start + BLOCK, count))
            programs = [program_text(seed, number) for number in numbers]
            results.put(_compare_block(sides, numbers, programs))
        sides.close()
        results.put(None)
    except BaseException as error:
        results.put(f"{type(error).__name__}: {error}")


def _compare_block(sides: Sides, numbers: range, programs: list[str]) -> dict:
    result = {"count": len(programs), "circles": 0, "deadlocks": 0, "lines": 0, "different": [], "facts": Counter()}
    for number, answer, got in zip(numbers, sides.oracle.answers(programs), sides.replayer.answers(programs)):
        right = answer.get("trace", answer)
        coverage.add_facts(result["facts"], answer.get("facts", []))
        if right is None:
            result["circles"] += 1
        elif isinstance(right, list):
            result["deadlocks"] += right[-1].endswith(" deadlock")
            result["lines"] += len(right)
        if sides.differs(right, got):
            result["different"].append(number)
    return result


class Total:
    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.began = self.shown = self.last = time.monotonic()
        self.count = self.circles = self.deadlocks = self.lines = 0
        self.different: list[int] = []
        self.facts: Counter = Counter()

    def add(self, result: dict) -> None:
        for name in ("count", "circles", "deadlocks", "lines"):
            setattr(self, name, getattr(self, name) + result[name])
        self.different.extend(result["different"])
        self.facts.update(result["facts"])
        self.last = time.monotonic()
        if self.last - self.shown >= 10:
            self.shown = self.last
            print(f"  {self.text()}", flush=True)

    def text(self) -> str:
        took = self.last - self.began
        return (
            f"{self.count:,} of {self.wanted:,} programs in {took:.0f} s ({self.count / max(took, 1e-9):.0f}/s): "
            f"{len(self.different)} differ, {self.circles} circles ({self.share_of_circles():.2%}), "
            f"{self.deadlocks:,} deadlocks, {self.lines:,} lines"
        )

    def share_of_circles(self) -> float:
        return self.circles / max(self.count, 1)


def compare_random(arguments: argparse.Namespace) -> int:
    seed = arguments.seed if arguments.seed is not None else secrets.token_hex(4)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for old in arguments.out.iterdir():
        if old.is_file():
            old.unlink()
    meant = "circle" in meant_divergences()
    jobs = max(1, min(arguments.jobs or os.cpu_count() or 1, -(-arguments.random // BLOCK)))
    print(f"{arguments.random:,} programs of seed {seed}, {jobs} at a time", flush=True)

    def make_sides(name: str) -> Sides:
        oracle = [*shlex.split(arguments.oracle), "--facts"]
        return Sides(oracle, shlex.split(arguments.replayer), arguments.out / name, meant)

    fork = multiprocessing.get_context("fork")
    results = fork.SimpleQueue()
    workers = [
        fork.Process(
            target=_work,
            args=(results, lambda job=job: make_sides(f"worker-{job}"), seed, job, jobs, arguments.random),
            daemon=True,
        )
        for job in range(jobs)
    ]
    total = Total(arguments.random)
    for worker in workers:
        worker.start()
    running = jobs
    while running:
        result = results.get()
        if isinstance(result, str):
            print(f"a worker failed: {result}; see {arguments.out}", file=sys.stderr)
            return 1
        if result is None:
            running -= 1
        else:
            total.add(result)
    return _report(arguments, seed, total, make_sides)


def _report(arguments: argparse.Namespace, seed: str, total: Total, make_sides) -> int:
    listed = coverage.Listed()
    print(coverage.table_text(total.facts, listed))
    judge_empty = total.count >= ENOUGH_FOR_COVERAGE
    wrong = coverage.problems(total.facts, listed, judge_empty)
    if not judge_empty:
        print(f"\nempty cells are not judged with fewer than {ENOUGH_FOR_COVERAGE:,} programs")
    if total.share_of_circles() > MOST_CIRCLES:
        wrong.append(f"more than {MOST_CIRCLES:.0%} of the programs are circles")
    if wrong:
        print("\n" + "\n".join(wrong))
    if total.different:
        sides = make_sides("shrink")
        reduced: set[str] = set()
        for number in sorted(total.different)[:SHRUNK]:
            _write_divergence(arguments.out, program_text(seed, number), number, sides, reduced)
        sides.close()
    print(f"\n{total.text()}; seed {seed}")
    print(f"{len(total.different)} divergences")
    return 1 if total.different or wrong else 0


def _write_divergence(out: Path, text: str, number: int, sides: Sides, reduced: set[str]) -> None:
    program = json.loads(text)
    if sides.still_differ([program])[0]:
        program = shrink(program, sides.still_differ)
    if compact(program) in reduced:
        print(f"\nprogram {number} differs in the same way")
        return
    reduced.add(compact(program))
    place = len(reduced)
    (answer,), (got,) = sides.oracle.answers([compact(program)]), sides.replayer.answers([compact(program)])
    right = answer.get("trace", answer)
    base = out / f"divergence-{place}"
    base.with_suffix(".full.json").write_text(text + "\n")
    base.with_suffix(".json").write_text(pretty(program))
    traces = []
    for side, trace in (("asyncio", right), ("rondo", got)):
        lines = trace if isinstance(trace, list) else [json.dumps(trace)]
        base.with_suffix(f".{side}.trace").write_text("".join(line + "\n" for line in lines))
        traces.append(lines)
    print(f"\nprogram {number} differs; reduced in {base}.json: {compact(program)}")
    for index, (expected, written) in enumerate(zip_longest(*traces, fillvalue="(end)"), 1):
        if expected != written:
            print(f"  line {index}\n    asyncio: {expected}\n    rondo:   {written}", flush=True)
            break


def pretty(program: dict) -> str:
    """A coroutine's statements on a line each."""
    lines = []
    for key, value in program.items():
        if key in ("objects", "coroutines") and value:
            members = []
            for name, part in value.items():
                text = json.dumps(part)
                if key == "coroutines" and part:
                    text = "[\n" + ",\n".join("      " + json.dumps(statement) for statement in part) + "\n    ]"
                members.append(f"    {json.dumps(name)}: {text}")
            lines.append(f"  {json.dumps(key)}: {{\n" + ",\n".join(members) + "\n  }")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def record(arguments: argparse.Namespace) -> int:
    """Writes the golden traces of scenarios/ and corpus/ as the oracle gives them."""
    command = shlex.split(arguments.oracle)
    reference = subprocess.run([*command, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    oracle = Side(command)
    bad = _record_scenarios(oracle, reference)
    programs = HERE / "corpus" / "programs.jsonl"
    if not programs.exists():
        programs.parent.mkdir(exist_ok=True)
        programs.write_text("".join(line + "\n" for line in _corpus_programs(oracle)))
    texts = programs.read_text().splitlines()
    traces = oracle.answers(texts)
    for number, trace in enumerate(traces, 1):
        if not isinstance(trace, list):
            bad.append(f"{programs.name}:{number}: {trace}")
    oracle.close()
    if bad:
        print("\n".join(bad), file=sys.stderr)
        return 1
    lines = [{"reference": reference}, *traces]
    text = "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in lines)
    (programs.parent / "traces.jsonl").write_text(text)
    size = (programs.stat().st_size + len(text.encode())) / 1e6
    print(f"{len(traces)} random programs with their traces, {size:.1f} MB; reference: {reference}")
    return 0


def _record_scenarios(oracle: Side, reference: str) -> list[str]:
    bad = []
    files = sorted((HERE / "scenarios").glob("*.json"))
    answers = oracle.answers([compact(json.loads(file.read_text())) for file in files])
    written = by_hand = 0
    for file, answer in zip(files, answers):
        trace = file.with_suffix(".trace")
        if isinstance(answer, list):
            trace.write_text("".join(line + "\n" for line in [f"# {reference}", *answer]))
            written += 1
        elif isinstance(answer, dict) and "unsupported" in answer:
            by_hand += 1
            if not trace.exists() or not trace.read_text().startswith("# by hand: "):
                bad.append(f"{trace.name}: a trace that begins with '# by hand: ' is expected")
        else:
            bad.append(f"{file.name}: {answer}")
    print(f"{written} scenarios written, {by_hand} by hand")
    return bad


def _corpus_programs(oracle: Side) -> list[str]:
    programs: list[str] = []
    number = 0
    while len(programs) < CORPUS_SIZE:
        some = [program_text(CORPUS_SEED, number + k) for k in range(BLOCK)]
        number += BLOCK
        programs.extend(text for text, trace in zip(some, oracle.answers(some)) if isinstance(trace, list))
    return programs[:CORPUS_SIZE]


def compare_orders(arguments: argparse.Namespace) -> int:
    """What one program leaves behind must not show in another's trace."""
    seed = arguments.seed if arguments.seed is not None else secrets.token_hex(4)
    programs = [program_text(seed, number) for number in range(arguments.order)]
    forwards, backwards = Side(shlex.split(arguments.oracle)), Side(shlex.split(arguments.oracle))
    one = forwards.answers(programs)
    forwards.close()
    other = backwards.answers(programs[::-1])[::-1]
    backwards.close()
    different = [number for number, (a, b) in enumerate(zip(one, other)) if a != b]
    print(f"{len(programs)} programs of seed {seed}, forwards and backwards: {len(different)} differ {different[:9]}")
    return 1 if different else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oracle", required=True, help="command of the oracle")
    parser.add_argument("--replayer", help="command of the replayer")
    parser.add_argument("--random", type=int, metavar="N", help="compare N random programs")
    parser.add_argument("--seed", help="of the random programs; a fresh one by default")
    parser.add_argument("--jobs", type=int, help="how many comparisons at a time; by default one for each processor")
    parser.add_argument("--out", type=Path, default=Path("build/conformance"), help="for programs that differ")
    parser.add_argument("--record", action="store_true", help="write the golden traces")
    parser.add_argument("--order", type=int, metavar="N", help="run N programs on the oracle in both orders")
    arguments = parser.parse_args()
    if arguments.record:
        return record(arguments)
    if arguments.order is not None:
        return compare_orders(arguments)
    if not arguments.random or arguments.random < 1 or not arguments.replayer:
        parser.error("--random takes a number of programs, and needs --replayer")
    return compare_random(arguments)


if __name__ == "__main__":
    sys.exit(main())
