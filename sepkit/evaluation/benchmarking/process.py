"""Processes that do one job each, all of which can be ended at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any

from sepkit.errors import Cancelled, one_line
from sepkit.evaluation.benchmarking.job import Job
from sepkit.plugin.loader import DISABLE

_COMMAND = [sys.executable, "-m", "sepkit.evaluation.benchmarking.job"]
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_TAIL = 4096


class Processes:
    """Does jobs, each in a process of its own with one thread of linear algebra; to be shared by threads.

    Parameters
    ----------
    disabled : iterable of str
        Plugins that are not loaded.
    """

    def __init__(self, disabled: Iterable[str]) -> None:
        self._environment = {**os.environ, **_ONE_THREAD, DISABLE: ",".join(disabled)}
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    def run(self, job: Job) -> dict[str, Any]:
        """Do a job and wait for it; however its process ends, there is an outcome.

        Returns
        -------
        outcome : dict
            See `job.run`.

        Raises
        ------
        Cancelled
            If it was ended from outside.
        """
        # Files, not pipes: what a method prints may be long, and what it starts may keep a pipe open for ever.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self._start(out, err)
            try:
                # Its stdin stays open for as long as this process lives, and it ends when that is closed.
                with process, suppress(BrokenPipeError):
                    assert process.stdin is not None
                    process.stdin.write(job.to_json().encode() + b"\n")
                    process.stdin.flush()
                    process.wait()
            finally:
                with self._lock:
                    self._running.discard(process)
            if process.returncode and self._ended:
                raise Cancelled("the run was cancelled")
            return _outcome(process.returncode, _tail(out, None), _tail(err, _TAIL))

    def end(self) -> None:
        """Kill all that are running, with whatever they have started; none is started any more."""
        with self._lock:
            self._ended = True
            for process in self._running:
                with suppress(OSError):
                    if hasattr(os, "killpg"):
                        os.killpg(process.pid, signal.SIGKILL)
                    else:
                        process.kill()

    def _start(self, out: IO[bytes], err: IO[bytes]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._ended:
                raise Cancelled("the run was cancelled")
            process = subprocess.Popen(
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                env=self._environment,
                # Ctrl-C at the terminal is for the benchmark, which then ends its jobs.
                start_new_session=True,
            )
            self._running.add(process)
            return process


def _outcome(code: int, out: str, err: str) -> dict[str, Any]:
    if code == 0:
        with suppress(ValueError):
            answer: dict[str, Any] = json.loads(out)
            return answer
    last = next((f": {line.strip()}" for line in reversed(err.splitlines()) if line.strip()), "")
    if code < 0:
        return {"status": "failed", "reason": one_line(f"its process was killed by {_signal_name(-code)}{last}")}
    return {"status": "failed", "reason": one_line(f"its process ended with code {code} and no result{last}")}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _tail(file: IO[bytes], most: int | None) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(0 if most is None else max(0, size - most))
    return file.read().decode("utf-8", errors="replace")
