"""Calls on an executor, whichever it is: done as they come, with progress, and stopped when the host wants to."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sepkit.batching.cluster import Cluster, is_given_up
from sepkit.batching.notices import Line, Notices
from sepkit.batching.processes import Here, Processes
from sepkit.errors import Cancelled
from sepkit.problem.run import Cancel, Progress, Reporter

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MOST_WAITING = 256
"""How many calls an executor is given at a time: a million need not all be held by it at once."""
_POLL_S = 0.2


class Call(Protocol[T_co]):
    """What is to be done; a `functools.partial` that can be pickled."""

    def __call__(self, *, reporter: Reporter | None, cancel: Cancel | None) -> T_co:
        """Do it."""
        ...


def run_all(
    calls: Iterable[Call[T]],
    executor: Executor,
    folder: Path,
    *,
    on_progress: Callable[[Mapping[int, Progress]], None] | None = None,
    cancel: Cancel | None = None,
) -> Generator[tuple[int, T | BaseException], None, None]:
    """Do calls, and yield the number of each and what it gave or raised, as they come.

    When the generator is closed before its end, calls that have not begun are dropped, and those that run are told to
    stop; processes of this machine are killed.

    Parameters
    ----------
    calls : iterable of Call
    executor : Executor
    folder : Path
        One that all who work can see, for notices.
    on_progress : callable, optional
        Gets, a few times a second, how far the running calls are, by number.
    cancel : Cancel, optional

    Raises
    ------
    Cancelled
        When `cancel` is set, or a call raises it.
    """
    if isinstance(executor, Here):
        yield from _run_here(calls, on_progress, cancel)
        return
    notices = Notices(folder)
    pending: dict[Future[T], tuple[int, Call[T]]] = {}
    coming: Iterator[tuple[int, Call[T]]] = enumerate(calls)
    lost: list[tuple[int, Call[T], BaseException]] = []
    alone = False
    try:
        while True:
            most = 1 if alone else executor.slots if isinstance(executor, Cluster) else MOST_WAITING
            for number, call in coming if len(pending) < most else ():
                try:
                    pending[executor.submit(_told, call, notices.line(number))] = number, call
                except RuntimeError as error:
                    # What is broken, or was shut down, takes nothing more.
                    yield number, error
                if len(pending) >= most:
                    break
            if not pending and (alone or len(lost) < 2):
                yield from ((number, error) for number, _, error in lost)
                return
            if not pending:
                # Of several that were given up together one may be to blame for all.
                coming, alone, lost = iter([(number, call) for number, call, _ in lost]), True, []
                continue
            done, _ = wait(pending, _POLL_S, FIRST_COMPLETED)
            if on_progress is not None:
                on_progress(notices.read())
            if cancel is not None and cancel.is_set():
                raise Cancelled("the run was cancelled")
            for future in done:
                number, call = pending.pop(future)
                result = _result(future)
                if is_given_up(result):
                    lost.append((number, call, result))
                else:
                    yield number, result
    finally:
        for future in pending:
            future.cancel()
        if pending and isinstance(executor, Processes):
            executor.end()
        elif pending:
            notices.stop()
        notices.close()


def _run_here(
    calls: Iterable[Call[T]], on_progress: Callable[[Mapping[int, Progress]], None] | None, cancel: Cancel | None
) -> Generator[tuple[int, T | BaseException], None, None]:
    for number, call in enumerate(calls):
        reporter = None if on_progress is None else _Numbered(number, on_progress)
        try:
            result: T | BaseException = call(reporter=reporter, cancel=cancel)
        except Cancelled:
            raise
        except Exception as error:
            result = error
        yield number, result


class _Numbered:
    """A reporter of one call that tells of it by its number."""

    def __init__(self, number: int, on_progress: Callable[[Mapping[int, Progress]], None]) -> None:
        self._number, self._on_progress = number, on_progress

    def __call__(self, progress: Progress) -> None:
        self._on_progress({self._number: progress})


def _told(call: Call[T], line: Line) -> T:
    """Done by whoever works."""
    with line.open():
        return call(reporter=line.report, cancel=line)


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except CancelledError:
        return Cancelled("the call was cancelled by its executor")
    except BaseException as error:
        return error
