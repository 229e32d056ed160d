"""Tiny separators and statements for the tests, published under the name that `conftest` gives this module."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sepkit import Audio, Cancelled, Config, Constraint, Domain, Layout, Prior, Problem, Projection, Run, Separator
from sepkit.errors import ConfigError
from sepkit.plugin import SeparatorSpec

NAMES = ("first", "second")


def spec(name: str, factory: str, **options: Any) -> SeparatorSpec:
    return SeparatorSpec(name=name, summary="a fake", factory=f"{__name__}:{factory}", **options)


class SharesConfig(Config):
    shares: tuple[float, ...] = (0.25, 0.75)
    """Gain of every stem; the last one counts for all that follow."""


class Shares(Separator[SharesConfig]):
    """Every stem is the mixture times a constant."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        names = problem.sources or NAMES
        gains = [self.config.shares[min(i, len(self.config.shares) - 1)] for i in range(len(names))]
        mixture = problem.mixture
        return {n: Audio(mixture.samples * np.float32(g), mixture.sample_rate) for n, g in zip(names, gains)}  # noqa: B905


class Noise(Separator[Config]):
    """Stems of noise."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        shape = problem.mixture.samples.shape
        return {name: Audio(run.rng.standard_normal(shape), problem.mixture.sample_rate) for name in NAMES}


class StepsConfig(Config):
    total: int = 10
    stop_at: int | None = None
    fail_at: int | None = None


class Steps(Separator[StepsConfig]):
    """Loops with progress; traces how far it came."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        for step in run.steps(self.config.total, "count"):
            run.trace("steps", range(step + 1))
            if step == self.config.stop_at:
                break
            if step == self.config.fail_at:
                raise ArithmeticError("diverged")
        return dict.fromkeys(problem.sources or NAMES, problem.mixture)


class FaultyConfig(Config):
    fault: str


class Faulty(Separator[FaultyConfig]):
    """Breaks the contract in the way that its configuration names."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        mixture = problem.mixture
        samples, rate = mixture.samples, mixture.sample_rate
        names = problem.sources or NAMES
        good = dict.fromkeys(names, mixture)
        fault = self.config.fault
        if fault == "raises":
            raise ZeroDivisionError("one over nothing")
        if fault == "exits":
            sys.exit("gone")
        if fault == "cancels":
            raise Cancelled("cancelled")
        if fault == "refuses":
            raise ConfigError("these options do not go together")
        if fault == "nan":
            return {**good, names[0]: Audio(samples * np.nan, rate)}
        if fault == "infinite trace":
            run.trace("cost", [1.0, np.inf, np.nan])
            return good
        broken: dict[str, Any] = {
            "nothing": None,
            "no stems": {},
            "missing name": {names[0]: mixture},
            "wrong order": dict.fromkeys(reversed(names), mixture),
            "extra name": {**good, "extra": mixture},
            "number as name": {1: mixture, 2: mixture},
            "array": dict.fromkeys(names, samples),
            "short": {**good, names[0]: Audio(samples[:, :-1], rate)},
            "other rate": {**good, names[0]: Audio(samples, rate + 1)},
            "other channels": {**good, names[0]: Audio(np.concatenate([samples, samples]), rate)},
        }
        stems: Mapping[str, Audio] = broken[fault]
        return stems


class Loading(Separator[Config]):
    """Counts how often it is loaded, and draws random numbers while it is."""

    loads: ClassVar[list[Path | None]] = []

    def load(self, weights: Path | None, run: Run) -> None:
        self.loads.append(weights)
        run.rng.standard_normal(1000)

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        return Noise(Config()).separate(problem, run)


class BreaksOnLoad(Separator[Config]):
    """Cannot be loaded."""

    def load(self, weights: Path | None, run: Run) -> None:
        raise OSError("no such tensor")

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        raise AssertionError("separated although it was not loaded")


class Hosting(Separator[Config]):
    """Hosts constraints on waveforms itself, in its own loop."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        bound = problem.bind_constraints(problem.layout(), Domain.WAVEFORMS)
        value = bound.project(np.stack([problem.mixture.samples] * len(problem.sources)))
        run.report_violations(bound.violations(value))
        rate = problem.mixture.sample_rate
        return {name: Audio(stem, rate) for name, stem in zip(problem.sources, value)}  # noqa: B905


class _Unconstrained:
    def project(self, value: Any) -> Any:
        return value

    def violation(self, value: Any) -> float:
        return 0.0


class Anything(Constraint):
    """Allows everything, in every domain but waveforms."""

    domains: ClassVar[frozenset[Domain]] = frozenset(Domain) - {Domain.WAVEFORMS}

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        return _Unconstrained()


class Informed(Anything):
    """Needs to know the score and the F0 tracks."""

    needs: ClassVar[frozenset[str]] = frozenset({"score", "f0"})


class Ceiling(Constraint):
    """No sample of a stem is louder than a level."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    level: float = 0.5
    """Absolute value of the loudest sample."""

    def bind(self, layout: Layout, domain: Domain) -> Projection:
        return _Clip(self.level)


class _Clip:
    def __init__(self, level: float) -> None:
        self.level = level

    def project(self, value: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.clip(value, -self.level, self.level)

    def violation(self, value: NDArray[np.floating]) -> float:
        return max(0.0, float(np.abs(value).max()) - self.level)


class OnWaveforms(Prior):
    """Speaks of waveforms."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    def bind(self, layout: Layout, domain: Domain) -> Any:
        raise NotImplementedError
