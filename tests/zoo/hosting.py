"""Methods that do other things with priors and constraints than they declare."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sepkit import Atom, Audio, Domain, Layout, Problem, Run
from tests.zoo.good import NAMES, Array, Shares


class ReportsNothing(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        layout = problem.layout(sources=problem.sources or NAMES)
        return super().finish(problem.bind_constraints(layout, Domain.WAVEFORMS).project(value), problem, run)


class InventsViolations(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        layout = problem.layout(sources=problem.sources or NAMES)
        run.report_violations({hosted.label: 1e-9 for hosted in problem.constraints})
        return super().finish(problem.bind_constraints(layout, Domain.WAVEFORMS).project(value), problem, run)


class ProjectsTooEarly(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        bound = problem.bind_constraints(problem.layout(sources=problem.sources or NAMES), Domain.WAVEFORMS)
        value = bound.project(value) + np.float32(0.01) * value
        run.report_violations(bound.violations(value))
        return super().finish(value, problem, run)


class ReportsTooEarly(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        bound = problem.bind_constraints(problem.layout(sources=problem.sources or NAMES), Domain.WAVEFORMS)
        run.report_violations(bound.violations(bound.project(value)))
        return super().finish(value, problem, run)


class IgnoresPriors(Shares):
    pass


class AsksInVain(Shares):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        layout = problem.layout(sources=problem.sources or NAMES)
        run.trace("log_prob", [density.log_prob(value) for density in problem.bind_priors(layout, Domain.WAVEFORMS)])
        return super().finish(value, problem, run)


class Activations(Shares):
    """Scales every stem by the mean of an activation."""

    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        names = problem.sources or NAMES
        layout = self.layout(problem, names)
        H = np.ones((len(names), 5))
        for density in problem.bind_priors(layout, Domain.ACTIVATIONS):
            plus, minus = density.split_gradient(H)  # type: ignore[attr-defined]
            H = H * (1 + minus) / (2 + plus)
        bound = problem.bind_constraints(layout, Domain.ACTIVATIONS)
        H = bound.project(H)
        run.report_violations(bound.violations(H))
        gains = H.mean(axis=1).astype(np.float32)[:, np.newaxis, np.newaxis]
        return super().finish(value * gains, problem, run)

    def layout(self, problem: Problem, names: tuple[str, ...]) -> Layout:
        frames_s = np.linspace(0, problem.mixture.duration_s, 5)
        return problem.layout(sources=names, atoms=tuple(map(Atom, names)), frames_s=frames_s)


class WantsSplit(Activations):
    pass


class WantsLog(Activations):
    def finish(self, value: Array, problem: Problem, run: Run) -> Mapping[str, Audio]:
        layout = self.layout(problem, problem.sources or NAMES)
        for _, projection in problem.bind_constraints(layout, Domain.ACTIVATIONS).projections:
            assert projection.log.calls >= 0  # type: ignore[attr-defined]
        return super().finish(value, problem, run)
