"""What a listener has labelled, over the spectrograms: spans as bars along the upper edge, boxes as frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from sepkit.plots.canvas import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAR = 0.05
"""Height of a bar, as a part of the axes."""
_KHZ = 1000


class DrawnLabel(Protocol):
    """A span or a box, such as a `sepkit.Label`."""

    @property
    def start_s(self) -> float:
        """In seconds."""
        ...

    @property
    def end_s(self) -> float:
        """In seconds."""
        ...

    @property
    def source(self) -> str:
        """Whom it is about."""
        ...

    @property
    def low_hz(self) -> float | None:
        """Lower edge of the band; None where it is open."""
        ...

    @property
    def high_hz(self) -> float | None:
        """Upper edge of the band; None where it is open."""
        ...

    @property
    def absent(self) -> bool:
        """Whether it says that the source does not sound there."""
        ...

    @property
    def is_span(self) -> bool:
        """Whether it is about all frequencies."""
        ...

    @property
    def text(self) -> str:
        """As it is written."""
        ...


def draw_labels(
    axis: Axes, labels: Iterable[DrawnLabel], sources: Sequence[str], *, seconds: int, top_khz: float
) -> None:
    """Draw labels onto a spectrogram, every source in a colour of its own; what is absent is dashed.

    Parameters
    ----------
    axis : Axes
        Of time in some unit and frequency in kHz.
    labels : iterable of Label
    sources : sequence of str
        In whose order colours are given.
    seconds : int
        In the unit of time.
    top_khz : float
        Where the axis of frequency ends.
    """
    from matplotlib.patches import Rectangle

    for label in labels:
        colour = f"C{sources.index(label.source) if label.source in sources else len(sources)}"
        start, length = label.start_s / seconds, (label.end_s - label.start_s) / seconds
        if label.is_span:
            low, high = (1 - _BAR) * top_khz, top_khz
        else:
            low = (label.low_hz or 0) / _KHZ
            high = top_khz if label.high_hz is None else min(label.high_hz / _KHZ, top_khz)
        style = "--" if label.absent else "-"
        filled = label.is_span and not label.absent
        axis.add_patch(
            Rectangle(
                (start, low),
                length,
                high - low,
                facecolor=colour if filled else "none",
                edgecolor=colour,
                ls=style,
                lw=1.5,
            )
        )
        if not label.is_span:
            axis.text(
                start,
                high,
                drawable(label.text),
                color=colour,
                fontsize="small",
                va="top",
                clip_on=True,
                parse_math=False,
            )
