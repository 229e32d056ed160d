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
from sepkit.evaluation.metrics.blocks import paired_blocks
from sepkit.evaluation.stems import Stems
from sepkit.solving.run import Run

_TRANSFORM = 1 << 16
_FRAMES = "in frames that share their distortion filters"


class BSSEval(Metric):
    """BSS Eval v4, equal to museval's, whose decomposition of frames it calls.

    An estimate may differ from the references by short filters, the least-squares ones over the whole signal. museval
    correlates whole signals to find them; here the correlations are summed over blocks, exactly, and memory does not
    grow with the length.

    Where museval gives up, this goes on: references that depend on each other get the smallest of all filters that fit
    equally well. A silent reference is left out with its estimate, and so is a silent estimate; their figures are NaN.
    As in museval, a frame in which any other reference or estimate is silent is NaN for all sources.
    """

    library: ClassVar[str] = "museval"
    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("BSS-SDR", f"BSS Eval v4: source to distortion ratio, {_FRAMES}"),
        Figure("BSS-ISR", f"BSS Eval v4: image to spatial distortion ratio, {_FRAMES}"),
        Figure("BSS-SIR", f"BSS Eval v4: source to interference ratio, {_FRAMES}"),
        Figure("BSS-SAR", f"BSS Eval v4: source to artifacts ratio, {_FRAMES}"),
    )

    window_s: float = Field(1.0, gt=0)
    """Length of a frame, in s; memory grows with it. A shorter signal is one frame."""
    hop_s: float = Field(1.0, gt=0)
    """From the start of a frame to that of the next, in s. What follows the last whole frame is not measured."""
    filter_length: int = Field(512, ge=1)
    """Length of the distortion filters, in samples."""

    @property
    def name(self) -> str:
        """As it is published."""
        return "bss-eval"

    def measure(self, references: Stems, estimates: Stems, run: Run) -> Mapping[str, NDArray[np.floating]]:
        from museval.metrics import Framing

        window, hop = (max(1, round(duration_s * references.sample_rate)) for duration_s in (self.window_s, self.hop_s))
        frames = list(Framing(window, hop, references.length))
        values = np.full((len(self.figures), len(references.names), len(frames)), np.nan)
        heard, measured = _not_silent(references, estimates, run)
        if measured.size:
            references = references.select(tuple(references.names[index] for index in heard))
            estimates = estimates.select(tuple(estimates.names[index] for index in measured))
            own = np.searchsorted(heard, measured)
            correlations = _correlations(references, estimates, self.filter_length, run)
            filters = _distortion_filters(correlations, references.channels, own)
            for step in run.steps(len(frames), "BSS Eval: frames"):
                start, stop = frames[step].start, frames[step].stop
                ratios = _ratios(references.read(start, stop), estimates.read(start, stop), filters, own)
                values[:, measured, step] = ratios
        return {figure.name: row for figure, row in zip(self.figures, values, strict=True)}


