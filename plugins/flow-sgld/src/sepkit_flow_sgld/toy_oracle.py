"""The exact density of the toy waveforms under noise; not published, for tests and benchmarks of samplers.

A toy waveform is ``A cycle((t + phase) % period)`` with a whole period and phase. Under white noise its density is a
finite sum over periods and phases, in which the normally distributed amplitude A is integrated out. Nothing is learned:
samplers are tested with it, and learned priors measured by it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from sepkit.evaluation.datasets.toy import HIGHEST_KEY, WAVES, one_cycle
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior

_NEGLIGIBLE = -40.0
"""Periods whose share of the posterior is below exp of this leave no trace in float64."""


class ToyOracle(Prior):
    """Sources are the waves of the dataset `toy-waveforms` that their names say; others may be any of the four.

    References
    ----------
    Frank and Ilse, "Problems using deep generative models for probabilistic audio source separation", 2020.
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    lowest_key: float = Field(default=0.1, ge=0.1, le=88, description="Lowest pitch, as a key of a piano from 1.")
    highest_key: float = Field(default=HIGHEST_KEY, ge=0.1, le=88, description="Highest pitch, as a key of a piano.")
    amplitude: float = Field(default=0.9, gt=0, le=1e3, description="Mean amplitude of a wave.")
    deviation: float = Field(default=0.0577, gt=0, le=1e3, description="Standard deviation of the amplitude.")
    noise: float = Field(
        default=1e-3, gt=0, le=1e3, description="Standard deviation of the noise that is always there."
    )

    @property
    def name(self) -> str:
        return "toy-oracle"

    def bind(self, layout: Layout, domain: Domain) -> Density:
        periods = periods_of_keys(self.lowest_key, self.highest_key, layout.mixture.sample_rate)
        kinds = [(name,) if name in WAVES else WAVES for name in layout.sources]
        cycles = [_Cycles.of(kinds, period, share, layout.mixture.length) for period, share in periods.items()]
        return ToyDensity(tuple(cycles), self.amplitude, self.deviation, self.noise)


