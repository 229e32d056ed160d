"""Pictures of alignments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sepkit.alignment.features import PITCHES, SALIENCE_HZ
from sepkit.music.note import Note
from sepkit.plots.canvas import MOST_COLUMNS, require_figure_type, shown_inline, time_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_alignment(
    notes: Sequence[Note],
    *,
    path_s: NDArray[np.float64],
    shifts_s: NDArray[np.float64],
    salience: NDArray[np.float32],
) -> Figure:
    """Draw the notes over what sounds, the warping path, and by how much each note moved.

    Parameters
    ----------
    notes : sequence of Note
        Where the recording plays them.
    path_s : ndarray [shape=(2, points)]
        Seconds of the score and seconds of the recording.
    shifts_s : ndarray [shape=(notes,)]
        By how much the onset of each note moved.
    salience : ndarray [shape=(frames, pitches)]
        How far each pitch stands out of the recording; any number of frames.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Notebooks show it inline.

    Raises
    ------
    SepkitError
        If matplotlib is not installed.
    """
    figure = require_figure_type()(figsize=(11, 8), layout="constrained")
    pictured, path, shifts = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 1))
    end_s = len(salience) / SALIENCE_HZ
    unit, seconds = time_unit(end_s)
    columns = np.linspace(0, len(salience) - 1, min(len(salience), MOST_COLUMNS)).astype(int)
    extent = (0, end_s / seconds, PITCHES[0] - 0.5, PITCHES[-1] + 0.5)
    pictured.imshow(salience[columns].T, origin="lower", aspect="auto", extent=extent, cmap="gray_r", rasterized=True)
    onsets, offsets = np.array([(note.onset_s, note.offset_s) for note in notes]).T / seconds
    pictured.hlines([note.pitch for note in notes], onsets, offsets, color="C1", linewidth=2)
    pictured.set(ylabel="MIDI pitch", title="notes of the score over the pitches of the recording")
    pictured.set_ylim(min(note.pitch for note in notes) - 5, max(note.pitch for note in notes) + 15)
    path.plot(path_s[1] / seconds, path_s[0] / seconds)
    path.set(ylabel=f"{unit} of the score", title="path")
    shifts.plot(onsets, shifts_s, ".", markersize=3)
    shifts.set(ylabel="seconds", title="by how much each onset moved", xlabel=f"{unit} of the recording")
    shifts.set_xlim(0, end_s / seconds)
    for axis in (path, shifts):
        axis.grid(alpha=0.3)
    return shown_inline(figure)