def _not_silent(references: Stems, estimates: Stems, run: Run) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which references are not silent, and of these which estimates."""
    heard, answered = np.zeros((2, len(references.names)), bool)
    for truth, guess in paired_blocks(references, estimates, run, "BSS Eval: silence"):
        heard |= truth.any(axis=(1, 2))
        answered |= guess.any(axis=(1, 2))
    return np.flatnonzero(heard), np.flatnonzero(heard & answered)


def _correlations(references: Stems, estimates: Stems, lags: int, run: Run) -> NDArray[np.float64]:
    """Inner products of references delayed by 0 to `lags` - 1 samples with references, then with estimates.

    Returns
    -------
    correlations : ndarray [shape=(sources * channels, sources * channels + estimates * channels, lags)]
    """
    import scipy.fft

    sources = len(references.names)
    delayed, targets = (references.channels * count for count in (sources, sources + len(estimates.names)))
    transform = scipy.fft.next_fast_len(max(_TRANSFORM, 4 * lags), real=True)
    spectra = np.zeros((delayed, targets, transform // 2 + 1), complex)
    past = np.zeros((delayed, lags - 1))
    length = transform - lags + 1
    for truth, guess in paired_blocks(references, estimates, run, "BSS Eval: correlations", length):
        present = truth.reshape(delayed, -1)
        extended = np.hstack([past, present])
        past = extended[:, present.shape[1] :]
        conjugate = np.conj(scipy.fft.rfft(np.vstack([present, guess.reshape(-1, present.shape[1])]), transform))
        for products, spectrum in zip(spectra, scipy.fft.rfft(extended, transform), strict=True):
            products += spectrum * conjugate
    # The first sample that is transformed comes lags - 1 before the block, so the largest delay comes first.
    correlations: NDArray[np.float64] = scipy.fft.irfft(spectra, transform)[..., lags - 1 :: -1]
    return correlations


def _distortion_filters(
    correlations: NDArray[np.float64], channels: int, own: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The filters that bring all references together nearest to each estimate, and its own reference alone.

    Returns
    -------
    from_all : ndarray [shape=(estimates, sources, channels, lags, channels)]
    from_own : ndarray [shape=(estimates, channels, lags, channels)]
    """
    delayed, _, lags = correlations.shape
    gram, cross = _normal_equations(correlations)
    from_all = _least_squares(gram, cross).reshape(delayed // channels, channels, lags, len(own), channels)
    size = channels * lags
    from_own = np.empty((len(own), channels, lags, channels))
    for estimate, source in enumerate(own):
        rows = slice(source * size, (source + 1) * size)
        columns = slice(estimate * channels, (estimate + 1) * channels)
        from_own[estimate] = _least_squares(gram[rows, rows], cross[rows, columns]).reshape(channels, lags, channels)
    return np.moveaxis(from_all, 3, 0), from_own


def _normal_equations(correlations: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inner products of all delayed references with each other, and with the estimates.

    Returns
    -------
    gram : ndarray [shape=(sources * channels * lags, sources * channels * lags)]
    cross : ndarray [shape=(sources * channels * lags, estimates * channels)]
    """
    import scipy.linalg

    delayed, _, lags = correlations.shape
    gram = np.empty((delayed, lags, delayed, lags))
    for row, column in np.ndindex(delayed, delayed):
        gram[row, :, column] = scipy.linalg.toeplitz(correlations[row, column], correlations[column, row])
    cross = np.moveaxis(correlations[:, delayed:], 1, 2)
    return gram.reshape(delayed * lags, -1), cross.reshape(delayed * lags, -1)


def _least_squares(gram: NDArray[np.float64], cross: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve the normal equations; where double precision leaves the solution open, by the smallest of all."""
    from scipy.linalg import lapack

    energies = np.diag(gram)
    # As if all channels were equally loud, or a quiet one would be taken for one that depends on the others.
    norms = np.sqrt(np.where(energies > 0, energies, 1))[:, np.newaxis]
    gram, cross = gram / norms / norms.T, cross / norms
    factors, pivots, is_singular = lapack.dgetrf(gram)
    if is_singular or lapack.dgecon(factors, np.linalg.norm(gram, 1))[0] < np.finfo(float).eps:
        return _smallest_solution(gram, cross) / norms
    solution: NDArray[np.float64] = lapack.dgetrs(factors, pivots, cross)[0] / norms
    return solution


def _smallest_solution(gram: NDArray[np.float64], cross: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve singular equations by Tikhonov's regularisation, many times faster than by singular values."""
    import scipy.linalg

    weight = 10 * np.finfo(float).eps * np.linalg.norm(gram, 1)
    factors = scipy.linalg.cho_factor(gram + weight * np.eye(len(gram)))
    solution = np.zeros_like(cross)
    # The first pass is biased; the others take away from the bias all that the equations determine.
    for _ in range(4):
        solution += scipy.linalg.cho_solve(factors, cross - gram @ solution)
    return solution


def _ratios(
    truth: NDArray[np.float64],
    guess: NDArray[np.float64],
    filters: tuple[NDArray[np.float64], NDArray[np.float64]],
    own: NDArray[np.intp],
) -> NDArray[np.float64]:
    """All figures of one frame [shape=(4, estimates)]."""
    from museval.metrics import _bss_crit, _bss_decomp_mtifilt

    if not (truth.any(axis=(1, 2)).all() and guess.any(axis=(1, 2)).all()):
        return np.full((4, len(own)), np.nan)
    truth, guess = np.swapaxes(truth, 1, 2), np.swapaxes(guess, 1, 2)
    with np.errstate(divide="ignore"):
        parts = map(_bss_decomp_mtifilt, [truth] * len(own), guess, own, *filters)
        return np.array([_bss_crit(*part, bsseval_sources_version=False) for part in parts]).T
