"""Priors on activations: sparsity and temporal continuity, after Virtanen (2007).

Both penalties are measured relative to the root mean square of each atom's activation, so that they do not depend on
how a factorisation shares its scale between templates and activations.

References
----------
T. Virtanen, "Monaural sound source separation by nonnegative matrix factorization with temporal continuity and
sparseness criteria", IEEE Transactions on Audio, Speech, and Language Processing 15(3), 2007, equations 9 to 18.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from pydantic import Field

from sepkit import large
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior


class Sparsity(Prior):
    """Few activations are large: the sum over atoms and frames of ``|h| / rms(h)``."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.ACTIVATIONS})

    weight: float = Field(
        default=10.0, ge=0, description="Weight relative to the misfit to a spectrogram scaled to mean 1."
    )

    def bind(self, layout: Layout, domain: Domain) -> Density:
        return _Sparseness(self.weight)


class Continuity(Prior):
    """Activations change slowly: the sum of ``(h[t] - h[t-1])² / rms(h)²``."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.ACTIVATIONS})

    weight: float = Field(
        default=100.0, ge=0, description="Weight relative to the misfit to a spectrogram scaled to mean 1."
    )

    def bind(self, layout: Layout, domain: Domain) -> Density:
        return _TemporalContinuity(self.weight)


class _Penalty(ABC):
    """A density given by the split gradient of its penalty."""

    def gradient(self, value: Any) -> Any:
        plus, minus = self.split_gradient(value)
        return minus - plus

    @abstractmethod
    def split_gradient(self, value: Any) -> tuple[Any, Any]: ...


@dataclass(frozen=True)
class _Sparseness(_Penalty):
    weight: float

    def log_prob(self, value: Any) -> Any:
        xp = array_api_compat.array_namespace(value)
        return -self.weight * xp.sum(xp.sum(xp.abs(value), axis=1) / _rms(xp, value)[:, 0])

    def split_gradient(self, value: Any) -> tuple[Any, Any]:
        xp = array_api_compat.array_namespace(value)
        rms = _rms(xp, value)
        relative = value / rms
        plus = xp.ones_like(value) * (self.weight / rms)
        minus = relative * (self.weight * xp.mean(relative, axis=1, keepdims=True) / rms)
        return plus, minus


@dataclass(frozen=True)
class _TemporalContinuity(_Penalty):
    weight: float

    def log_prob(self, value: Any) -> Any:
        xp = array_api_compat.array_namespace(value)
        # Atoms are independent of each other: some at a time, so that few copies of all are made.
        changes = [_squared_changes(xp, value[some] / _rms(xp, value[some])) for some in _some_atoms(value)]
        return -self.weight * xp.sum(xp.concat(changes, axis=0))

    def split_gradient(self, value: Any) -> tuple[Any, Any]:
        if not isinstance(value, np.ndarray):
            return self._split(value)
        plus, minus = (large.empty(value.shape, value.dtype) for _ in range(2))
        for some in _some_atoms(value):
            plus[some], minus[some] = self._split(value[some])
        return plus, minus

    def _split(self, value: Any) -> tuple[Any, Any]:
        xp = array_api_compat.array_namespace(value)
        rms = _rms(xp, value)
        # Powers of the activations themselves would leave the range of float32 long before the activations do.
        value = value / rms
        nothing = value[:, :1] * 0
        before = xp.concat([nothing, value[:, :-1]], axis=1)
        after = xp.concat([value[:, 1:], nothing], axis=1)
        # Every frame has two neighbours but the first and the last.
        neighbours = xp.concat([nothing, value[:, 1:] * 0 + 1], axis=1) + xp.concat(
            [value[:, :-1] * 0 + 1, nothing], axis=1
        )
        pull = _squared_changes(xp, value) / value.shape[1]
        plus = 2 * self.weight * neighbours * value / rms
        minus = 2 * self.weight * (before + after + value * pull) / rms
        return plus, minus


def _some_atoms(value: Any) -> list[slice]:
    return list(large.spans(value.shape[0], rows=value.shape[1]))


def _rms(xp: Any, value: Any) -> Any:
    """Root mean square of every atom's activation [shape=(atoms, 1)], kept above zero for silent atoms."""
    mean_square = xp.mean(value**2, axis=1, keepdims=True)
    return xp.sqrt(xp.where(mean_square > 0, mean_square, xp.ones_like(mean_square)))


def _squared_changes(xp: Any, value: Any) -> Any:
    return xp.sum((value[:, 1:] - value[:, :-1]) ** 2, axis=1, keepdims=True)
