"""The prior `stationary`: normal sources of known spectra; the posterior mean is the Wiener filter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import array_api_compat
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d, interpolate

from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior

Variance = Annotated[float, Field(gt=0, le=1e12)]


class GaussianPrior(Prior):
    """Sources are stationary normal processes with given power spectra.

    It knows everything in closed form: density, smoothed density, and with the exact mixture constraint the posterior,
    whose mean is the Wiener filter. Samplers are tested with it, and methods that do not beat it have learned nothing.

    Examples
    --------
    >>> GaussianPrior(spectra={"bass": (1.0, 0.1, 0.01), "hiss": (0.01, 0.01, 0.02)}).name
    'stationary'
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    spectra: dict[str, tuple[Variance, ...]] = Field(
        default_factory=dict,
        description="For each source, its variance at evenly spaced frequencies from 0 to half the sample rate; those "
        "without one are white, with variance 1. The mixture is brought to the power of their sum.",
    )

    @field_validator("spectra")
    @classmethod
    def _not_empty(cls, spectra: dict[str, tuple[float, ...]]) -> dict[str, tuple[float, ...]]:
        if not all(spectra.values()):
            raise ValueError("a spectrum needs at least one number")
        return spectra

    @property
    def name(self) -> str:
        return "stationary"

    def bind(self, layout: Layout, domain: Domain) -> Density:
        bins = layout.mixture.length // 2 + 1
        at = np.linspace(0, 1, bins)
        white = (1.0,)
        rows = [self.spectra.get(source, white) for source in layout.sources]
        spectra = np.array([np.interp(at, np.linspace(0, 1, len(row)), row) for row in rows])
        return GaussianDensity(spectra, layout.mixture.length)


@dataclass(frozen=True)
class GaussianDensity:
    """Independent normal sources whose covariances are circulant.

    Attributes
    ----------
    spectra : ndarray [shape=(sources, bins)]
        Variance of every frequency of the real Fourier transform; white noise of variance 1 has 1 everywhere.
    length : int
        In samples.
    """

    spectra: NDArray[np.float64]
    length: int

    @property
    def power(self) -> NDArray[np.float64]:
        """Mean power of every source [shape=(sources,)]."""
        power: NDArray[np.float64] = np.sum(self.spectra * self._multiplicity, axis=-1) / self.length
        return power

    def smoothed(self, sigma: float) -> GaussianDensity:
        """After white noise of standard deviation `sigma`."""
        return GaussianDensity(self.spectra + sigma**2, self.length)

    def log_prob(self, value: Any) -> Any:
        """Normalised log density, in nats."""
        xp = array_api_compat.array_namespace(value)
        spectra, counts = (_like(value, array) for array in (self.spectra[:, np.newaxis], self._multiplicity))
        energies = xp.abs(xp.fft.rfft(value)) ** 2 / (self.length * spectra)
        terms = counts * (energies + xp.log(2 * math.pi * spectra))
        return -0.5 * xp.sum(terms, axis=(-3, -2, -1))

    def gradient(self, value: Any) -> Any:
        """Gradient of `log_prob`."""
        xp = array_api_compat.array_namespace(value)
        whitened = xp.fft.rfft(value) / _like(value, self.spectra[:, np.newaxis])
        return xp.astype(-xp.fft.irfft(whitened, n=self.length), value.dtype)

    @property
    def _multiplicity(self) -> NDArray[np.float64]:
        """How many of the full transform's frequencies each of the real one's stands for [shape=(bins,)]."""
        counts = np.full(self.length // 2 + 1, 2.0)
        counts[0] = 1
        if self.length % 2 == 0:
            counts[-1] = 1
        return counts


def mean_spectrum(waveform: Tensor, bands: int = 128) -> Tensor:
    """The mean variance at every frequency of the real Fourier transform [shape=(bins,)], smoothed over bands.

    Parameters
    ----------
    waveform : Tensor [shape=(channels, samples)]
    bands : int
        Over which the periodogram is averaged.
    """
    periodogram = torch.fft.rfft(waveform).abs().square().mean(dim=0) / waveform.shape[-1]
    pooled = adaptive_avg_pool1d(periodogram[None, None], min(bands, len(periodogram)))
    spectrum = interpolate(pooled, size=len(periodogram), mode="linear", align_corners=True)[0, 0]
    return spectrum + 1e-6 * spectrum.mean()


def _like(value: Any, array: NDArray[np.float64]) -> Any:
    xp = array_api_compat.array_namespace(value)
    return xp.asarray(array, dtype=value.dtype, device=array_api_compat.device(value))
