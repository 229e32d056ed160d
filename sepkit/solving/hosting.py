"""Constraints on waveforms, which sepkit hosts for every method alike."""

from __future__ import annotations

import numpy as np

from sepkit.music.audio import Audio
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run


def project_waveforms(problem: Problem, stems: dict[str, Audio], run: Run) -> dict[str, Audio]:
    """The stems after a last projection on the constraints on waveforms; `stems` is used up."""
    layout = problem.layout(sources=tuple(stems))
    bound = problem.bind_constraints(layout, Domain.WAVEFORMS)
    if not bound:
        return stems
    value = np.empty(layout.shape(Domain.WAVEFORMS), np.float32)
    for index, name in enumerate(tuple(stems)):
        # One stem at a time moves over, so that no stem is held twice.
        value[index] = stems.pop(name).samples
    value = bound.project(value)
    run.report_violations(bound.violations(value))
    return {name: Audio(stem, problem.mixture.sample_rate) for name, stem in zip(layout.sources, value, strict=True)}
