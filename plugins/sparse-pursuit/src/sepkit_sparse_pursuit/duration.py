"""How long something will take, in words that are shown with its progress."""

from __future__ import annotations

WORTH_TELLING_S = 60
_MOST_MINUTES = 120


def about(seconds: float, what_follows: str = " with what follows") -> str:
    """Such as ``", about 3 min with what follows"``, and nothing for what takes less than a minute."""
    if seconds <= WORTH_TELLING_S:
        return ""
    minutes = seconds / 60
    told = f"{minutes:.0f} min" if minutes < _MOST_MINUTES else f"{minutes / 60:.0f} h"
    return f", about {told}{what_follows}"