def periods_of_keys(lowest: float, highest: float, sample_rate: int) -> dict[int, float]:
    """The probability of every period in samples, keys being drawn evenly in tenths."""
    keys = np.arange(math.ceil(10 * lowest - 1e-9), math.floor(10 * highest + 1e-9) + 1) / 10
    counts = Counter(max(1, int(sample_rate // (440 * 2 ** ((key - 49) / 12)))) for key in keys)
    return {period: count / len(keys) for period, count in sorted(counts.items())}


@dataclass(frozen=True)
class _Cycles:
    """All waves of one period.

    Attributes
    ----------
    period : int
    log_share : float
        Log probability of the period and one of its phases.
    spectra : Tensor [shape=(sources, kinds, bins)]
        Of one cycle of every kind that a source may be.
    energies : Tensor [shape=(sources, kinds, period)]
        Of the whole wave, for every phase.
    """

    period: int
    log_share: float
    spectra: Tensor
    energies: Tensor

    @classmethod
    def of(cls, kinds: Sequence[tuple[Any, ...]], period: int, share: float, length: int) -> _Cycles:
        most = max(map(len, kinds))
        # A source with fewer kinds than others gets its own more than once, which changes no posterior mean.
        rows = [[one_cycle(names[index % len(names)], period) for index in range(most)] for names in kinds]
        cycles = torch.from_numpy(np.array(rows))
        counts = torch.full((period,), length // period, dtype=torch.float64)
        counts[: length % period] += 1
        energies = _correlated(torch.fft.rfft(counts), torch.fft.rfft(cycles**2), period)
        return cls(period, math.log(share / (period * most)), torch.fft.rfft(cycles), energies)

    def folded(self, value: Tensor) -> Tensor:
        """Sums over samples a period apart [shape=(chains, sources, 1, period)]."""
        length = value.shape[-1]
        padded = torch.nn.functional.pad(value, (0, -length % self.period))
        return padded.reshape(*value.shape[:-1], -1, self.period).sum(dim=-2).unsqueeze(-2)

    def matches(self, value: Tensor) -> Tensor:
        """Inner products of `value` with every wave [shape=(chains, sources, kinds, period)]."""
        return _correlated(torch.fft.rfft(self.folded(value)), self.spectra, self.period)

    def mixed(self, amplitudes: Tensor, length: int) -> Tensor:
        """Sum of all waves with their amplitudes [shape=(chains, sources, length)]."""
        cycle = _correlated(torch.fft.rfft(amplitudes), self.spectra, self.period).sum(dim=-2)
        return cycle.repeat(1, 1, -(-length // self.period))[..., :length]


@dataclass(frozen=True)
class ToyDensity:
    """Toy waveforms under white noise; see `ToyOracle`.

    Attributes
    ----------
    cycles : tuple
    amplitude, deviation, noise : float
    """

    cycles: tuple[_Cycles, ...]
    amplitude: float
    deviation: float
    noise: float

    @property
    def power(self) -> NDArray[np.float64]:
        """Mean power of every source [shape=(sources,)]."""
        finest = self.cycles[-1]
        mean_squares = torch.fft.irfft(finest.spectra, n=finest.period).square().mean(dim=(1, 2))
        power: NDArray[np.float64] = (self.amplitude**2 + self.deviation**2) * mean_squares.numpy()
        return power

    def smoothed(self, sigma: float) -> ToyDensity:
        """After more white noise of standard deviation `sigma`."""
        return replace(self, noise=math.hypot(self.noise, sigma))

    def log_prob(self, value: Any) -> Any:
        """Normalised log density, in nats."""
        rows = _rows(value)
        logits = torch.cat([terms.flatten(-2) for _, terms, _ in self._terms(rows)], dim=-1)
        noise = -0.5 * (
            rows.square().sum(dim=-1) / self.noise**2 + rows.shape[-1] * math.log(2 * math.pi * self.noise**2)
        )
        total = (
            (torch.logsumexp(logits, dim=-1) + noise)
            .sum(dim=-1)
            .reshape(*value.shape[:-3], value.shape[-2])
            .sum(dim=-1)
        )
        return _as(total, value)

    def gradient(self, value: Any) -> Any:
        """Gradient of `log_prob`: from the value to the posterior mean, over the variance of the noise."""
        rows = _rows(value).detach()
        terms = list(self._terms(rows))
        evidence = torch.logsumexp(torch.stack([torch.logsumexp(log, dim=(-2, -1)) for _, log, _ in terms]), dim=0)
        mean = torch.zeros_like(rows)
        for cycles, log, amplitudes in terms:
            shares = log - evidence[..., None, None]
            if shares.max() > _NEGLIGIBLE:
                mean += cycles.mixed(shares.exp() * amplitudes, rows.shape[-1])
        sources, channels, samples = value.shape[-3:]
        score = ((mean - rows) / self.noise**2).reshape(*value.shape[:-3], channels, sources, samples)
        return _as(score.transpose(-2, -3), value)

    def _terms(self, rows: Tensor) -> Iterator[tuple[_Cycles, Tensor, Tensor]]:
        """For each period its waves' log shares, less what all have in common, and mean amplitudes given the value."""
        variance, spread = self.noise**2, self.deviation**2
        for cycles in self.cycles:
            precision = 1 / spread + cycles.energies / variance
            pull = self.amplitude / spread + cycles.matches(rows) / variance
            log = pull**2 / (2 * precision) - 0.5 * torch.log(spread * precision) - self.amplitude**2 / (2 * spread)
            yield cycles, log + cycles.log_share, pull / precision


def _correlated(one: Tensor, other: Tensor, period: int) -> Tensor:
    """Circular correlation ``sum over j of one[j] other[j + lag]``, of spectra."""
    correlation: Tensor = torch.fft.irfft(one.conj() * other, n=period)
    return correlation


def _rows(value: Any) -> Tensor:
    """Waveforms in float64 [shape=(chains, sources, samples)]; every channel is independent, like a chain."""
    tensor = value.to(torch.float64) if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
    return tensor.transpose(-2, -3).flatten(0, -3)


def _as(result: Tensor, value: Any) -> Any:
    """`result` as the kind and type of `value`."""
    if isinstance(value, Tensor):
        return result.to(value.dtype)
    array = result.numpy().astype(value.dtype)
    return array if array.ndim else array[()]
