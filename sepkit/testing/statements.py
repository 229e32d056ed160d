"""Statements of the kit's own, for every domain, that keep a log of how they are used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray
from pydantic import PrivateAttr

from sepkit.problem.constraint import Constraint, Projection
from sepkit.problem.domain import DOMAINS, Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior

_LIMITS = {
    # Tight enough that a method which does not enforce them goes beyond.
    Domain.WAVEFORMS: (-0.02, 0.02),
    Domain.SPECTROGRAMS: (0.0, 1e-3),
    Domain.TEMPLATES: (0.0, 1e-3),
    Domain.ACTIVATIONS: (0.0, 1e-3),
    Domain.F0: (100.0, 110.0),
}
_TARGETS = {
    Domain.WAVEFORMS: 0.05,
    Domain.SPECTROGRAMS: 1.0,
    Domain.TEMPLATES: 1.0,
    Domain.ACTIVATIONS: 1.0,
    Domain.F0: 220.0,
}


@dataclass
class Log:
    """How a method used a bound statement."""

    calls: int = 0
    violations: list[float] = field(default_factory=list)


class KitSupport(Constraint):
    """Zero outside a pattern of stripes; a `sepkit.Support`."""

    domains: ClassVar[frozenset[Domain]] = frozenset(DOMAINS) - {Domain.F0}

    _log: Log = PrivateAttr(default_factory=Log)

    @property
    def log(self) -> Log:
        """How it was used."""
        return self._log

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        shape = layout.shape(domain)
        # Stripes that differ from row to row and leave every row something.
        stripes = np.add.outer(np.arange(int(np.prod(shape[:-1]))), np.arange(shape[-1])) % 3 != 1
        if shape[-1] == 1:
            stripes[:] = True
        return _Masked(stripes.reshape(shape), self._log)


class KitLimits(Constraint):
    """Values stay within narrow limits; not a support, so that it needs to be projected on."""

    domains: ClassVar[frozenset[Domain]] = frozenset(DOMAINS)

    _log: Log = PrivateAttr(default_factory=Log)

    @property
    def log(self) -> Log:
        """How it was used."""
        return self._log

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        return _Limited(*_LIMITS.get(domain, (0.0, 1e-3)), self._log)


class KitPull(Prior):
    """Values are normally distributed about a target; with a split for multiplicative updates."""

    domains: ClassVar[frozenset[Domain]] = frozenset(DOMAINS)

    _log: Log = PrivateAttr(default_factory=Log)

    @property
    def log(self) -> Log:
        """How it was used."""
        return self._log

    def bind(self, layout: Layout, domain: Domain) -> Density:
        kind = _SplitPull if domain.nonnegative else _Pull
        return kind(_TARGETS.get(domain, 1.0), self._log)


@dataclass(frozen=True)
class _Measured:
    """A projection whose violation is the largest change that projecting makes, relative to the largest value."""

    def project(self, value: Any) -> Any:
        raise NotImplementedError

    def _measure(self, value: Any, log: Log) -> float:
        if hasattr(value, "detach"):
            value = value.detach().cpu().numpy()
        moved = float(np.nan_to_num(np.abs(np.asarray(value) - self.project(value))).max(initial=0.0))
        size = float(np.nan_to_num(np.abs(value)).max(initial=0.0))
        log.violations.append(moved / size if size > 0 else moved)
        return log.violations[-1]


@dataclass(frozen=True)
class _Masked(_Measured):
    support: NDArray[np.bool_]
    log: Log

    def project(self, value: Any) -> Any:
        self.log.calls += 1
        xp = array_api_compat.array_namespace(value)
        return value * xp.asarray(self.support, dtype=value.dtype, device=array_api_compat.device(value))

    def violation(self, value: Any) -> float:
        return self._measure(value, self.log)


@dataclass(frozen=True)
class _Limited(_Measured):
    low: float
    high: float
    log: Log

    def project(self, value: Any) -> Any:
        self.log.calls += 1
        return value.clip(self.low, self.high)

    def violation(self, value: Any) -> float:
        return self._measure(value, self.log)


@dataclass(frozen=True)
class _Pull:
    target: float
    log: Log
    weight: float = 10.0

    def log_prob(self, value: Any) -> Any:
        self.log.calls += 1
        return -self.weight / 2 * ((value - self.target) ** 2).sum()

    def gradient(self, value: Any) -> Any:
        self.log.calls += 1
        return -self.weight * (value - self.target)


@dataclass(frozen=True)
class _SplitPull(_Pull):
    def split_gradient(self, value: Any) -> tuple[Any, Any]:
        self.log.calls += 1
        return self.weight * value, 0 * value + self.weight * self.target
