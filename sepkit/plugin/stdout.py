"""Standard output belongs to the host: what plugins print goes to stderr."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class _Nowhere(io.TextIOBase):
    """For programs without a terminal."""

    def write(self, text: str, /) -> int:
        return len(text)


_lock = threading.Lock()
_depths: Counter[int] = Counter()
"""Of nested blocks, by thread."""
_kept: TextIO | None = None
_instead: Any = None


@contextmanager
def kept_from_stdout() -> Iterator[None]:
    """While the block runs, what is printed goes to stderr, and nowhere where there is none.

    A process has one ``sys.stdout`` for all its threads: it is exchanged when the first block of any thread begins, and
    restored when the last one ends. What another thread prints in between goes to stderr too, and is never lost.
    """
    global _kept, _instead
    thread = threading.get_ident()
    with _lock:
        if not _depths:
            _kept, _instead = sys.stdout, sys.stderr or _Nowhere()
            sys.stdout = _instead
        _depths[thread] += 1
    try:
        yield
    finally:
        with _lock:
            _leave(thread)


def _leave(thread: int, blocks: int = 1) -> None:
    _depths[thread] -= blocks
    if not _depths[thread]:
        del _depths[thread]
    # Whoever has put another stream there in the meantime knows what it is for.
    if not _depths and sys.stdout is _instead:
        sys.stdout = _kept


def _alone() -> None:
    """In a forked child no other thread is there to end its blocks."""
    for thread in set(_depths) - {threading.get_ident()}:
        _leave(thread, _depths[thread])
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_alone)
