"""The most memory that this process has held."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def peak_memory_bytes() -> int | None:
    """The largest resident size so far, or since `forget_peak` where the system can reset it; None if unknown."""
    # Linux's getrusage never reports less than what the process that started this one had held when it did.
    if _STATUS.is_file():
        lines = _STATUS.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
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
