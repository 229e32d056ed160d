"""The prior `local-gaussian`: normal sources whose spectra change from frame to frame, as another method finds them.

Where a score says which partials sound when, a factorisation tells how loud every source is at every point of time and
frequency. As variances these make a density of waveforms, which other priors and constraints can be asked beside.

With variances ``v`` the log density is ``-1/2 sum |X|² / v`` over the short-time spectrum X of the waveform itself, so
that the posterior mean is a Wiener filter whose result is a signal: every frame agrees with those that it overlaps.

References
----------
Duong, Vincent and Gribonval, "Under-determined reverberant audio source separation using a full-rank spatial covariance
model", IEEE TASLP 18(7), 2010.
Le Roux and Vincent, "Consistent Wiener filtering for audio source separation", IEEE Signal Processing Letters 20(3),
2013.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn.functional import pad

from sepkit.errors import ConfigError
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior
from sepkit.problem.run import Run
from sepkit.spectral import STFT

_OVERLAP = 4
_COVER = 1.5
"""Sum of a squared Hann window over its shifts by a quarter."""
_HANN_POWER = 0.375
"""Its mean square."""
_FLOOR = 1e-4
"""Least variance, over the mean of the mixture's."""


class LocalGaussianPrior(Prior):
    """Sources are normal, with the variance at every point of time and frequency that another method gives them.

    The variance is the product of the magnitudes of the stem that it finds and of the mixture, which is what a step of
    expectation-maximisation makes of them: a Wiener filter by these variances is the mask by which the stem was found.

    References
    ----------
    Duong, Vincent and Gribonval, "Under-determined reverberant audio source separation using a full-rank spatial
    covariance model", 2010.
    Le Roux and Vincent, "Consistent Wiener filtering for audio source separation", 2013.
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})
    needs: ClassVar[frozenset[str]] = frozenset({"score"})

    method: str = Field(
        default="score-nmf", description="Name of the method that finds the variances, by the score alone."
    )
    window_s: float = Field(default=0.064, gt=0, le=1, description="Window of the Fourier transform, seconds.")

    @property
    def name(self) -> str:
        return "local-gaussian"

    def bind(self, layout: Layout, domain: Domain) -> Density:
        """`bind_within` a run of its own."""
        return self.bind_within(layout, domain, Run())

    def bind_within(self, layout: Layout, domain: Domain, run: Run) -> Density:
        """The density of the stems that `layout` names.

        Raises
        ------
        UnknownNameError
            If there is no such method.
        ConfigError
            If it has no use for a score.
        UserError
            If it cannot separate this mixture.
        """
        from sepkit.solving.method import Method

        method = Method(self.method, device=run.device, registry=run.registry)
        if "score" not in method.spec.side_information:
            raise ConfigError(
                f"local-gaussian needs a method that hears a score, given {self.method}; give score-nmf, say"
            )
        mixture = layout.mixture
        found = method.separate(
            mixture, sources=layout.sources, score=layout.side_information.score, align="never", within=run
        )
        stems = np.stack([found[source].samples for source in layout.sources]).astype(np.float64)
        window = STFT.of_duration(self.window_s, _OVERLAP, mixture.sample_rate).window_length
        whole = _spectra(torch.from_numpy(mixture.samples.astype(np.float64)), window).abs()
        variances = _spectra(torch.from_numpy(stems), window).abs() * whole / (_HANN_POWER * window)
        floor = _FLOOR * float(np.mean(mixture.samples**2)) + np.finfo(np.float32).tiny
        return LocalGaussianDensity(variances.numpy() + floor, window, stems)


@dataclass(frozen=True, eq=False)
class LocalGaussianDensity:
    """Independent sources, each of which has a precision at every point of time and frequency.

    Attributes
    ----------
    variances : ndarray [shape=(sources, channels, bins, frames)]
        White noise of variance 1 has 1 everywhere.
    window : int
        In samples.
    stems : ndarray [shape=(sources, channels, samples)]
        From which the variances come.
    """

    variances: NDArray[np.float64]
    window: int
    stems: NDArray[np.float64]

    def smoothed(self, sigma: float) -> LocalGaussianDensity:
        """After white noise of standard deviation `sigma`."""
        return LocalGaussianDensity(self.variances + sigma**2, self.window, self.stems)

    def initial(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """The stems from which the variances come."""
        return self.stems

    def log_prob(self, value: Any) -> Any:
        """Log density up to a constant, in nats."""
        return _as_given(value, self._log_prob)

    def gradient(self, value: Any) -> Any:
        """Gradient of `log_prob`."""

        def score(tensor: Tensor) -> Tensor:
            with torch.enable_grad():
                wanted = tensor.detach().clone().requires_grad_()
                (gradient,) = torch.autograd.grad(self._log_prob(wanted).sum(), wanted)
            return gradient

        return _as_given(value, score)

    def _log_prob(self, value: Tensor) -> Tensor:
        energies = _spectra(value, self.window).abs().square()
        # Of the full transform's frequencies the real one has all but two once where they are twice.
        counts = value.new_full((self.window // 2 + 1, 1), 2.0)
        counts[0] = counts[-1] = 1.0
        precisions = counts / torch.as_tensor(self.variances, dtype=value.dtype, device=value.device)
        return -0.5 * (precisions * energies).sum((-4, -3, -2, -1)) / (_COVER * self.window)


def _spectra(waveforms: Tensor, window: int) -> Tensor:
    """Of every frame that has a sample of the waveforms in it [shape=(..., bins, frames)]."""
    hop = window // _OVERLAP
    length = waveforms.shape[-1]
    padded = pad(waveforms, (window - hop, window - hop + -length % hop))
    hann = torch.hann_window(window, dtype=waveforms.dtype, device=waveforms.device)
    rows = padded.reshape(-1, padded.shape[-1])
    spectra = torch.stft(rows, window, hop, window=hann, center=False, return_complex=True)
    return spectra.reshape(*waveforms.shape[:-1], *spectra.shape[-2:])


def _as_given(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """What `function` makes of a tensor or array, as one of the same kind."""
    if isinstance(value, Tensor):
        return function(value)
    # A copy in order: torch takes no arrays that run backwards, and warns of those that are read-only.
    return function(torch.from_numpy(np.array(value, order="C"))).numpy()
