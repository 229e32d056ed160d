"""Tiny separators and statements for the tests, published under the name that `conftest` gives this module."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sepkit import Audio, Cancelled, Config, Constraint, Domain, Layout, Prior, Problem, Projection, Run, Separator
from sepkit.errors import ConfigError, WeightsError
from sepkit.plugin import SeparatorSpec, Weights
from sepkit.training import Trainer, TrainingConfig, TrainingData

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


class Peeks(Shares):
    """Tells what it is told."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        run.remark(f"told of {', '.join(sorted(problem.side_information.kinds))}")
        return super().separate(problem, run)


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


class TeachingConfig(Config):
    passes: int = Field(default=1, ge=1, description="How often every track is looked at.")
    fault: str = ""


class Teaching(Trainer[TeachingConfig]):
    """Learns the levels of sources: their root mean square, over all tracks. The rate is that of the last one."""

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        if self.config.fault == "raises":
            raise ZeroDivisionError("no energy")
        state = folder / "state.json"
        table = (
            json.loads(state.read_text()) if state.exists() else {"done": 0, "energy": dict.fromkeys(data.sources, 0)}
        )
        total = self.config.passes * len(data.train)
        for _ in run.steps(total - table["done"], "listen"):
            stems = data.train[table["done"] % len(data.train)].load_stems()
            for source in data.sources:
                table["energy"][source] += float(np.square(stems[source].samples).sum()) if source in stems else 0.0
            table["done"] += 1
            state.write_text(json.dumps(table))
        energy = np.array(list(table["energy"].values()))
        levels = np.sqrt(energy / energy.sum()) * run.rng.uniform(0.9, 1.1)
        record = {"levels": dict(zip(data.sources, levels.tolist())), "sample_rate": stems[source].sample_rate}  # noqa: B905
        (folder / "levels.json").write_text(json.dumps(record))
        run.remark(f"listened to {total} tracks on {run.device}")
        state.unlink()


class Tuning(Trainer[TrainingConfig]):
    """Goes on from weights, and tells what it was given."""

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        raise NotImplementedError

    def fine_tune(self, weights: Path, data: TrainingData, folder: Path, run: Run) -> None:
        record = json.loads((weights / "levels.json").read_text())
        for _ in run.steps(len(data.train), "tune"):
            pass
        told = {"from": str(weights), "tracks": [track.name for track in (*data.train, *data.valid)]}
        told |= {"config": self.config.model_dump(), "drawn": float(run.rng.uniform())}
        (folder / "levels.json").write_text(json.dumps({**record, **told}))


class Taught(Separator[Config]):
    """Every stem is the mixture times the level that was learned for it, at the rate of what was learned from."""

    levels: Mapping[str, float] = MappingProxyType({"first": 0.25, "second": 0.75})
    _rate: int | None = None

    @property
    def sample_rate(self) -> int | None:
        return self._rate

    def load(self, weights: Path | None, run: Run) -> None:
        if weights is not None:
            try:
                record = json.loads((weights / "levels.json").read_text())
            except (OSError, ValueError) as error:
                raise WeightsError(f"{weights} holds no levels; train them with: sepkit train") from error
            self.levels, self._rate = record["levels"], record["sample_rate"]

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        mixture, names = problem.mixture, problem.sources or tuple(self.levels)
        run.trace("sample rate", [mixture.sample_rate])
        for _ in run.steps(1, "share"):
            stems = {name: mixture.samples * np.float32(self.levels.get(name, 0)) for name in names}
        return {name: Audio(stem, mixture.sample_rate) for name, stem in stems.items()}


class TaughtByAFile(Taught):
    """The same, which wants the file itself."""

    def load(self, weights: Path | None, run: Run) -> None:
        super().load(None if weights is None else weights.parent, run)


class Tuned(Taught):
    """Separates into what its weights know."""

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self.levels)


def bundled_levels() -> Path:
    """Where the weights of `taught-bundled` lie."""
    return Path(__file__).with_name("levels")


def bundled(name: str, function: str = "bundled_levels") -> Weights:
    """Weights that ship with the fakes."""
    return Weights(name=name, licence="MIT", source="nobody", folder=f"{__name__}:{function}")


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

    domains: ClassVar[frozenset[Domain]] = frozenset(
        {Domain.SPECTROGRAMS, Domain.TEMPLATES, Domain.ACTIVATIONS, Domain.F0}
    )

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

    rate: int | None = None

    @property
    def sample_rate(self) -> int | None:
        return self.rate

    def bind(self, layout: Layout, domain: Domain) -> Any:
        raise NotImplementedError
