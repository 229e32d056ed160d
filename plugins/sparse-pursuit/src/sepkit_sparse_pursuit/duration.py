"""How long something will take, in words that are shown with its progress."""

from __future__ import annotations

WORTH_TELLING_S = 60


def about(seconds: float, what_follows: str = " with what follows") -> str:
    """Such as ``", about 3 min with what follows"``, and nothing for what takes less than a minute."""
    return f", about {seconds / 60:.0f} min{what_follows}" if seconds > WORTH_TELLING_S else ""
