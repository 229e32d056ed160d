"""Notes from activations: when which pitch of which source sounds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sepkit.music.note import Note
from sepkit.music.score import Score
from sepkit.problem.layout import Layout

_FAINTEST = 10 ** (-30 / 20)
_LONGEST_GAP_S = 0.08
_SHORTEST_S = 0.08


def found_notes(layout: Layout, activations: NDArray[np.floating]) -> Score:
    """The notes that activations of atoms with pitches tell of, one part a source.

    A note lasts while its activation is within 30 dB of the loudest of its source. Gaps of up to 80 ms are closed, and
    what is shorter than that is left out. Velocities go with the root of the activation.

    Parameters
    ----------
    layout : Layout
        With atoms and frames. Atoms without a pitch are left out; several of one source and pitch are one.
    activations : ndarray [shape=(atoms, frames)]

    Returns
    -------
    score : Score
    """
    assert layout.atoms is not None
    assert layout.frames_s is not None
    rolls: dict[tuple[str, float], NDArray[np.floating]] = {}
    for atom, row in zip(layout.atoms, activations, strict=True):
        if atom.pitch is not None:
            key = (atom.source or "", atom.pitch)
            rolls[key] = rolls[key] + row if key in rolls else row
    loudest = {source: max(row.max() for (of, _), row in rolls.items() if of == source) for source, _ in rolls}
    notes = []
    for (source, pitch), row in rolls.items():
        for first, last in _runs(row > _FAINTEST * loudest[source], layout.frames_s):
            onset_s, offset_s = (max(0.0, float(layout.frames_s[frame])) for frame in (first, last))
            if offset_s - onset_s >= _SHORTEST_S:
                velocity = 127 * np.sqrt(row[first:last].max() / loudest[source])
                notes.append(Note(onset_s, offset_s, pitch, max(1, round(float(velocity))), source))
    return Score(tuple(notes))


def _runs(sounds: NDArray[np.bool_], frames_s: NDArray[np.floating]) -> Iterator[tuple[int, int]]:
    """First and last frames of what sounds, but for short gaps."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], sounds, [False]]).astype(np.int8)))
    starts, ends = edges[::2], np.minimum(edges[1::2], len(sounds) - 1)
    if not len(starts):
        return
    apart = np.flatnonzero(frames_s[starts[1:]] - frames_s[ends[:-1]] > _LONGEST_GAP_S)
    yield from zip(starts[np.r_[0, apart + 1]].tolist(), ends[np.r_[apart, len(ends) - 1]].tolist(), strict=True)
