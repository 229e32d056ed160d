"""Stems sum to the mixture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from sepkit.problem.constraint import PIECE_SAMPLES, Constraint, Projection
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout


class MixtureConsistency(Constraint):
    """The stems sum to the mixture, sample by sample.

    The gap between the mixture and the sum of the stems is shared equally by the sources that sound at that sample;
    exact silence, such as another constraint leaves outside a source's notes, stays silence while any other source
    sounds. That is the orthogonal projection onto the consistent values of the sounding sources.

    References
    ----------
    Wisdom, Hershey, Wilson, Thorpe, Chinen, Patton and Saurous, "Differentiable consistency constraints for improved
    deep speech enhancement", ICASSP 2019.
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        return _SumToMixture(layout.mixture.samples)


@dataclass(frozen=True)
class _SumToMixture:
    mixture: NDArray[np.float32]

    def part(self, samples: slice) -> _SumToMixture:
        return _SumToMixture(self.mixture[:, samples])

    def project(self, value: Any) -> Any:
        xp = array_api_compat.array_namespace(value)
        sounding = xp.astype(value != 0, value.dtype)
        count = xp.sum(sounding, axis=0)
        share = xp.where(count > 0, sounding / xp.clip(count, 1), xp.ones_like(value) / value.shape[0])
        return value + share * self._gap(xp, value)

    def violation(self, value: Any) -> float:
        if hasattr(value, "detach"):  # a torch tensor in the middle of a computation that is differentiated
            value = value.detach()
        xp = array_api_compat.array_namespace(value)
        gap = size = 0.0
        for start in range(0, self.mixture.shape[-1], PIECE_SAMPLES):
            samples = slice(start, start + PIECE_SAMPLES)
            part = self.part(samples)
            gap += float(xp.sum(part._gap(xp, value[..., samples]) ** 2))
            size += float(np.sum(part.mixture**2, dtype=np.float64))
        return math.sqrt(gap / size) if size > 0 else math.sqrt(gap)

    def _gap(self, xp: Any, value: Any) -> Any:
        # A copy, because the mixture is read-only and torch has no read-only tensors.
        mixture = xp.asarray(self.mixture, dtype=value.dtype, device=array_api_compat.device(value), copy=True)
        return mixture - xp.sum(value, axis=0)
