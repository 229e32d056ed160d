"""Constraints on waveforms, which every method hosts by the last projection on its stems."""

from __future__ import annotations

from sepkit import large
from sepkit.music.audio import Audio
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run


def project_waveforms(problem: Problem, stems: dict[str, Audio], run: Run) -> dict[str, Audio]:
    """The stems after all constraints on waveforms, whose violations the run is told.

    Parameters
    ----------
    problem : Problem
        Of the mixture and what is known of it as the caller gave them.
    stems : dict of str to Audio
        Like the mixture; emptied on the way.
    run : Run
    """
    layout = problem.layout(sources=tuple(stems))
    bound = problem.bind_constraints(layout, Domain.WAVEFORMS)
    if not bound:
        return stems
    value = large.empty(layout.shape(Domain.WAVEFORMS))
    for index, name in enumerate(tuple(stems)):
        # One stem at a time moves over, so that no stem is held twice.
        stem = stems.pop(name).samples
        for span in large.spans(stem.shape[1]):
            value[index, :, span] = stem[:, span]
    value = bound.project_waveforms(value)
    run.report_violations(bound.violations(value))
    return {name: Audio(stem, problem.mixture.sample_rate) for name, stem in zip(layout.sources, value, strict=True)}
