"""What all pictures share, through matplotlib (``pip install "sepkit[plot]"``).

Only matplotlib's `Figure` is used and never its pyplot, so that nothing global changes: no backend is chosen, no figure
is kept alive, and threads may draw at the same time. What they draw is described by protocols, so that any object with
the same attributes can be drawn.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SepkitError
from sepkit.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_COLUMNS = 2000
MOST_INCHES = 60
_LONGEST_NAME = 40


class Sound(Protocol):
    """Samples at a sample rate, such as an `Audio`."""

    @property
    def samples(self) -> NDArray[np.float32]:
        """Samples [shape=(channels, samples)]."""
        ...

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        ...

    @property
    def channels(self) -> int:
        """Number of channels."""
        ...

    @property
    def length(self) -> int:
        """Number of samples in each channel."""
        ...

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        ...


class DrawnNote(Protocol):
    """A note, such as a `sepkit.music.note.Note`."""

    @property
    def onset_s(self) -> float:
        """In seconds."""
        ...

    @property
    def offset_s(self) -> float:
        """In seconds."""
        ...

    @property
    def pitch(self) -> float:
        """MIDI pitch."""
        ...

    @property
    def part(self) -> str:
        """Who plays it."""
        ...


def write_figure(path: Path, figure: Figure) -> None:
    """Write a picture as PNG, atomically.

    Raises
    ------
    WriteError
    """
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def require_figure_type() -> type[Figure]:
    """The class of matplotlib's figures.

    Raises
    ------
    SepkitError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SepkitError(f'pictures need matplotlib ({error}); install it with: pip install "sepkit[plot]"') from error
    return Figure


def shown_inline(figure: Figure) -> Figure:
    """The figure, so that notebooks show it."""
    # A figure that pyplot has not made is shown by notebooks only if it brings its own picture.
    figure._repr_png_ = partial(_png, figure)  # type: ignore[attr-defined]
    return figure


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def time_unit(duration_s: float) -> tuple[str, int]:
    """Name of the unit for an axis of time, and the seconds in it."""
    return ("minutes", 60) if duration_s > 300 else ("seconds", 1)


def drawable(name: str) -> str:
    """`name` in one short line of characters that the fonts have; matplotlib would warn of each that they lack."""
    has = _characters()
    line = " ".join(name.split())
    shown = "".join(character if has(character) else "\N{WHITE SQUARE}" for character in line)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"


def _characters() -> Callable[[str], bool]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    # As a list, because one family alone would be parsed as a pattern of fontconfig.
    fonts = [get_font(findfont(FontProperties(family=[family]))) for family in FontProperties().get_family()]
    return lambda character: any(font.get_char_index(ord(character)) for font in fonts)
