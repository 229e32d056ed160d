"""BSS Eval version 4: the figures of the signal separation evaluation campaigns, at any length in bounded memory.

References
----------
E. Vincent, R. Gribonval, C. Févotte, "Performance measurement in blind audio source separation", TASLP 14(4), 2006.
F.-R. Stöter, A. Liutkus, N. Ito, "The 2018 signal separation evaluation campaign", LVA/ICA 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sepkit.evaluation.metric import Figure, Metric
from sepkit.evaluation.metrics.blocks import decibels, energies
from sepkit.evaluation.metrics.distortion_filters import Filters, delayed_blocks, distortion_filters
from sepkit.evaluation.stems import Stems
from sepkit.problem.run import Run

_TRANSFORM = 1 << 13
_FRAMES = "in frames that share their distortion filters"


class BSSEval(Metric):
    """BSS Eval v4: the figures are those of museval.

    An estimate may differ from the references by short filters, the least-squares ones over the whole signal. All
    is summed over blocks, exactly, so that memory grows neither with the length nor with that of the frames.

    Where museval gives up, this goes on: references that depend on each other get the smallest of all filters that fit
    equally well. A silent reference is left out with its estimate, and so is a silent estimate; their figures are NaN.
    As in museval, a frame in which any other reference or estimate is silent is NaN for all sources.
    """

    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("BSS-SDR", f"BSS Eval v4: source to distortion ratio, {_FRAMES}"),
        Figure("BSS-ISR", f"BSS Eval v4: image to spatial distortion ratio, {_FRAMES}"),
        Figure("BSS-SIR", f"BSS Eval v4: source to interference ratio, {_FRAMES}"),
        Figure("BSS-SAR", f"BSS Eval v4: source to artifacts ratio, {_FRAMES}"),
    )

    window_s: float = Field(1.0, gt=0)
    """Length of a frame, in s. A shorter signal is one frame."""
    hop_s: float = Field(1.0, gt=0)
    """From the start of a frame to that of the next, in s. What follows the last whole frame is not measured."""
    filter_length: int = Field(512, ge=1)
    """Length of the distortion filters, in samples; memory grows with its square."""

    @property
    def name(self) -> str:
        """As it is published."""
        return "bss-eval"

    def measure(self, references: Stems, estimates: Stems, run: Run) -> Mapping[str, NDArray[np.floating]]:
        window, hop = (max(1, round(duration_s * references.sample_rate)) for duration_s in (self.window_s, self.hop_s))
        window = min(window, references.length)
        starts = range(0, references.length - window + 1, hop)
        values = np.full((len(self.figures), len(references.names), len(starts)), np.nan)
        correlations, heard, measured = _correlations(references, estimates, self.filter_length, run)
        if measured.size:
            references = references.select(tuple(references.names[index] for index in heard))
            estimates = estimates.select(tuple(estimates.names[index] for index in measured))
            own = np.searchsorted(heard, measured)
            decomposition = _Decomposition(distortion_filters(correlations, references.channels, own), own)
            for step in run.steps(len(starts), "BSS Eval: frames"):
                start = starts[step]
                values[:, measured, step] = decomposition.ratios(references, estimates, start, start + window)
        return {figure.name: row for figure, row in zip(self.figures, values, strict=True)}


def _transform_length(lags: int) -> int:
    import scipy.fft

    length: int = scipy.fft.next_fast_len(max(_TRANSFORM, 4 * lags), real=True)
    return length


def _correlations(
    references: Stems, estimates: Stems, lags: int, run: Run
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """Inner products of delayed references with what they can be compared to.

    Returns
    -------
    correlations : ndarray [shape=(heard * channels, (heard + measured) * channels, lags)]
        Of references delayed by 0 to `lags` - 1 samples with references, then with estimates.
    heard, measured : ndarray
        Indices of the references that are not silent, and of these the ones whose estimates are not.
    """
    import scipy.fft

    transform = _transform_length(lags)
    length = transform - lags + 1
    sources, channels = len(references.names), references.channels
    spectra = np.zeros((sources * channels, 2 * sources * channels, transform // 2 + 1), complex)
    sounds = np.zeros(2 * sources, bool)
    # The signals end with their last sample: what the filters add behind it meets no estimate.
    blocks = delayed_blocks(references, estimates, 0, references.length, lags, length)
    for _ in run.steps(-(-references.length // length), "BSS Eval: correlations"):
        truth, guess = next(blocks)
        targets = np.concatenate([truth[:, :, lags - 1 :], guess])
        sounds |= targets.any(axis=(1, 2))
        conjugate = np.conj(scipy.fft.rfft(targets, transform)).reshape(spectra.shape[1:])
        delayed = scipy.fft.rfft(truth, transform).reshape(len(spectra), -1)
        for row, spectrum in zip(spectra, delayed, strict=True):
            row += spectrum * conjugate
    # The first sample that is transformed comes lags - 1 before the block, so the largest delay comes first.
    correlations = scipy.fft.irfft(spectra, transform)[..., lags - 1 :: -1]
    heard = np.flatnonzero(sounds[:sources])
    measured = np.flatnonzero(sounds[:sources] & sounds[sources:])
    kept = np.repeat(sounds, channels)
    kept[sources * channels :] &= np.repeat(sounds[:sources], channels)
    return correlations[np.ix_(kept[: sources * channels], kept)], heard, measured


class _Decomposition:
    """Splits frames of estimates into target, spatial distortion, interference and artifacts."""

    def __init__(self, filters: Filters, own: NDArray[np.intp]) -> None:
        import scipy.fft

        from_all, from_own = filters
        self._own, self._lags = own, from_own.shape[-1]
        self._transform = _transform_length(self._lags)
        # Interference is what the filters from all references give beyond those from the own one.
        beyond = from_all.copy()
        beyond[np.arange(len(own)), own] -= from_own
        self._of_own, self._beyond = (scipy.fft.rfft(part, self._transform) for part in (from_own, beyond))

    def ratios(self, references: Stems, estimates: Stems, start: int, stop: int) -> NDArray[np.float64]:
        """All figures of one frame [shape=(4, estimates)]; NaN if any reference or estimate is silent in it."""
        length = self._transform - self._lags + 1
        sums = np.zeros((7, len(self._own)))
        truth_sounds, guess_sounds = np.zeros(len(references.names), bool), np.zeros(len(self._own), bool)
        for truth, guess in delayed_blocks(references, estimates, start, stop, self._lags, length):
            own_target, interference = self._projections(truth)
            present = truth[:, :, self._lags - 1 :]
            truth_sounds |= present.any(axis=(1, 2))
            guess_sounds |= guess.any(axis=(1, 2))
            target = present[self._own]
            on_all = own_target + interference
            parts = (target, guess - target, own_target - target, own_target, interference, on_all, guess - on_all)
            sums += [energies(part) for part in parts]
        if not (truth_sounds.all() and guess_sounds.all()):
            return np.full((4, len(self._own)), np.nan)
        signal, error, spatial, own_target, interference, on_all, artifacts = sums
        return _safe_decibels(
            np.stack([signal, signal, own_target, on_all]), np.stack([error, spatial, interference, artifacts])
        )

    def _projections(self, truth: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Each estimate's own reference through its filters, and what those from all references give beyond that.

        Returns
        -------
        own_target, interference : ndarray [shape=(estimates, channels, samples)]
        """
        import scipy.fft

        spectra = scipy.fft.rfft(truth, self._transform)
        own_target = np.einsum("ecdf,ecf->edf", self._of_own, spectra[self._own])
        interference = np.einsum("escdf,scf->edf", self._beyond, spectra)
        # The first samples are those before the block, and hold what wraps around.
        samples = slice(self._lags - 1, truth.shape[2])
        own_target, interference = scipy.fft.irfft(np.stack([own_target, interference]), self._transform)[..., samples]
        return own_target, interference


def _safe_decibels(signal: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """As museval: infinite without noise, whatever the signal."""
    return np.where(noise > 0, decibels(signal, noise), np.inf)
