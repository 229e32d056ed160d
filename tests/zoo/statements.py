"""Priors and constraints that break one promise each."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from sepkit import Constraint, Density, Domain, Layout, Prior, Projection
from sepkit.builtin import Activity, Regions
from tests.zoo.good import Clip, Gaussian, Quiet

ON_ACTIVATIONS = frozenset({Domain.ACTIVATIONS})


class Renamed(Quiet):
    pass


class Unbindable(Quiet):
    def bind(self, layout: Layout, domain: Domain) -> Density:
        if domain == Domain.WAVEFORMS:
            raise NotImplementedError
        return super().bind(layout, domain)


class _Prior(Prior):
    domains: ClassVar[frozenset[Domain]] = ON_ACTIVATIONS
    density: ClassVar[type[Gaussian]]

    def bind(self, layout: Layout, domain: Domain) -> Density:
        return self.density(1.0, layout.shape(domain))


class SaysNothing(_Prior):
    density = Gaussian

    def bind(self, layout: Layout, domain: Domain) -> Density:
        return self.density(float(any(atom.pitch for atom in layout.atoms or ())), layout.shape(domain))


class Mumbles(SaysNothing):
    def vacuous(self, layout: Layout, domain: Domain) -> str | None:
        return None if any(atom.pitch for atom in layout.atoms or ()) else " "


class AlwaysVacuous(_Prior):
    density = Gaussian

    def vacuous(self, layout: Layout, domain: Domain) -> str | None:
        return "can say nothing of anything"


class _PerChange(Gaussian):
    def log_prob(self, value: Any) -> Any:
        return super().log_prob(value) / (value.shape[1] - 1)

    def gradient(self, value: Any) -> Any:
        return super().gradient(value) / (value.shape[1] - 1)


class PerChange(_Prior):
    density = _PerChange


class _Momentum(Gaussian):
    def gradient(self, value: Any) -> Any:
        score = super().gradient(value)
        nudged = score * (1 + 1e-4 * len(self.seen))
        self.seen.append(1)
        return nudged


class Momentum(_Prior):
    density = _Momentum


class _NumpyOnly(Gaussian):
    def log_prob(self, value: Any) -> Any:
        return super().log_prob(np.asarray(value))


class NumpyOnly(_Prior):
    density = _NumpyOnly


class _WrongSlope(Gaussian):
    def gradient(self, value: Any) -> Any:
        return 2 * super().gradient(value)


class WrongSlope(_Prior):
    density = _WrongSlope


class _SwappedSplit(Gaussian):
    def split_gradient(self, value: Any) -> tuple[Any, Any]:
        return 0 * value, value + 0


class SwappedSplit(_Prior):
    density = _SwappedSplit


class _WrongStart(Gaussian):
    def initial(self, rng: np.random.Generator) -> Any:
        return rng.uniform(0.1, 1, self.shape[::-1])


class WrongStart(_Prior):
    density = _WrongStart


class ForgetsItself(Quiet):
    # With the instances, so that no identity comes twice.
    _known: ClassVar[dict[int, Any]] = {}

    def model_post_init(self, context: Any) -> None:
        self._known[id(self)] = self

    def bind(self, layout: Layout, domain: Domain) -> Density:
        return Gaussian(self.weight if id(self) in self._known else 0.5, layout.shape(domain))


class _Constraint(Constraint):
    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})
    projection: ClassVar[type[Clip]]

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        return self.projection(0.2)


class _InPlace(Clip):
    def project(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return np.clip(value, -self.peak, self.peak, out=value)
        return super().project(value)


class InPlace(_Constraint):
    projection = _InPlace


class _Widens(Clip):
    def project(self, value: Any) -> Any:
        projected = super().project(value)
        return projected.astype(np.float64) if isinstance(projected, np.ndarray) else projected


class Widens(_Constraint):
    projection = _Widens


class _Shrinks(Clip):
    def project(self, value: Any) -> Any:
        return 0.9 * super().project(value)


class Shrinks(_Constraint):
    projection = _Shrinks


class _NeverContent(Clip):
    def violation(self, value: Any) -> float:
        return super().violation(value) + 0.1


class NeverContent(_Constraint):
    projection = _NeverContent


class _Blind(Clip):
    def violation(self, value: Any) -> float:
        return 0.0


class Blind(_Constraint):
    projection = _Blind


class _ClaimsSupport(Clip):
    @property
    def support(self) -> Any:
        return np.ones((3, 2, 61), bool)


class ClaimsSupport(_Constraint):
    projection = _ClaimsSupport


class _ForgetsPlace(Clip):
    def part(self, samples: slice) -> Projection:
        return self if samples.start is None else Clip(0.5 * self.peak)


class ForgetsPlace(_Constraint):
    projection = _ForgetsPlace


class TakesEverything(Activity):
    """Says nothing of labels by which everybody sounds all the time, and not why."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    def vacuous(self, layout: Layout, domain: Domain) -> str | None:
        return None


class OverlooksBoxes(Regions):
    """Projects into boxes, and never finds anything outside them."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        return _Overlooks(super().bind(layout, domain))


class _Overlooks:
    def __init__(self, within: Projection) -> None:
        self.project = within.project

    def violation(self, value: Any) -> float:
        return 0.0
