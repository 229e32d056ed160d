"""The multichannel Wiener filter, with covariances that are found by expectation-maximisation.

In every bin source j is Gaussian, with covariance ``v_j(f, t) R_j(f)`` across the channels: its power over time, and
where it comes from, which is taken to stay as it is throughout the recording. So nothing changes between blocks, and
memory does not grow with length: every round is another pass over the recording.

References
----------
Nugraha, Liutkus and Vincent, "Multichannel audio source separation with deep neural networks", IEEE/ACM TASLP 24(9),
2016.
Duong, Vincent and Gribonval, "Under-determined reverberant audio source separation using a full-rank spatial covariance
model", IEEE TASLP 18(7), 2010.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.problem.run import Run
from sepkit.spectral import STFT

Spectrum = NDArray[np.complexfloating]
Masked = Callable[[slice], Spectrum]
Covariances = NDArray[np.complexfloating]
"""Of the targets and the rest, for every bin [shape=(targets + 1, bins, channels, channels)]."""

_LEAST_SPREAD = 1e-6
"""Share of every source's power that is taken to come equally from all channels: covariances can then be inverted."""
_LEAST_POWER = 1e-10
"""Share of the mixture's power in a bin that every source has at least."""


def learn_covariances(
    masked: Callable[[], Masked], stft: STFT, samples: NDArray[np.float32], targets: int, rounds: int, run: Run
) -> list[Covariances]:
    """Maximise the likelihood of where the sources come from, given the estimates so far; one result a round.

    Parameters
    ----------
    masked : callable
        Starts a pass over the recording, which gives for its blocks the targets' first estimates [shape=(targets,
        channels, bins, frames)].
    stft : STFT
    samples : ndarray [shape=(channels, samples)]
    targets, rounds : int
    run : Run
    """
    channels, length = samples.shape
    blocks = list(stft.blocks(length, copies=(targets + 1) * channels))
    found: list[Covariances] = []
    for number in range(rounds):
        first = masked()
        correlation: Any = 0.0
        power: Any = 0.0
        for index in run.steps(len(blocks), f"find directions, round {number + 1}"):
            y = refined(first(blocks[index]), stft.forward(samples, blocks[index]), found)
            vectors = np.moveaxis(y, 1, 2).astype(np.complex128)
            correlation = correlation + vectors @ vectors.conj().swapaxes(-1, -2)
            power = power + powers(y).sum(axis=-1)
        found.append(_regular(correlation, power))
    return found


def estimates(
    first: Masked, stft: STFT, samples: NDArray[np.float32], covariances: Sequence[Covariances], block: slice
) -> Spectrum:
    """The targets after all rounds [shape=(targets, channels, bins, frames)]."""
    return refined(first(block), stft.forward(samples, block), covariances)[:-1]


def refined(first: Spectrum, mixture: Spectrum, covariances: Sequence[Covariances]) -> Spectrum:
    """The targets and the rest, filtered anew with the covariances of every round.

    Parameters
    ----------
    first : ndarray [shape=(targets, channels, bins, frames)]
    mixture : ndarray [shape=(channels, bins, frames)]
    covariances : sequence of ndarray
    """
    y = np.concatenate([first, (mixture - first.sum(axis=0))[np.newaxis]])
    for R in covariances:
        y = wiener(powers(y), R, mixture)
    return y


def powers(y: Spectrum) -> NDArray[np.float64]:
    """Mean power over the channels [shape=(sources, bins, frames)]."""
    power: NDArray[np.float64] = np.square(np.abs(y), dtype=np.float64).mean(axis=1)
    return power


def wiener(v: NDArray[np.float64], R: Covariances, mixture: Spectrum) -> Spectrum:
    """The mean of every source given the mixture, ``v_j R_j (sum_k v_k R_k)^-1 x``.

    Parameters
    ----------
    v : ndarray [shape=(sources, bins, frames)]
    R : ndarray [shape=(sources, bins, channels, channels)]
    mixture : ndarray [shape=(channels, bins, frames)]
    """
    # Only the ratio of the powers matters, which cannot under- or overflow.
    total = v.sum(axis=0)
    shares = np.where(total > 0, v / np.where(total > 0, total, 1), 1 / len(v)) + _LEAST_POWER
    covariance = np.einsum("jft,jfcd->ftcd", shares, R)
    whitened = np.linalg.solve(covariance, np.moveaxis(mixture, 0, -1)[..., np.newaxis])[..., 0]
    filtered: Spectrum = shares[:, np.newaxis] * np.einsum("jfcd,ftd->jcft", R, whitened)
    return filtered.astype(mixture.dtype)


def _regular(correlation: Covariances, power: NDArray[np.float64]) -> Covariances:
    """Covariances of unit power that can be inverted; a source that is silent comes equally from everywhere."""
    everywhere = np.eye(correlation.shape[-1])
    power = power[..., np.newaxis, np.newaxis]
    known: Covariances = np.where(power > 0, correlation / np.where(power > 0, power, 1), everywhere)
    regular: Covariances = (known + _LEAST_SPREAD * everywhere) / (1 + _LEAST_SPREAD)
    return regular
