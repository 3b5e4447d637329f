"""The two sides of a comparison: processes that read a program a line and write its trace as a line of JSON.

SPDX-License-Identifier: BSL-1.0
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import threading
from pathlib import Path

# Seconds until the first answer, and between answers: the oracle takes its time to start, and a machine may be busy.
START_PATIENCE = 600.0
PATIENCE = 120.0


class Side:
    """A program that does not answer, or ends the process, gets {"crashed": ..} for an answer; the next ones go on."""

    def __init__(self, command: list[str], log: Path | None = None) -> None:
        self._command = command
        self._log = log
        self._process: subprocess.Popen | None = None
        self._buffer = b""
        self._patience = START_PATIENCE
        self._last_end = ""

    def answers(self, programs: list[str]) -> list:
        got = self._ask(programs)
        # Answers may have been lost with the process: one by one it shows whose fault it is.
        for program in programs[len(got) :]:
            got.extend(self._ask([program]) or [{"crashed": self._last_end}])
        return got

    def close(self) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._end(patience=10)

    def _ask(self, programs: list[str]) -> list:
        """Answers to the first of the programs: to all, if all goes well."""
        if self._process is None:
            self._start()
        text = "".join(program + "\n" for program in programs).encode()
        writer = threading.Thread(target=self._write, args=(self._process, text))
        writer.start()
        got: list = []
        while len(got) < len(programs) and (line := self._line()) is not None:
            got.append(json.loads(line))
        if len(got) < len(programs):
            self._end()
        writer.join()
        return got

    def _start(self) -> None:
        log = open(self._log, "ab") if self._log else subprocess.DEVNULL
        # A session of its own, so that what the process starts can be ended with it.
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
        self._patience = START_PATIENCE
        if self._log:
            log.close()
        self._buffer = b""

    @staticmethod
    def _write(process: subprocess.Popen, text: bytes) -> None:
        try:
            process.stdin.write(text)
            process.stdin.flush()
        except (OSError, ValueError):
            pass  # it has ended; the reader sees that

    def _line(self) -> bytes | None:
        """None at the end of the output, and when it takes too long."""
        out = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([out], [], [], self._patience)
            part = os.read(out, 1 << 20) if ready else b""
            if not part:
                return None
            self._buffer += part
            self._patience = PATIENCE
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    def _end(self, patience: float = 0.5) -> None:
        """Keeps how the process ended; it is killed if it has not."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            # What ended its output ends soon; what hangs does not.
            self._last_end = f"status {process.wait(patience)}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._last_end = "no answer"
        process.stdout.close()
        try:
            process.stdin.close()
        except OSError:
            pass
