"""The spectral envelope that the pitches of one source share.

What an instrument does to a partial depends on its frequency more than on the note: body, bore and vocal tract are the
same for all pitches. Where partials of different sources meet, nothing in the mixture says what is whose; the envelope,
known from the partials that stand alone, does.

References
----------
Heittola, Klapuri and Virtanen, "Musical instrument recognition in polyphonic audio using source-filter model for sound
separation", ISMIR 2009.
Virtanen and Klapuri, "Analysis of polyphonic audio using source-filter model and non-negative matrix factorization",
NIPS workshop 2006.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sepkit.informed.harmonics import partial_lobes, partials_hz
from sepkit.music.pitch import midi_to_hz
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout

_WIDTH_OCTAVES = 0.15
"""Standard deviation of the kernel that makes an envelope smooth: two semitones."""
_STEPS = 24
"""Of the grid of an envelope, in each octave."""
_ROUNDS = 3
_LEAST = 1e-6
"""Beside a source's strongest partial: what is weaker counts as so strong."""
_MOST_CHANGE = 20.0
"""Factor by which one step changes a partial at most."""


@dataclass(frozen=True, eq=False)
class _Partials:
    """The partials of all pitches of one source.

    Attributes
    ----------
    elements : ndarray [shape=(elements,)]
        Places in the flattened templates.
    partial : ndarray [shape=(elements,)]
        The partial that each belongs to, numbered over all pitches.
    pitch : ndarray [shape=(partials,)]
        The pitch that each belongs to, numbered.
    place : ndarray [shape=(partials,)]
        Where on the envelope's grid each lies.
    kernel : ndarray [shape=(grid, grid)]
    """

    elements: NDArray[np.intp]
    partial: NDArray[np.intp]
    pitch: NDArray[np.intp]
    place: NDArray[np.float64]
    kernel: NDArray[np.float64]


class SharedEnvelopes:
    """Moves templates towards the envelopes of their sources.

    Parameters
    ----------
    layout : Layout
        With atoms and bins. Sources with one pitch, transients and atoms without a pitch are left as they are, as are
        pitches above all bins.
    weights : mapping of str to float
        The fraction of the way, in decibels, that each source's partials are moved; with 1 they come to lie on its
        envelope. Sources that are not named are left as they are.
    cents, inharmonicity : float
        Where partials lie; see `sepkit.informed.harmonics.partial_lobes`.
    """

    def __init__(self, layout: Layout, weights: Mapping[str, float], *, cents: float, inharmonicity: float) -> None:
        assert layout.atoms is not None
        columns: dict[str, list[int]] = {}
        for column, atom in enumerate(layout.atoms):
            if atom.source is not None and atom.pitch is not None and not atom.transient:
                columns.setdefault(atom.source, []).append(column)
        found = (
            (weights[source], _partials_of(layout, theirs, cents, inharmonicity))
            for source, theirs in columns.items()
            if weights.get(source, 0) > 0
        )
        self._sources = [(weight, partials) for weight, partials in found if partials is not None]

    def __bool__(self) -> bool:
        return bool(self._sources)

    def __call__(self, templates: NDArray[np.floating]) -> NDArray[np.floating]:
        """Templates whose partials lie nearer to their envelopes.

        Parameters
        ----------
        templates : ndarray [shape=(bins, atoms)]

        Returns
        -------
        templates : ndarray [shape=(bins, atoms)]
            A new array; zeros stay zero.
        """
        moved = np.array(templates, order="C")
        flat = moved.reshape(-1)
        for weight, partials in self._sources:
            strengths = _sums(partials.partial, flat[partials.elements], len(partials.pitch))
            if strengths.max() <= 0:
                continue
            change = weight * (shared_log_strengths(strengths, partials) - _log(strengths))
            factors = np.exp(np.clip(change, -np.log(_MOST_CHANGE), np.log(_MOST_CHANGE)))
            flat[partials.elements] *= factors[partials.partial].astype(moved.dtype)
        return moved


def shared_log_strengths(strengths: NDArray[np.float64], partials: _Partials) -> NDArray[np.float64]:
    """What the envelope and the loudness of each template say of the strengths, in nepers [shape=(partials,)].

    ``log a[p, m] = g[p] + e(f[p, m])``, fitted in turns: the loudness g by the strong partials, the envelope e smooth.
    """
    log, grid = _log(strengths), np.arange(len(partials.kernel))
    pitches = int(partials.pitch[-1]) + 1
    counts = _sums(partials.pitch, strengths, pitches) + np.finfo(np.float64).tiny
    below = np.minimum(partials.place.astype(np.intp), len(grid) - 2)
    share = partials.place - below

    def gathered(values: NDArray[np.float64]) -> NDArray[np.float64]:
        low, high = (
            np.bincount(below, (1 - share) * values, len(grid)),
            np.bincount(below + 1, share * values, len(grid)),
        )
        return partials.kernel @ (low + high)

    weights = gathered(np.ones(len(log)))
    envelope = np.zeros(len(log))
    for _ in range(_ROUNDS):
        loudness = (_sums(partials.pitch, strengths * (log - envelope), pitches) / counts)[partials.pitch]
        envelope = np.interp(partials.place, grid, gathered(log - loudness) / weights)
    said: NDArray[np.float64] = loudness + envelope
    return said


def _log(strengths: NDArray[np.float64]) -> NDArray[np.float64]:
    log: NDArray[np.float64] = np.log(np.maximum(strengths, _LEAST * strengths.max()))
    return log


def _sums(groups: NDArray[np.intp], values: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    """The sum of the values in each of so many groups."""
    return np.bincount(groups, values, count).astype(np.float64)


def _partials_of(layout: Layout, columns: list[int], cents: float, inharmonicity: float) -> _Partials | None:
    """Those of a source's atoms; None if fewer than two pitches have any."""
    assert layout.atoms is not None
    assert layout.bins_hz is not None
    _, atoms = layout.shape(Domain.TEMPLATES)
    elements: list[NDArray[np.intp]] = []
    partial: list[NDArray[np.intp]] = []
    pitch: list[NDArray[np.intp]] = []
    frequencies: list[NDArray[np.float64]] = []
    for column in columns:
        midi = layout.atoms[column].pitch
        assert midi is not None
        number, height = partial_lobes(layout.bins_hz, midi, cents=cents, inharmonicity=inharmonicity)
        within = np.flatnonzero(height > 0)
        if not len(within):
            continue
        numbers, which = np.unique(number[within], return_inverse=True)
        elements.append(within * atoms + column)
        partial.append(which + sum(len(theirs) for theirs in frequencies))
        pitch.append(np.full(len(numbers), len(pitch)))
        hz = partials_hz(float(midi_to_hz(midi)), float(layout.bins_hz[-1]), inharmonicity)
        frequencies.append(hz[numbers - 1])
    if len(pitch) < 2:
        return None
    octaves = np.log2(np.concatenate(frequencies))
    place = (octaves - octaves.min()) * _STEPS
    grid = np.arange(int(place.max()) + 2) / _STEPS
    kernel = np.exp(-0.5 * np.square((grid[:, np.newaxis] - grid) / _WIDTH_OCTAVES))
    return _Partials(np.concatenate(elements), np.concatenate(partial), np.concatenate(pitch), place, kernel)
