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
_within: set[int] = set()
"""Threads."""
_loud: int | None = None


@contextmanager
def quiet() -> Iterator[None]:
    """Within the block nothing that C libraries print to ``stderr`` is seen."""
    global _loud
    streams = _streams()
    thread = threading.get_ident()
    if streams is None or thread in _within:
        yield
        return
    slot, silent = streams
    with _lock:
        if not _within:
            _loud, slot.value = slot.value, silent
        _within.add(thread)
    try:
        yield
    finally:
        with _lock:
            _leave({thread})


def _leave(threads: set[int]) -> None:
    _within.difference_update(threads)
    if not _within and (streams := _streams()):
        streams[0].value = _loud


def _alone() -> None:
    """In a forked child no other thread is there to leave its block."""
    if others := _within - {threading.get_ident()}:
        _leave(others)
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_alone)


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
