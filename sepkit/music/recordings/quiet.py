"""Keeping what C libraries print off the terminal.

libmpg123, which is inside libsndfile, prints warnings about MP3 files straight to the C library's ``stderr``, and
libsndfile offers no way to stop it. Redirecting file descriptor 2 would take the words from every thread and child of
the host. The variable ``stderr`` of the C library is pointed at ``/dev/null`` instead, while libsndfile works: file
descriptor 2, Python's ``sys.stderr`` and child processes are not touched, and a thread that prints through C at that
moment meets one valid stream or the other. That works with glibc and on macOS. Elsewhere the words come through.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_lock = threading.Lock()
_within = 0
_loud: int | None = None


@contextmanager
def quiet() -> Iterator[None]:
    """Within the block nothing that C libraries print to ``stderr`` is seen."""
    global _within, _loud
    streams = _streams()
    if streams is None:
        yield
        return
    slot, silent = streams
    with _lock:
        if _within == 0:
            _loud, slot.value = slot.value, silent
        _within += 1
    try:
        yield
    finally:
        with _lock:
            _within -= 1
            if _within == 0:
                slot.value = _loud


@cache
def _streams() -> tuple[ctypes.c_void_p, int] | None:
    """The C library's variable ``stderr`` and a stream to nowhere; None where the variable cannot be set."""
    # musl keeps the variable in memory that is read-only, Windows has none.
    if sys.platform == "darwin":
        name = "__stderrp"
    elif platform.libc_ver()[0] == "glibc":
        name = "stderr"
    else:
        return None
    library = ctypes.CDLL(None)
    library.fopen.restype = ctypes.c_void_p
    silent = library.fopen(os.devnull.encode(), b"w")
    return (ctypes.c_void_p.in_dll(library, name), silent) if silent else None
