"""Pictures of scores: piano rolls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sepkit.plots.canvas import DrawnNote, drawable, require_figure_type, shown_inline, time_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NAMES = 20


def plot_score(notes: Sequence[DrawnNote]) -> Figure:
    """Draw a rectangle a note, in a colour a part.

    Parameters
    ----------
    notes : sequence of Note
        Any number of them; the legend names their first 20 parts, and colours repeat after ten.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Notebooks show it inline.

    Raises
    ------
    SepkitError
        If matplotlib is not installed.
    """
    figure = require_figure_type()(figsize=(11, 4), layout="constrained")
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Patch

    axis = figure.subplots()
    end_s = max((note.offset_s for note in notes), default=1.0)
    unit, seconds = time_unit(end_s)
    parts = list(dict.fromkeys(note.part for note in notes))
    colours = {part: f"C{number % 10}" for number, part in enumerate(parts)}
    for part, colour in colours.items():
        corners = [
            [(left, low), (left, low + 1), (right, low + 1), (right, low)]
            for left, right, low in (
                (note.onset_s / seconds, note.offset_s / seconds, note.pitch - 0.5)
                for note in notes
                if note.part == part
            )
        ]
        axis.add_collection(PolyCollection(corners, facecolors=colour, edgecolors="white", linewidths=0.3))
    pitches = [note.pitch for note in notes] or [60.0]
    axis.set(xlim=(0, end_s / seconds), ylim=(min(pitches) - 2, max(pitches) + 2), xlabel=unit, ylabel="MIDI pitch")
    axis.grid(alpha=0.3)
    axis.set_axisbelow(True)
    named = [part for part in parts if part][:_MOST_NAMES]
    if named:
        handles = [Patch(color=colours[part]) for part in named]
        legend = figure.legend(handles, [str(number) for number in range(len(named))], loc="outside right upper")
        # A label that begins with an underscore would hide its part.
        for text, part in zip(legend.get_texts(), named, strict=True):
            text.set(text=drawable(part), parse_math=False)
    return shown_inline(figure)
