"""The most memory that this process has held."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import TracebackType

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_INTERVAL_S = 2e-3


def peak_memory_bytes() -> int | None:
    """The largest resident size so far, or since `forget_peak` where the system can reset it; None if unknown."""
    # Linux's getrusage never reports less than what the process that started this one had held when it did.
    if _STATUS.is_file():
        return _of_status("VmHWM")
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def forget_peak() -> None:
    """Reset the peak to what is held now, where the system allows it."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return


class OwnMemory:
    """Watches, within ``with``, the memory that is the process's own: all but pages that files are mapped to.

    The system cannot take it back without swapping. It is looked at 500 times a second, on a thread.

    Attributes
    ----------
    before, peak : int or None
        In bytes; None where the system does not tell, as only Linux does.
    """

    def __init__(self) -> None:
        self.before = self.peak = _of_status("RssAnon")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> OwnMemory:
        if self.before is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        if self.before is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_INTERVAL_S):
            self.peak = max(self.peak or 0, _of_status("RssAnon") or 0)


def _of_status(field: str) -> int | None:
    if not _STATUS.is_file():
        return None
    lines = _STATUS.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), None)
