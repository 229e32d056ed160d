"""Standard output belongs to the host: what plugins print goes to stderr."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class _Nowhere(io.TextIOBase):
    """For programs without a terminal."""

    def write(self, text: str, /) -> int:
        return len(text)


_lock = threading.Lock()
_depth = 0
_kept: TextIO | None = None
_instead: Any = None


@contextmanager
def kept_from_stdout() -> Iterator[None]:
    """While the block runs, what is printed goes to stderr, and nowhere where there is none.

    A process has one ``sys.stdout`` for all its threads: it is exchanged when the first block of any thread begins, and
    restored when the last one ends. What another thread prints in between goes to stderr too, and is never lost.
    """
    global _depth, _kept, _instead
    with _lock:
        if _depth == 0:
            _kept, _instead = sys.stdout, sys.stderr or _Nowhere()
            sys.stdout = _instead
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            # Whoever has put another stream there in the meantime knows what it is for.
            if _depth == 0 and sys.stdout is _instead:
                sys.stdout = _kept
