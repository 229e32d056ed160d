"""What a separator informed by a score asks of it first: which parts become stems, and which do not."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sepkit.errors import SideInformationError
from sepkit.music.score import Score
from sepkit.problem.run import Run


def wanted_parts(score: Score, sources: Sequence[str]) -> tuple[str, ...]:
    """The sources, or all parts of the score where none are named.

    Parameters
    ----------
    score : Score
    sources : sequence of str
        Some may be no parts of the score.

    Raises
    ------
    SideInformationError
        If the score has no notes, no source is a part, or a part that is to be a stem has no name.
    """
    wanted = tuple(sources) or score.parts
    if not all(name.strip() for name in wanted):
        raise SideInformationError("notes of the score belong to no part, so their stem has no name; give each a part")
    require_parts(score, wanted)
    return wanted


def require_parts(score: Score, sources: Sequence[str]) -> None:
    """Refuse a score without notes, and one in which no source has a part.

    Raises
    ------
    SideInformationError
        If the score has no notes, or there are sources and none is a part of it.
    """
    if not score.notes:
        raise SideInformationError("the score has no notes; give one that has, or none")
    if sources and not set(sources) & set(score.parts):
        parts, names = ", ".join(map(repr, score.parts)), ", ".join(sources)
        raise SideInformationError(
            f"the score has parts {parts} and none of the sources {names}; give sources the names of parts, or rename "
            "parts with --parts"
        )


def remark_on_strangers(score: Score, sources: Sequence[str], run: Run, *, known: Collection[str] = ()) -> None:
    """Tell the user of sources that are no parts where parts are left out: they may be meant for each other.

    Parameters
    ----------
    score : Score
    sources : sequence of str
        Those that were asked for.
    run : Run
    known : collection of str
        Those of which something else is known.
    """
    strangers = [name for name in sources if name not in score.parts and name not in known]
    left_out = [part for part in score.parts if part.strip() and part not in sources]
    if strangers and left_out:
        run.remark(
            f"of {', '.join(strangers)} the score has no notes, and its parts {', '.join(left_out)} are no stems; name "
            "sources like the parts, or rename parts with --parts, if they are meant"
        )
