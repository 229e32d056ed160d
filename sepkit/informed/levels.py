"""The level that the notes of one source share.

Where two sources play the same pitch at once, or an octave, the mixture hardly tells which of them is the louder: any
share explains it, and one of them may get nothing. A player's notes are about as loud as each other, and those that
stand alone tell how loud.

References
----------
Ewert and Müller, "Estimating note intensities in music recordings", ICASSP 2011 (levels of notes from a score).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.music.note import Note
from sepkit.problem.layout import Layout

_LEAST = 0.03
"""Beside the loudest note of a source: what is weaker does not sound, and tells nothing of the others."""


@dataclass(frozen=True, eq=False)
class _Notes:
    """The notes of one atom, which follow each other.

    Attributes
    ----------
    atom : int
    sounding : ndarray [shape=(2 * notes,)]
        First frame of a note and the one behind its last, note by note.
    owned : ndarray [shape=(notes,)]
        To how many frames each is the nearest; these are all frames.
    """

    atom: int
    sounding: NDArray[np.intp]
    owned: NDArray[np.intp]

    @property
    def durations(self) -> NDArray[np.intp]:
        """In frames [shape=(notes,)]."""
        return self.sounding[1::2] - self.sounding[::2]


class SharedLevels:
    """Moves the notes of every source towards the mean of their levels.

    The level of a note is its mean activation while it sounds, times what its template sums to.

    Parameters
    ----------
    layout : Layout
        With a score, atoms and frames. Sources with one note, transients and atoms without a pitch are left as they
        are, and so are notes that do not sound.
    weights : mapping of str to float
        The fraction of the way, in decibels, that each source's notes are moved; with 1 all have the same level.
        Sources that are not named are left as they are.
    """

    def __init__(self, layout: Layout, weights: Mapping[str, float]) -> None:
        assert layout.atoms is not None
        assert layout.frames_s is not None
        assert layout.side_information.score is not None
        score, self._sources = layout.side_information.score, []
        for source in score.parts:
            weight, theirs = weights.get(source, 0.0), score.part(source).notes
            if weight == 0:
                continue
            found = [
                _notes_of(index, [note for note in theirs if note.pitch == atom.pitch], layout.frames_s)
                for index, atom in enumerate(layout.atoms)
                if atom.source == source and atom.pitch is not None and not atom.transient
            ]
            if sum(len(notes.owned) for notes in found) > 1:
                self._sources.append((weight, [notes for notes in found if len(notes.owned)]))

    def __bool__(self) -> bool:
        return bool(self._sources)

    def __call__(self, activations: NDArray[np.floating], sums: NDArray[np.floating]) -> NDArray[np.floating]:
        """Activations whose notes lie nearer to the level of their source.

        Parameters
        ----------
        activations : ndarray [shape=(atoms, frames)]
        sums : ndarray [shape=(atoms,)]
            Of the templates.

        Returns
        -------
        activations : ndarray [shape=(atoms, frames)]
            A new array; zeros stay zero.
        """
        moved = large.copied(activations)
        for weight, atoms in self._sources:
            levels = [sums[notes.atom] * _means(activations[notes.atom], notes) for notes in atoms]
            every, durations = np.concatenate(levels), np.concatenate([notes.durations for notes in atoms])
            least = _LEAST * every.max()
            if least <= 0:
                continue
            level = np.average(every, weights=durations * (every > least))
            for notes, theirs in zip(atoms, levels, strict=True):
                factors = np.where(theirs > least, level / np.maximum(theirs, least), 1.0) ** weight
                moved[notes.atom] *= np.repeat(factors.astype(moved.dtype), notes.owned)
        return moved


def _notes_of(atom: int, notes: Sequence[Note], frames_s: NDArray[np.floating]) -> _Notes:
    """Those that sound in any frame; what overlaps is one note."""
    spans: list[list[int]] = []
    for note in sorted(notes, key=lambda note: note.onset_s):
        first, end = np.searchsorted(frames_s, (note.onset_s, note.offset_s))
        if spans and first < spans[-1][1]:
            spans[-1][1] = max(spans[-1][1], int(end))
        elif first < end:
            spans.append([int(first), int(end)])
    sounding = np.array(spans, np.intp).reshape(-1)
    between = (sounding[1:-1:2] + sounding[2::2]) // 2
    owned = np.diff(np.concatenate([[0], between, [len(frames_s)]])) if spans else np.zeros(0, np.intp)
    return _Notes(atom, sounding, owned)


def _means(activation: NDArray[np.floating], notes: _Notes) -> NDArray[np.float64]:
    """Mean of an activation over the frames of each note."""
    # The sum behind the last index goes to the end anyway, and one that is the end itself is refused.
    edges = notes.sounding[:-1] if notes.sounding[-1] == len(activation) else notes.sounding
    sums: NDArray[np.float64] = np.add.reduceat(activation, edges, dtype=np.float64)[::2] / notes.durations
    return sums
