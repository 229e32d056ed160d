r"""Beurling LASSO for sources that are patterns convolved with measures, solved in the space of the sources.

Sources are :math:`v_j = \varphi_j * \mu_j` with measures :math:`\mu_j` on the line: spikes anywhere, not on a grid.
Wanted is

.. math:: \min_\mu \tfrac12 \|\textstyle\sum_j \varphi_j * \mu_j - Y\|^2 + \alpha \sum_j \|\mu_j\|_{TV}.

With :math:`R_j(v) = \inf\{\|\mu\|_{TV} : \varphi_j * \mu = v\}` it becomes a problem in the sources alone. Proximal
steps need only the projection onto :math:`C_j(t) = \{p : \|A_j' p\|_\infty \le t\}`, where :math:`A_j' p` is the
correlation with the pattern: :math:`\mathrm{prox}_{t R_j}(x) = x - P_{C_j(t)}(x)`.

References
----------
Schulze and King, "Formulating Beurling LASSO for source separation via proximal gradient iteration", 2022.
Boyd et al., "Distributed optimization and statistical learning via the alternating direction method of multipliers",
Foundations and Trends in Machine Learning 3(1), 2011 (the projection).
Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse problems", SIAM Journal on
Imaging Sciences 2(1), 2009.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from sepkit_sparse_pursuit.tones import Array

_PENALTY = 80.0
"""rho of the projection, times the largest eigenvalue of A A': of 4 to 4000 what closes the gap soonest."""

_LOOKED_AT = 5
"""The duality gap is looked at every so many steps."""


@dataclass(frozen=True, eq=False)
class Convolution:
    """Convolution of measures with patterns, sampled on a periodic axis.

    Measures live on a grid that is several times as fine as the samples: patterns are smooth, so that next to nothing
    can happen between its points. Correlating and convolving again is circulant on the samples.

    Parameters
    ----------
    patterns : ndarray [shape=(sources, bins * finer)]
        Every pattern at 0, on the fine grid.
    finer : int
        Points of the fine grid for each bin.
    """

    patterns: Array
    finer: int

    @cached_property
    def transform(self) -> NDArray[np.complexfloating]:
        """Fourier transform of the patterns."""
        transform: NDArray[np.complexfloating] = scipy.fft.rfft(self.patterns, axis=-1)
        return transform

    @cached_property
    def eigenvalues(self) -> Array:
        """Those of A A', which is circulant on the samples, by frequency [shape=(sources, frequencies)]."""
        power = np.abs(self.transform) ** 2
        autocorrelation = scipy.fft.irfft(power, self.patterns.shape[1], axis=-1)[:, :: self.finer]
        return np.asarray(np.maximum(scipy.fft.rfft(autocorrelation, axis=-1).real, 0))

    @property
    def bins(self) -> int:
        """Number of samples of a spectrum."""
        return int(self.patterns.shape[1]) // self.finer

    def correlated(self, p: Array) -> Array:
        """A' p: the correlation of samples [shape=(..., sources or 1, bins)] with the patterns, on the fine grid."""
        raised = np.zeros((*p.shape[:-1], self.patterns.shape[1]), p.dtype)
        raised[..., :: self.finer] = p
        spectrum = scipy.fft.rfft(raised, axis=-1) * np.conj(self.transform)
        return np.asarray(scipy.fft.irfft(spectrum, self.patterns.shape[1], axis=-1))

    def convolved(self, measure: Array) -> Array:
        """A mu: samples of the patterns convolved with measures [shape=(..., sources, bins * finer)]."""
        spectrum = scipy.fft.rfft(measure, axis=-1) * self.transform
        return np.asarray(scipy.fft.irfft(spectrum, self.patterns.shape[1], axis=-1)[..., :: self.finer])


