"""What a score adds to a problem: its parts, an atom for every pitch of each, and constraints on both variables."""

from __future__ import annotations

from dataclasses import replace

from sepkit.audio import Audio
from sepkit.builtin import HarmonicConstraint, ScoreConstraint
from sepkit.constraint import Constraint
from sepkit.domain import Domain
from sepkit.errors import SideInformationError
from sepkit.problem import Problem
from sepkit.run import Run
from sepkit.score import Score
from sepkit.statement import Hosted

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


def wanted_parts(score: Score, sources: tuple[str, ...]) -> tuple[str, ...]:
    """The sources, or all parts of the score when none are named.

    Raises
    ------
    SideInformationError
        If no source is a part, or a part that is to name a stem has no name.
    """
    wanted = sources or score.parts
    if not all(name.strip() for name in wanted):
        raise SideInformationError("notes of the score belong to no part, so their stem has no name; give each a part")
    if not set(wanted) & set(score.parts):
        parts, names = ", ".join(map(repr, score.parts)), ", ".join(wanted)
        raise SideInformationError(
            f"the score has parts {parts} and none of the sources {names}; give sources the names of parts, or rename "
            "parts with --parts"
        )
    return wanted


def remark_on_late_notes(score: Score, mixture: Audio, run: Run) -> None:
    """Tell the user of notes that lie after the recording's end."""
    late = [note for note in score.notes if note.onset_s >= mixture.duration_s]
    if late:
        run.remark(
            f"{len(late)} of {len(score.notes)} notes lie after the recording's end at {mixture.duration_s:.1f} s, "
            f"the first at {late[0].onset_s:.1f} s"
        )
