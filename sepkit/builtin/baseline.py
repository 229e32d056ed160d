"""Baselines: what every method has to beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sepkit.config import Config
from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator


class MixtureAsEstimate(Separator[Config]):
    """Every stem is the mixture as it is."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        names = problem.sources
        return {names[index]: problem.mixture for index in run.steps(len(names), "copy")}


class Silence(Separator[Config]):
    """Every stem is silent."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        names, mixture = problem.sources, problem.mixture
        silence = Audio(np.zeros_like(mixture.samples), mixture.sample_rate)
        return {names[index]: silence for index in run.steps(len(names), "silence")}