@dataclass(eq=False)
class Prox:
    """The proximal operator of t R, by projections that start from where the last one ended.

    Parameters
    ----------
    convolution : Convolution
    nonnegative : bool
        Measures without negative parts: correlations are then bounded from above only.
    inner : int
        Iterations of each projection.
    """

    convolution: Convolution
    nonnegative: bool
    inner: int

    def __post_init__(self) -> None:
        self._rho = _PENALTY / float(self.convolution.eigenvalues.max())
        self._bounded: Array | float = 0.0
        self._multiplier: Array | float = 0.0

    def __call__(self, x: Array, t: float) -> tuple[Array, Array]:
        """The sources that the operator gives, and their measures.

        Parameters
        ----------
        x : ndarray [shape=(spectra, sources, bins)]
        t : float

        Returns
        -------
        sources : ndarray [shape=(spectra, sources, bins)]
        measures : ndarray [shape=(spectra, sources, bins * finer)]
            Of these sources exactly; their total variation is R of the sources once the projection has converged.
        """
        A, rho = self.convolution, self._rho
        damped = 1 + rho * A.eigenvalues
        z, u = self._bounded, self._multiplier
        for _ in range(self.inner):
            target = x + rho * A.convolved(z - u) if isinstance(u, np.ndarray) else x
            p = scipy.fft.irfft(scipy.fft.rfft(target, axis=-1) / damped, A.bins, axis=-1)
            ahead = A.correlated(p) + u
            z = np.minimum(ahead, t) if self.nonnegative else np.clip(ahead, -t, t)
            u = ahead - z
        self._bounded, self._multiplier = z, u
        measures = np.asarray(rho * u)
        return A.convolved(measures), measures


@dataclass(frozen=True, eq=False)
class Solution:
    """What the proximal steps led to.

    Attributes
    ----------
    sources : ndarray [shape=(spectra, sources, bins)]
    measures : ndarray [shape=(spectra, sources, bins * finer)]
    certificate : ndarray [shape=(spectra,)]
        The largest correlation of what is left with any pattern, in alphas: 1 at the optimum.
    gap : ndarray [shape=(spectra,)]
        How far the cost can lie above its minimum, as a share of the cost.
    """

    sources: Array
    measures: Array
    certificate: Array
    gap: Array


def solve(
    convolution: Convolution,
    Y: Array,
    alpha: float,
    *,
    steps: Iterable[int],
    inner: int = 20,
    gap: float = 1e-2,
    nonnegative: bool = True,
) -> Solution:
    """Separate spectra into sources by accelerated proximal gradient steps.

    Parameters
    ----------
    convolution : Convolution
    Y : ndarray [shape=(spectra, bins)]
    alpha : float
        What a unit of total variation costs.
    steps : iterable of int
        At most so many.
    inner : int
        Iterations of each projection.
    gap : float
        Stop when the duality gap of every spectrum is below this share of its cost.
    nonnegative : bool
        Whether measures have no negative parts, as of magnitudes.

    Returns
    -------
    solution : Solution
    """
    count = len(convolution.patterns)
    prox = Prox(convolution, nonnegative, inner)
    sources = ahead = np.zeros((len(Y), count, convolution.bins), Y.dtype)
    solution = _judged(convolution, Y, alpha, sources, np.zeros((len(Y), count, 1), Y.dtype), nonnegative)
    momentum = 1.0
    for step in steps:
        misfit = ahead.sum(axis=1, keepdims=True) - Y[:, np.newaxis]
        old = sources
        sources, measures = prox(ahead - misfit / count, alpha / count)
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = sources + ((momentum - 1) / faster) * (sources - old)
        momentum = float(faster)
        if (step + 1) % _LOOKED_AT == 0:
            solution = _judged(convolution, Y, alpha, sources, measures, nonnegative)
            if solution.gap.max() < gap:
                break
    return solution


def _judged(
    convolution: Convolution, Y: Array, alpha: float, sources: Array, measures: Array, nonnegative: bool
) -> Solution:
    """A solution with its certificate and the gap between its cost and the best bound from below."""
    left = Y - sources.sum(axis=1)
    correlation = convolution.correlated(left[:, np.newaxis])
    largest = (correlation if nonnegative else np.abs(correlation)).max(axis=(1, 2))
    cost = (left**2).sum(axis=1) / 2 + alpha * np.abs(measures).sum(axis=(1, 2))
    scale = np.minimum(1, alpha / np.maximum(largest, np.finfo(Y.dtype).tiny))
    bound = ((Y**2).sum(axis=1) - ((Y - scale[:, np.newaxis] * left) ** 2).sum(axis=1)) / 2
    gap = (cost - bound) / np.maximum(cost, np.finfo(Y.dtype).tiny)
    return Solution(sources, measures, largest / alpha, gap)
