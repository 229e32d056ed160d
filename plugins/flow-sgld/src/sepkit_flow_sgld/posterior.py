"""The product of all priors, in the units in which the sampler works.

The sampler's mixture has root mean square 1. A density that knows its `power`, the mean power that the sum of its
sources has, gets values scaled to that power, so that a louder mixture gives equally louder stems; any other gets them
in the units of the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.problem.prior import Density, Initial, Smoothed

_STEMS_NDIM = 3
_AT_ONCE = 1 << 18
"""About as many values of chains are worked on at once by a processor."""


@runtime_checkable
class Levelled(Protocol):
    """Optional ability of a `Density` on waveforms: it was made at one level, and recordings are brought to it."""

    @property
    def power(self) -> NDArray[np.float64]:
        """Mean power of every source [shape=(sources,)]."""
        ...


@runtime_checkable
class Coloured(Protocol):
    """Optional ability of a `Density` on waveforms: it knows how loud its sources are at every frequency."""

    @property
    def spectra(self) -> NDArray[np.float64]:
        """Variance at every frequency of the real Fourier transform [shape=(sources, bins)]."""
        ...


@dataclass(frozen=True)
class Scaled:
    """A density and the sources that it is about.

    Attributes
    ----------
    density : Density
    sources : tuple of int
        Rows of the value that belong to it.
    scale : float
        By which the sampler's values become the density's.
    """

    density: Density
    sources: tuple[int, ...]
    scale: float

    @classmethod
    def of(cls, density: Density, sources: Iterable[int], all_sources: int, level: float) -> Scaled:
        """With the scale for a recording of root mean square `level`, in which there are `all_sources`."""
        scale = float(np.sqrt(all_sources * np.mean(density.power))) if isinstance(density, Levelled) else level
        return cls(density, tuple(sources), scale)

    def smoothed(self, sigma: float) -> Scaled:
        """After white noise of standard deviation `sigma`; as it is, if the density does not know how."""
        if not isinstance(self.density, Smoothed):
            return self
        return Scaled(self.density.smoothed(sigma * self.scale), self.sources, self.scale)

    def part(self, value: Tensor) -> Tensor:
        """The rows of `value` that it is about, in its own units."""
        return self.scale * value[..., self.sources, :, :]


@dataclass(frozen=True)
class Posterior:
    """The stems' log density up to a constant, given that they sum to the mixture.

    Attributes
    ----------
    factors : tuple of Scaled
    check : callable
        Called before every piece of work; what it raises ends it.
    """

    factors: tuple[Scaled, ...]
    check: Callable[[], None] = lambda: None

    def smoothed(self, sigma: float) -> Posterior:
        """After white noise of standard deviation `sigma`."""
        return Posterior(tuple(factor.smoothed(sigma) for factor in self.factors), self.check)

    @property
    def ranks(self) -> bool:
        """Whether every density has a `log_prob`, by which chains can be told apart."""
        return all(callable(getattr(factor.density, "log_prob", None)) for factor in self.factors)

    def gradient(self, value: Tensor) -> Tensor:
        """Gradient of the log density [shape of `value`]; what is not finite counts as nothing."""
        if value.device.type != "cpu" or value.ndim == _STEMS_NDIM:
            return self._gradient(value)
        # Long ones take a processor no less time together, and then seconds go by between two checks.
        together = max(1, _AT_ONCE // value[0].numel())
        return torch.cat([self._gradient(chains) for chains in torch.split(value, together)])

    def _gradient(self, value: Tensor) -> Tensor:
        self.check()
        total = torch.zeros_like(value)
        for factor in self.factors:
            score = factor.density.gradient(factor.part(value))
            total[..., factor.sources, :, :] += factor.scale * _tensor(score, value)
        return torch.nan_to_num_(total, nan=0.0)

    def log_prob(self, chain: Tensor) -> float:
        """Log density of one chain [shape=(sources, channels, samples)]."""
        self.check()
        return sum(float(factor.density.log_prob(factor.part(chain))) for factor in self.factors)

    def denoised(self, value: Tensor, sigma: float) -> Tensor:
        """The expected value before noise of standard deviation `sigma` [shape of `value`], by Tweedie's formula."""
        return value + sigma**2 * self.smoothed(sigma).gradient(value)

    @property
    def smooths(self) -> bool:
        """Whether every density knows what noise makes of it."""
        return all(isinstance(factor.density, Smoothed) for factor in self.factors)

    @property
    def knows_spectra(self) -> bool:
        """Whether every density knows the spectra of its sources."""
        return all(isinstance(factor.density, Coloured) for factor in self.factors)

    def initial(self, mixture: Tensor, sources: int, rng: np.random.Generator) -> Tensor | None:
        """The value that a density begins with [shape=(sources, *mixture.shape)]; None if none of them has one.

        Sources of which it does not speak get equal shares of the `mixture`.
        """
        for factor in self.factors:
            if isinstance(factor.density, Initial):
                value = (mixture / sources).expand(sources, *mixture.shape).clone()
                stems = _tensor(factor.density.initial(rng), mixture)
                value[list(factor.sources)] = stems / factor.scale
                return value
        return None

    def powers(self, spectrum: Tensor, sources: int) -> Tensor:
        """Every source's power at every frequency [shape=(sources, bins)].

        Those that their density knows, or else equal shares of the mixture's `spectrum` [shape=(bins,)].
        """
        powers = spectrum.expand(sources, -1) / sources
        for factor in self.factors:
            if isinstance(factor.density, Coloured):
                powers = powers.clone()
                powers[list(factor.sources)] = _tensor(factor.density.spectra / factor.scale**2, powers)
        return powers


def _tensor(value: Any, like: Tensor) -> Tensor:
    # A copy in order: torch takes no arrays that run backwards, and warns of those that are read-only.
    tensor: Tensor = torch.as_tensor(
        value if isinstance(value, Tensor) else np.array(value, order="C"), dtype=like.dtype, device=like.device
    )
    return tensor.detach()
