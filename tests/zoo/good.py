"""Plugins that keep every promise; offenders differ from them in one point."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sepkit import Audio, Config, Constraint, Density, Domain, Layout, Prior, Problem, Projection, Run, Separator
from sepkit.training import Trainer, TrainingData

Array = NDArray[np.floating]

NAMES = ("this", "that")


class SharesConfig(Config):
    """Options of the methods of the zoo."""

    steps: int = Field(3, ge=1, le=100, description="Steps of progress.")


class Shares(Separator[Any]):
    """Every stem is an equal share of the mixture; offenders override one of its parts."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        value = self.start(problem, run)
        for _ in run.steps(3, "share"):
            value = self.step(value, problem)
        return self.finish(value, problem, run)

    def start(self, problem: Problem, run: Run) -> Array:
        names = problem.sources or NAMES
        return np.stack([problem.mixture.samples / np.float32(len(names))] * len(names))

    def step(self, value: Array, problem: Problem) -> Array:
        return value

    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        names = problem.sources or NAMES
        rate = problem.mixture.sample_rate
        return {name: Audio(stem, rate) for name, stem in zip(names, value, strict=True)}


class Learns(Trainer[SharesConfig]):
    """Learns nothing."""

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        for _ in run.steps(self.config.steps, "learn"):
            pass


class Weighted(Shares):
    """Shares times a trained gain, at the rate that it was trained at and no other."""

    gain: float | None = None
    rate: int | None = None

    @property
    def sample_rate(self) -> int | None:
        return self.rate

    def load(self, weights: Path | None, run: Run) -> None:
        assert weights is not None
        self.gain, self.rate = json.loads((weights / "gain.json").read_text())

    def start(self, problem: Problem, run: Run) -> Array:
        assert problem.mixture.sample_rate == self.rate
        assert self.gain is not None
        return super().start(problem, run) * np.float32(self.gain)


class Drawn(Shares):
    """Stems with noise of the run's own generator."""

    def start(self, problem: Problem, run: Run) -> Array:
        value = super().start(problem, run)
        return value * run.rng.uniform(0.5, 1.5, value.shape).astype(np.float32)


class Host(Shares):
    """Hosts constraints and priors on waveforms."""

    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        layout = problem.layout(sources=problem.sources or NAMES)
        for density in problem.bind_priors(layout, Domain.WAVEFORMS):
            value = value + np.float32(0.01) * density.gradient(value)
        bound = problem.bind_constraints(layout, Domain.WAVEFORMS)
        value = bound.project(value)
        run.report_violations(bound.violations(value))
        return super().finish(value, problem, run)


class Quiet(Prior):
    """Loud values are unlikely; without a split."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.ACTIVATIONS, Domain.WAVEFORMS})

    weight: float = Field(1.0, ge=0, description="Weight of the energy.")

    def bind(self, layout: Layout, domain: Domain) -> Density:
        return Gaussian(self.weight, layout.shape(domain))


@dataclass
class Gaussian:
    weight: float
    shape: tuple[int, ...]
    seen: list[Any] = field(default_factory=list)

    def log_prob(self, value: Any) -> Any:
        return -self.weight / 2 * (value**2).sum()

    def gradient(self, value: Any) -> Any:
        return -self.weight * value

    def initial(self, rng: np.random.Generator) -> Any:
        return rng.uniform(0.1, 1, self.shape)


class ScoreGate(Constraint):
    """Values are zero before the first note."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.ACTIVATIONS})
    needs: ClassVar[frozenset[str]] = frozenset({"score"})

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        assert layout.side_information.score is not None
        assert layout.frames_s is not None
        first_s = min(note.onset_s for note in layout.side_information.score.notes)
        return Gate(np.broadcast_to(layout.frames_s >= first_s + 0.001, layout.shape(domain)))


@dataclass(frozen=True)
class Gate:
    support: NDArray[np.bool_]

    def project(self, value: Any) -> Any:
        xp = array_api_compat.array_namespace(value)
        return value * xp.asarray(np.array(self.support), dtype=value.dtype)

    def violation(self, value: Any) -> float:
        if hasattr(value, "detach"):
            value = value.detach()
        return float(abs(value - self.project(value)).max())


class PeakLimit(Constraint):
    """No sample is above a peak."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    peak: float = Field(0.2, gt=0, description="Largest magnitude of a sample.")

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        return Clip(self.peak)


@dataclass(frozen=True)
class Clip:
    peak: float

    def project(self, value: Any) -> Any:
        return value.clip(-self.peak, self.peak)

    def violation(self, value: Any) -> float:
        if hasattr(value, "detach"):
            value = value.detach()
        return max(0.0, float(abs(value).max()) - self.peak)


def trained_gain() -> Path:
    """The weights that ship with this zoo."""
    return Path(__file__).with_name("weights")
