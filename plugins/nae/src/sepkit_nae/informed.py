"""What a score adds to a problem: constraints on activations and templates."""

from __future__ import annotations

from dataclasses import replace

from sepkit.builtin import HarmonicConstraint, ScoreConstraint
from sepkit.problem.constraint import Constraint
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.problem.statement import Hosted

DEFAULT_CONSTRAINTS: tuple[tuple[Constraint, Domain], ...] = (
    (ScoreConstraint(), Domain.ACTIVATIONS),
    (HarmonicConstraint(), Domain.TEMPLATES),
)
"""What holds beside a score, unless the caller says it in other words."""


def with_score_constraints(problem: Problem) -> Problem:
    """The problem with `DEFAULT_CONSTRAINTS`, but for those that it has with options of its own."""
    declared = {hosted.statement.name for hosted in problem.constraints}
    added = tuple(
        Hosted(constraint, domain, constraint.name)
        for constraint, domain in DEFAULT_CONSTRAINTS
        if constraint.name not in declared
    )
    return replace(problem, constraints=problem.constraints + added)
