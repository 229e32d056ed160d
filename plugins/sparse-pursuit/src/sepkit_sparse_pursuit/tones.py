r"""The model of tones that all methods on dictionaries of harmonics share.

A tone of instrument :math:`i` with fundamental :math:`f_1` and inharmonicity :math:`b \ge 0` has partials at

.. math:: f_h = f_1 h \sqrt{1 + b h^2}, \qquad h = 1 \dots H,

of amplitudes :math:`a D_{ih}`, where :math:`D_{ih}` is the dictionary. Each shows in a magnitude spectrum as a Gaussian
of width :math:`\sigma`; on a `LogAxis` those of one instrument at all pitches are one pattern at different positions.
Phases are dropped and magnitudes added.

References
----------
Schulze and King, "Sparse pursuit and dictionary learning for blind source separation in polyphonic music recordings",
EURASIP Journal on Audio, Speech, and Music Processing, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sepkit import large
from sepkit_sparse_pursuit.log_axis import LogAxis

Array = NDArray[np.floating]

WIDTHS = (0.8, 1.5)
"""Fitted widths lie within these multiples of the nominal one."""


@dataclass(frozen=True, eq=False)
class Tones:
    """Tones in spectra, equally many places for them in each; places without a tone have amplitude 0.

    Attributes
    ----------
    amplitude : ndarray [shape=(spectra, tones)]
        Of the pattern as a whole, from 0.
    position : ndarray [shape=(spectra, tones)]
        Of the fundamental, were there no inharmonicity, in bins of the axis.
    width : ndarray [shape=(spectra, tones)]
        Standard deviation of the Gaussians, in bins.
    inharmonicity : ndarray [shape=(spectra, tones)]
        b, from 0.
    instrument : ndarray of int [shape=(spectra, tones)]
        Row of the dictionary.
    """

    amplitude: Array
    position: Array
    width: Array
    inharmonicity: Array
    instrument: NDArray[np.intp]

    @classmethod
    def none(cls, spectra: int, dtype: DTypeLike) -> Tones:
        """No tones in so many spectra."""
        empty = np.zeros((spectra, 0), dtype)
        return cls(empty, empty, empty, empty, np.zeros((spectra, 0), np.intp))

    @classmethod
    def room(cls, shape: tuple[int, ...], dtype: DTypeLike) -> Tones:
        """For so many spectra and tones, which are still to be put there, and may be more than memory holds."""
        return cls(*(large.empty(shape, np.intp if one.name == "instrument" else dtype) for one in fields(cls)))

    def put(self, spectra: slice, tones: Tones) -> None:
        """Let `tones` be those of some of the spectra, in place."""
        for field in fields(self):
            getattr(self, field.name)[spectra] = getattr(tones, field.name)

    def __getitem__(self, spectra: object) -> Tones:
        """Those of some of the spectra."""
        return Tones(*(getattr(self, field.name)[spectra] for field in fields(self)))

    def with_spectra(self, spectra: object, tones: Tones) -> Tones:
        """These, with `tones` in place of those of some of the spectra; missing places are made."""
        places = max(self.amplitude.shape[1], tones.amplitude.shape[1])
        whole, part = self.padded(places), tones.padded(places)
        for field in fields(self):
            getattr(whole, field.name)[spectra] = getattr(part, field.name)
        return whole

    def padded(self, places: int) -> Tones:
        """A copy with so many places in each spectrum, which are not less than now."""
        missing = ((0, 0), (0, places - self.amplitude.shape[1]))
        # Nothing is divided by the width of a tone that is not there.
        filled = {"width": 1}
        return Tones(
            *(np.pad(getattr(self, f.name), missing, constant_values=filled.get(f.name, 0)) for f in fields(self))
        )

    def joined(self, more: Tones) -> Tones:
        """These and `more` in the same spectra."""
        return Tones(*(np.hstack([getattr(self, field.name), getattr(more, field.name)]) for field in fields(self)))

    @classmethod
    def concatenated(cls, parts: list[Tones]) -> Tones:
        """Those of several lots of spectra, one after the other."""
        places = max(part.amplitude.shape[1] for part in parts)
        ends = np.cumsum([len(part.amplitude) for part in parts]).tolist()
        whole = cls.room((ends[-1], places), np.result_type(*(part.amplitude for part in parts)))
        for part, end in zip(parts, ends, strict=True):
            whole.put(slice(end - len(part.amplitude), end), part.padded(places))
        return whole

    def count(self, instruments: int) -> NDArray[np.intp]:
        """How many tones each instrument has in each spectrum [shape=(spectra, instruments)]."""
        sounding = (self.amplitude > 0)[..., np.newaxis]
        counts: NDArray[np.intp] = (sounding & (self.instrument[..., np.newaxis] == np.arange(instruments))).sum(axis=1)
        return counts

    def loudest(self, most: int) -> Tones:
        """At most so many of each instrument in each spectrum, the loudest, and no places without any tone."""
        order = np.argsort(-self.amplitude, axis=1, kind="stable")
        by_loudness = Tones(*(np.take_along_axis(getattr(self, field.name), order, axis=1) for field in fields(self)))
        same = by_loudness.instrument[:, :, np.newaxis] == by_loudness.instrument[:, np.newaxis, :]
        louder = np.tril(same, -1).sum(axis=2)
        amplitude = np.where(louder < most, by_loudness.amplitude, 0)
        kept = replace(by_loudness, amplitude=amplitude)
        front = np.argsort(amplitude == 0, axis=1, kind="stable")[:, : int((amplitude > 0).sum(axis=1).max(initial=0))]
        return Tones(*(np.take_along_axis(getattr(kept, field.name), front, axis=1) for field in fields(kept)))


def overtone_offsets(axis: LogAxis, harmonics: int, inharmonicity: Array) -> tuple[Array, Array]:
    """How far above the position of a tone its partials lie on a logarithmic axis.

    Parameters
    ----------
    axis : LogAxis
    harmonics : int
        H.
    inharmonicity : ndarray [shape=(...)]

    Returns
    -------
    offsets : ndarray [shape=(..., H)]
        In bins: S (ln h + ln(1 + b h²) / 2), where S is ``axis.bins_per_e``.
    slopes : ndarray [shape=(..., H)]
        Their derivatives with respect to b.
    """
    h = np.arange(1, harmonics + 1, dtype=inharmonicity.dtype)
    stretched = 1 + inharmonicity[..., np.newaxis] * h**2
    scale = h.dtype.type(axis.bins_per_e)
    return scale * (np.log(h) + np.log(stretched) / 2), scale * h**2 / (2 * stretched)


@dataclass(frozen=True, eq=False)
class Partials:
    """The Gaussians of all partials around their centres, of height 1, and where on the axis they lie.

    Attributes
    ----------
    distance : ndarray [shape=(spectra, tones, harmonics, around)]
        From the centre, in bins.
    height : ndarray [shape=(spectra, tones, harmonics, around)]
        The Gaussian at that distance.
    slopes : ndarray [shape=(spectra, tones, harmonics)]
        How the centres move with the inharmonicity.
    place : ndarray of int [shape=(spectra, tones, harmonics, around)]
        The bin, counted from `margin` bins before the axis: those of partials beyond it lie in the margins.
    margin, bins : int
        Of the axis.
    """

    distance: Array
    height: Array
    slopes: Array
    place: NDArray[np.intp]
    margin: int
    bins: int

    @classmethod
    def of(cls, axis: LogAxis, tones: Tones, harmonics: int, reach: int) -> Partials:
        """Those of `tones` on a logarithmic axis, followed `reach` bins to both sides."""
        offsets, slopes = overtone_offsets(axis, harmonics, tones.inharmonicity)
        return cls.around(tones.position[..., np.newaxis] + offsets, tones.width, slopes, axis.bins, reach)

    @classmethod
    def around(cls, centre: Array, width: Array, slopes: Array, bins: int, reach: int) -> Partials:
        """Those with given centres [shape=(spectra, tones, harmonics)] and widths [shape=(spectra, tones)]."""
        nearest = np.rint(np.clip(centre, -reach - 1, bins + reach))
        steps = np.arange(-reach, reach + 1, dtype=centre.dtype)
        distance = steps + (nearest - centre)[..., np.newaxis]
        height = np.exp(distance**2 * (-0.5 / width[..., np.newaxis, np.newaxis] ** 2))
        margin = 2 * reach + 1
        place = nearest.astype(np.intp)[..., np.newaxis] + (steps.astype(np.intp) + margin)
        return cls(distance, height, slopes, place, margin, bins)

    def spread(self, values: Array) -> Array:
        """Sum values at the Gaussians' bins over the partials of every tone [shape=(spectra, tones, bins)]."""
        spectra, tones = self.place.shape[:2]
        padded = self.bins + 2 * self.margin
        rows = np.arange(spectra * tones, dtype=np.intp).reshape(spectra, tones, 1, 1) * padded
        sums = np.bincount((self.place + rows).ravel(), values.ravel(), minlength=spectra * tones * padded)
        inside = sums.reshape(spectra, tones, padded)[..., self.margin : self.margin + self.bins]
        return inside.astype(values.dtype)

    def gathered(self, spectra: Array) -> Array:
        """Values of spectra [shape=(spectra, bins)] where the Gaussians are [shape as `place`]."""
        padded = np.pad(spectra, ((0, 0), (self.margin, self.margin)))
        row = np.arange(len(spectra)).reshape(-1, 1, 1, 1)
        return padded[row, self.place]


def patterns(partials: Partials, weights: Array) -> Array:
    """The pattern of every tone at amplitude 1.

    Parameters
    ----------
    partials : Partials
    weights : ndarray [shape=(spectra, tones, harmonics)]
        The dictionary's row of every tone.

    Returns
    -------
    patterns : ndarray [shape=(spectra, tones, bins)]
    """
    return partials.spread(weights[..., np.newaxis] * partials.height)


def pattern_derivatives(partials: Partials, weights: Array, width: Array) -> tuple[Array, Array, Array]:
    """Derivatives of `patterns` with respect to position, width and inharmonicity [shape=(spectra, tones, bins)]."""
    sigma = width[..., np.newaxis, np.newaxis]
    by_position = weights[..., np.newaxis] * partials.height * partials.distance / sigma**2
    by_width = by_position * partials.distance / sigma
    by_inharmonicity = by_position * partials.slopes[..., np.newaxis]
    return partials.spread(by_position), partials.spread(by_width), partials.spread(by_inharmonicity)


def reach_of(width: float) -> int:
    """How many bins a Gaussian of that width is followed: beyond, it is below 2e-4 of its height."""
    return int(np.ceil(4.2 * width))
