"""Work that is done once, by whichever thread comes first."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from weakref import WeakSet


class Once:
    """Does something the first time that it is asked to; who asks in the meantime waits until it is done.

    In a forked child the thread that was at it is not there to end it, and it is done anew.
    """

    def __init__(self) -> None:
        self._done, self._lock = False, threading.Lock()
        _all.add(self)

    def __call__(self, work: Callable[[], None]) -> None:
        if self._done:
            return
        with self._lock:
            if not self._done:
                work()
                self._done = True


_all: WeakSet[Once] = WeakSet()


def _unlock() -> None:
    for one in _all:
        one._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)
