"""How the value of the last line of some code is shown, on a page as in a notebook: a picture, or HTML that plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

DOTS_PER_INCH = 130


def html_of(value: Any) -> str | None:
    """The HTML that a value has for notebooks: a mixer, a player, a table."""
    shown = value._repr_html_() if hasattr(value, "_repr_html_") else None
    return str(shown) if shown else None


def is_picture(value: Any) -> bool:
    """Whether it is a figure of matplotlib."""
    from matplotlib.figure import Figure

    return isinstance(value, Figure)


def write_picture(figure: Any, path: Path) -> None:
    """Write a figure as PNG, which stays the same byte by byte if the picture does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS_PER_INCH, metadata={"Software": None})
