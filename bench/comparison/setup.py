"""Installs what the comparison needs and builds its programs."""
# SPDX-License-Identifier: BSL-1.0
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "compare"
LOGS = ROOT / "build" / "logs"
CPP = ROOT / "build" / "release" / "bench" / "peers"
PEERS = ROOT / "bench" / "peers"
REGISTRY = "/usr/share/cargo/registry"  # Debian's packages of Rust libraries

CPP_TARGETS = {"rondo": "peer_rondo", "asio": "peer_asio", "epoll": "peer_epoll", "condvar": "peer_condvar"}
PACKAGES = {
    "tokio": ["cargo", "rustc", "librust-tokio-dev"],
    "go": ["golang-go"],
    "asyncio": ["python3"],
    "uvloop": ["python3", "python3-uvloop"],
}


class Failure(Exception):
    pass


def logged(step, command, cwd=ROOT, env=None):
    """Runs a step with its output in a log; a failure names the step and shows the end of the log."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"compare-{step.replace(' ', '-')}.log"
    with log.open("w") as output:
        status = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.STDOUT).returncode
    if status != 0:
        end = "".join(f"    {line}\n" for line in log.read_text(errors="replace").splitlines()[-30:])
        raise Failure(f"{step} failed with status {status}, log: {log.relative_to(ROOT)}\n{end}")


def with_library(step, script, *arguments):
    """A step in bash that uses what the tools share."""
    text = f'set -euo pipefail; . "{ROOT}/tools/lib.sh"; {script}'
    logged(step, ["bash", "-c", text, "compare", *arguments])


def build_cpp(subjects):
    targets = [CPP_TARGETS[s] for s in subjects if s in CPP_TARGETS] + ["echo_client"]
    with_library("install compilers", 'need_packages "${base_packages[@]}"')
    with_library("build rondo and the C++ peers",
                 'use_ccache; cmake --preset release && cmake --build --preset release -j "$jobs" --target "$@"',
                 *targets)


def build_tokio():
    folder = BUILD / "tokio"
    for tool in ("/usr/bin/cargo", "/usr/bin/rustc", REGISTRY):
        if not os.path.exists(tool):
            raise Failure(f"{tool} is missing")
    shutil.copytree(PEERS / "tokio", folder, dirs_exist_ok=True)  # cargo writes beside its sources
    env = dict(os.environ, CARGO_HOME=str(BUILD / "cargo"), RUSTC="/usr/bin/rustc")
    for variable in ("RUSTFLAGS", "RUSTC_WRAPPER", "CARGO_TARGET_DIR", "RUSTUP_TOOLCHAIN"):
        env.pop(variable, None)
    logged("build tokio's program",
           ["/usr/bin/cargo", "build", "--release", "--offline",
            "--config", 'source.crates-io.replace-with="debian"',
            "--config", f'source.debian.directory="{REGISTRY}"'], folder, env)


def build_go():
    BUILD.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ, GOPROXY="off", GOFLAGS="-mod=mod", GOCACHE=str(BUILD / "go-cache"))
    logged("build Go's program", ["/usr/bin/go", "build", "-o", str(BUILD / "peer_go"), "."], PEERS / "go", env)


def check_python(module):
    done = subprocess.run(["/usr/bin/python3", "-c", f"import {module}, asyncio; asyncio.timeout, asyncio.TaskGroup"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"/usr/bin/python3 does not have what is needed: {done.stderr.strip().splitlines()[-1]}")


PREPARE = {"tokio": build_tokio, "go": build_go, "asyncio": lambda: check_python("asyncio"),
           "uvloop": lambda: check_python("uvloop")}

COMMANDS = {
    "rondo": [CPP / "peer_rondo"],
    "asio": [CPP / "peer_asio"],
    "epoll": [CPP / "peer_epoll"],
    "condvar": [CPP / "peer_condvar"],
    "tokio": [BUILD / "tokio" / "target" / "release" / "peer"],
    "go": [BUILD / "peer_go"],
    "asyncio": ["/usr/bin/python3", PEERS / "python" / "peer.py"],
    "uvloop": ["/usr/bin/python3", PEERS / "python" / "peer.py", "--uvloop"],
}


def prepare(subjects, say):
    """Returns the subjects that can run, and why the others cannot."""
    left_out = {}
    say("rondo and the C++ programs")
    build_cpp(subjects)
    for subject in subjects:
        if subject not in PREPARE:
            continue
        say(subject)
        try:
            with_library(f"install {subject}", 'need_packages "$@"', *PACKAGES[subject])
            PREPARE[subject]()
        except (Failure, OSError) as error:
            left_out[subject] = str(error)
            say(f"{subject} is left out: {error}")
    return [s for s in subjects if s not in left_out], left_out


def peer_environment():
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RONDO_", "GO", "TOKIO", "RUST"))}
    return dict(env, GOMAXPROCS="1", PYTHONDONTWRITEBYTECODE="1")
