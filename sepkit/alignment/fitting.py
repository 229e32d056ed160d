"""Whether a score is one of the recording that it is given for, and where the recording plays it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from sepkit.alignment.alignment import LARGEST_COST, Alignment, align, is_audible, length_mismatch, moved, without_drums
from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
from sepkit.music.score import Score
from sepkit.problem.run import Cancel, Reporter, Run

CLEARLY = 0.03
"""Where the cost falls by more than this when the notes are moved, that is clearly better: measured, see the guide."""

_LITTLE_IN_COMMON = (
    f"score and recording have little in common: cost {{:.2f}}, that of right ones is at most {LARGEST_COST}; give the "
    "score of this piece, in its key and with the repeats that are played (what sounds and is not in it, such as "
    "drums, raises it too)"
)
_KEEP = "to keep them give --align never, or align='never'"
_MOVE = "to move them there give --align auto, or align='auto'"

Aligning = Literal["auto", "always", "never"]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A score as a method is to have it.

    Attributes
    ----------
    score : Score
    record : dict or None
        What was found, for the provenance: ``moved``, ``backend``, ``cost_as_given``, ``cost``, ``median_shift_s``,
        ``worst_shift_s``, ``tuning_cents``; None where nothing was compared.
    remark : str or None
        What the user ought to know of it.
    """

    score: Score
    record: dict[str, Any] | None = None
    remark: str | None = None


def fitted(
    mixture: Audio,
    score: Score,
    aligning: Aligning,
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
    *,
    heard: bool = False,
) -> Fitted:
    """Compare a score with a recording, and move its notes where that is wanted.

    A recording that is silent and a score without pitches cannot be compared: the score stays as it is. So does one
    whose notes were heard in this very recording, which is where they are.

    Parameters
    ----------
    mixture : Audio
    score : Score
    aligning : {'auto', 'always', 'never'}
        Whether notes are moved: if the cost falls clearly, in any case, or not at all.
    reporter, cancel : optional
        As of `align`.
    heard : bool
        Whether the notes were heard in this recording.

    Raises
    ------
    ConfigError
        If `aligning` is none of these.
    SideInformationError, AudioError
        If notes are to be moved in any case and cannot be.
    Cancelled
    """
    if aligning not in get_args(Aligning):
        raise ConfigError(f"align needs to be {', '.join(get_args(Aligning))}, given {aligning!r}")
    if aligning == "always":
        alignment = align(mixture, score, reporter=reporter, cancel=cancel)
        return Fitted(alignment.score, _record(alignment, moved=True))
    if heard or not (without_drums(score).notes and is_audible(mixture)):
        return Fitted(score)
    if strange := length_mismatch(mixture, score):
        return Fitted(score, remark=strange)
    with Run(reporter=reporter, cancel=cancel) as run:
        alignment = moved(mixture, score, "builtin", run)
    if alignment.cost > LARGEST_COST:
        return Fitted(score, _record(alignment, moved=False), _LITTLE_IN_COMMON.format(alignment.cost))
    if alignment.cost_as_given - alignment.cost <= CLEARLY:
        return Fitted(score, _record(alignment, moved=False))
    distance = f"{alignment.median_shift_s:.2f} s away in the median, {alignment.worst_shift_s:.2f} s at most"
    costs = f"cost {alignment.cost_as_given:.2f} as given, {alignment.cost:.2f} there"
    if aligning == "auto":
        remark = f"the notes of the score were moved to where the recording plays them, {distance} ({costs}); {_KEEP}"
        return Fitted(alignment.score, _record(alignment, moved=True), remark)
    remark = f"the recording plays the notes of the score elsewhere, {distance} ({costs}); {_MOVE}"
    return Fitted(score, _record(alignment, moved=False), remark)


def _record(alignment: Alignment, *, moved: bool) -> dict[str, Any]:
    found = len(alignment.shifts_s) > 0
    return {
        "moved": moved,
        "backend": alignment.backend,
        "cost_as_given": round(alignment.cost_as_given, 4),
        "cost": round(alignment.cost, 4),
        "median_shift_s": round(alignment.median_shift_s, 4) if found else None,
        "worst_shift_s": round(alignment.worst_shift_s, 4) if found else None,
        "tuning_cents": round(alignment.tuning_cents, 2),
    }
