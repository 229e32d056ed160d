"""A prior and a constraint on waveforms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from sepkit import Constraint, Density, Domain, Layout, Prior, Projection


class Quiet(Prior):
    """Loud stems are unlikely."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    weight: float = Field(1.0, ge=0, description="Weight of the energy.")

    def bind(self, layout: Layout, domain: Domain) -> Density:
        return _Gaussian(self.weight)


class PeakLimit(Constraint):
    """No sample is above a peak."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    peak: float = Field(1.0, gt=0, description="Largest magnitude of a sample.")

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        return _Clip(self.peak)


@dataclass(frozen=True)
class _Gaussian:
    weight: float

    def log_prob(self, value: Any) -> Any:
        return -self.weight * (value**2).sum() / 2

    def gradient(self, value: Any) -> Any:
        return -self.weight * value


@dataclass(frozen=True)
class _Clip:
    peak: float

    def project(self, value: Any) -> Any:
        return value.clip(-self.peak, self.peak)

    def violation(self, value: Any) -> float:
        return float(abs(value - self.project(value)).max())
