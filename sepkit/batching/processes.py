"""Executors of this machine: processes that survive each other's death, and no process at all.

`concurrent.futures.ProcessPoolExecutor` gives up all that is left when one of its processes is killed, by the system
for want of memory say. Here what that process was doing has failed, and the next call gets another process.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from contextlib import suppress
from types import TracebackType
from typing import IO, Any

from sepkit.batching.worker import receive, send
from sepkit.errors import Cancelled, SepkitError, one_line
from sepkit.plugin.loader import DISABLE

_COMMAND = [sys.executable, "-m", "sepkit.batching.worker"]
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_TAIL = 4096
_TO_END_S = 5.0

_Call = tuple[Future[Any], bytes]


class Here(Executor):
    """Does every call at once, in this process and thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call, and give what came of it."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Processes(Executor):
    """Does calls in processes of their own.

    Parameters
    ----------
    workers : int
        How many run at a time.
    calls_each : int, optional
        After how many calls a process is replaced; by default it is kept.
    threads : int
        Of linear algebra, in each.
    disabled : iterable of str, optional
        Plugins that are not loaded; by default those that the environment names.
    """

    def __init__(
        self,
        workers: int,
        *,
        calls_each: int | None = None,
        threads: int = 1,
        disabled: Iterable[str] | None = None,
    ) -> None:
        self.workers, self._calls_each = workers, calls_each
        self._environment = {**os.environ, **dict.fromkeys(_THREADS, str(threads))}
        if disabled is not None:
            self._environment[DISABLE] = ",".join(disabled)
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._running: set[_Process] = set()
        self._ended = self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call in the next process that is free.

        Raises
        ------
        RuntimeError
            After `shutdown`.
        """
        future: Future[Any] = Future()
        try:
            call = pickle.dumps((fn, args, kwargs))
        except Exception as error:
            future.set_exception(error)
            return future
        with self._lock:
            if self._closed:
                raise RuntimeError("these processes were shut down")
            self._calls.put((future, call))
            if len(self._threads) < self.workers:
                thread = threading.Thread(target=self._work, daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; wait for those that were taken, or cancel what has not begun."""
        with self._lock:
            self._closed = True
        if cancel_futures:
            self._cancel_waiting()
        for _ in self._threads:
            self._calls.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def end(self) -> None:
        """Kill all that are running, with whatever they have started; none is started any more."""
        with self._lock:
            self._closed = self._ended = True
            for process in self._running:
                process.kill()
        self._cancel_waiting()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.end()
        self.shutdown()

    def _cancel_waiting(self) -> None:
        with suppress(queue.Empty):
            while True:
                if call := self._calls.get_nowait():
                    call[0].cancel()

    def _work(self) -> None:
        process: _Process | None = None
        try:
            while call := self._calls.get():
                future, pickled = call
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    process = process or self._start()
                    done, result = process.call(pickled)
                except BaseException as error:
                    fault = Cancelled("the run was cancelled") if self._ended else error
                    future.set_exception(fault)
                    self._close(process)
                    process = None
                    continue
                if done:
                    future.set_result(result)
                else:
                    future.set_exception(result)
                if process.calls == self._calls_each:
                    self._close(process)
                    process = None
        finally:
            self._close(process)

    def _start(self) -> _Process:
        with self._lock:
            if self._ended:
                raise Cancelled("the run was cancelled")
            process = _Process(self._environment)
            self._running.add(process)
            return process

    def _close(self, process: _Process | None) -> None:
        if process is not None:
            process.close()
            with self._lock:
                self._running.discard(process)


class _Process:
    """One process and how to speak with it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.calls = 0
        # A file, not a pipe: what a method prints may be long, and what it starts may keep a pipe open for ever.
        self._err: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._popen = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._err,
            env=environment,
            # Ctrl-C at the terminal is for the one that started it, who then ends it.
            start_new_session=True,
        )

    def call(self, pickled: bytes) -> tuple[bool, Any]:
        """Do a call; raises `SepkitError` if that ended the process."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self.calls += 1
        self._err.seek(0)
        self._err.truncate()
        with suppress(BrokenPipeError):
            send(self._popen.stdin, pickled)
        answer = receive(self._popen.stdout)
        if answer is None:
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(_TO_END_S)
            self.kill()
            raise SepkitError(self._how_it_ended(self._popen.wait()))
        done: tuple[bool, Any] = pickle.loads(answer)
        return done

    def kill(self) -> None:
        """End it, with whatever it has started."""
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._popen.pid, signal.SIGKILL)
            else:
                self._popen.kill()

    def close(self) -> None:
        """Let it end and wait for that."""
        for stream in (self._popen.stdin, self._popen.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        self._popen.wait()
        self._err.close()

    def _how_it_ended(self, code: int) -> str:
        size = self._err.seek(0, os.SEEK_END)
        self._err.seek(max(0, size - _TAIL))
        said = self._err.read().decode("utf-8", errors="replace").splitlines()
        last = next((f": {line.strip()}" for line in reversed(said) if line.strip()), "")
        if code < 0:
            return one_line(f"its process was killed by {_signal_name(-code)}{last}")
        return one_line(f"its process ended with code {code} and no result{last}")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
