"""From tones to stems: what they look like in linear spectra, and what share of the mixture each instrument has."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from sepkit.spectral import soft_masks
from sepkit_sparse_pursuit.tones import Array, Partials, Tones, patterns
from sepkit_sparse_pursuit.transform import Transform

_REACH = 13
"""Widths to which the Gaussian of a partial is followed: the last magnitudes that float32 tells from 0."""


def linear_magnitudes(transform: Transform, tones: Tones, dictionary: Array) -> Array:
    """What each instrument's tones look like in linear spectra.

    Parameters
    ----------
    transform : Transform
    tones : Tones
    dictionary : ndarray [shape=(instruments, harmonics)]

    Returns
    -------
    magnitudes : ndarray [shape=(instruments, bins, spectra)]
    """
    bins = transform.stft.bins
    bin_hz = transform.sample_rate / transform.stft.window_length
    h = np.arange(1, dictionary.shape[1] + 1)
    stretched = h * np.sqrt(1 + tones.inharmonicity[..., np.newaxis] * h**2)
    centre = transform.axis.hz(tones.position)[..., np.newaxis] * stretched / bin_hz
    partials = Partials.around(
        centre.astype(np.float32), tones.width, np.zeros_like(centre), bins, int(np.ceil(_REACH * transform.width))
    )
    by_tone = tones.amplitude[..., np.newaxis] * patterns(partials, dictionary[tones.instrument])
    magnitudes = np.zeros((len(dictionary), len(by_tone), bins), np.float32)
    for instrument in range(len(dictionary)):
        np.einsum("st,stb->sb", tones.instrument == instrument, by_tone, out=magnitudes[instrument])
    return magnitudes.swapaxes(1, 2)


def share_mixture(
    transform: Transform,
    samples: NDArray[np.float32],
    tones: Tones,
    dictionary: Array,
    steps: Callable[[int], Iterator[int]],
) -> NDArray[np.floating]:
    """Stems [shape=(instruments, samples)]: the mixture, shared among the instruments in proportion to their tones."""

    def masks(block: slice) -> NDArray[np.floating]:
        return soft_masks(linear_magnitudes(transform, tones[block], dictionary))

    return transform.stft.filter(samples, masks, len(dictionary), steps=steps)


def draw_tones(
    transform: Transform,
    samples: NDArray[np.float32],
    tones: Tones,
    dictionary: Array,
    scale: float,
    steps: Callable[[int], Iterator[int]],
) -> NDArray[np.floating]:
    """Stems [shape=(instruments, samples)]: the tones themselves, `scale` times as loud, with the mixture's phases."""

    def spectra(block: slice) -> NDArray[np.complexfloating]:
        mixture = transform.stft.forward(samples, block)
        phases = np.exp(1j * np.angle(mixture)).astype(mixture.dtype)
        drawn: NDArray[np.complexfloating] = scale * linear_magnitudes(transform, tones[block], dictionary) * phases
        return drawn

    return transform.stft.synthesize(spectra, (len(dictionary), len(samples)), steps=steps)
