"""What users are told of F0: what of it cannot be used, and how far it had to be moved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.informed.f0_known import chords
from sepkit.music.percussion import is_drum
from sepkit.music.side import SideInformation
from sepkit.problem.run import Run


def remark_on_notes(known: SideInformation, run: Run) -> None:
    """Tell the user of notes that have no F0 of their own: those of drums, and those below others of their source."""
    if known.score is None:
        return
    for part in known.score.parts:
        if part in known.f0:
            continue
        if is_drum(part):
            run.remark(f"the notes of {part} are taken for strokes of drums, which have no F0, and are left out")
        elif unheard := chords(known.score.part(part).notes):
            run.remark(f"{unheard} of the notes of {part} begin with a higher one: a source has one F0, the highest")


def remark_on_moved_f0(source: str, moved_cents: NDArray[np.floating], run: Run) -> None:
    """Tell the user how far F0 was moved from what was given.

    Parameters
    ----------
    source : str
    moved_cents : ndarray [shape=(frames,)]
        NaN where unvoiced.
    run : Run
    """
    distance = np.abs(moved_cents[np.isfinite(moved_cents)])
    if distance.size and distance.max() > 0:
        run.remark(
            f"F0 of {source} was moved by {np.median(distance):.0f} cents in the median, up to "
            f"{np.percentile(distance, 95):.0f} in 95 % of its frames, to follow the recording"
        )
