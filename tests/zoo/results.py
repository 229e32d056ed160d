"""Methods whose instances and stems break one promise each."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sepkit import Audio, Config, Problem, Run
from tests.zoo.good import NAMES, Array, Shares


class CannotConstruct(Shares):
    def __init__(self, config: Config) -> None:
        raise RuntimeError("no")


class OpensFiles(Shares):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        with open(sys.executable, "rb") as file:
            self.magic = file.read(4)


class LooksForWeights(Shares):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        with open(Path(sys.executable).with_name("weights.bin"), "rb") as file:
            self.weights = file.read()


class HoldsLambda(Shares):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.function = lambda value: value


class LoadsUp(Shares):
    loads = 0

    def load(self, weights: Path | None, run: Run) -> None:
        self.loads += 1

    def step(self, value: Array, problem: Problem) -> Array:
        return value / np.float32(max(1, self.loads)) if self.loads > 1 else value


class Raises(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        raise ZeroDivisionError("one over nothing")


class GivesAll(Shares):
    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        return super().separate(replace(problem, sources=("low", "mid", "high")), run)


class GivesArrays(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Any]:
        return dict(zip(problem.sources or NAMES, value, strict=True))


class SortsNames(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        return dict(sorted(super().finish(value, problem, run).items()))


class CutsToHop(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        length = max(1, problem.mixture.length // 4 * 4)
        return super().finish(value[..., :length], problem, run)


class Doubles(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        stems = super().finish(value, problem, run)
        for stem in stems.values():
            object.__setattr__(stem, "samples", stem.samples.astype(np.float64))
        return stems


class DividesBySilence(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        peak = np.abs(value).max()
        with np.errstate(invalid="ignore"):
            return value / peak * peak


class WantsTwoSamples(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        return value + 0 * np.abs(np.diff(value)).max()


class Overflows(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            huge = np.exp(np.abs(value).max())
            return value * (huge / huge)


class Gates(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        return np.where(np.abs(value) > 0.02, value, np.float32(0))


class Halves(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        return value / 2


class LosesAntiphase(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        samples = problem.mixture.samples
        heard = np.abs(samples.mean(axis=0)).max() > 1e-3 * np.abs(samples).max()
        return value if heard else value * 0


class KnowsNames(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        loudest = min(problem.sources or NAMES)
        factors = [1.5 if name == loudest else 0.5 for name in problem.sources or NAMES]
        return super().finish(value * np.array(factors, np.float32)[:, np.newaxis, np.newaxis], problem, run)


class Guesses(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        run.identify(problem.sources)
        return super().finish(value, problem, run)


class LosesPips(Shares):
    def step(self, value: Array, problem: Problem) -> Array:
        return value if np.mean(problem.mixture.samples != 0) > 0.5 else value * 0
