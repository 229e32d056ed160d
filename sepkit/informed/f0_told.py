"""What users are told of F0: what of it cannot be used, and how far it had to be moved."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sepkit.informed.f0_known import chords
from sepkit.informed.parts_asked import remark_on_late_notes
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.side import SideInformation
from sepkit.problem.run import Run

_EARLY_S = 1.0
"""By which F0 may end before the recording, or begin after it does, without a remark."""


def remark_on_known_f0(known: SideInformation, mixture: Audio, run: Run) -> None:
    """Tell the user of notes that have no F0 of their own, and of what lies after the recording or leaves it early."""
    if known.score is not None:
        remark_on_late_notes(known.score, mixture, run)
        for part in known.score.parts:
            unheard = 0 if part in known.f0 else chords(known.score.part(part).notes)
            if unheard:
                run.remark(
                    f"{unheard} of the notes of {part} begin with a higher one: a source has one F0, the highest"
                )
    remark_on_spans(known.f0, mixture, run)


def remark_on_spans(tracks: Mapping[str, F0Track], mixture: Audio, run: Run) -> None:
    """Tell the user of F0 that begins well after the recording does, or ends well before it."""
    for name, track in tracks.items():
        if track.times_s[-1] < mixture.duration_s - _EARLY_S or track.times_s[0] > _EARLY_S:
            run.remark(
                f"F0 of {name} is given from {track.times_s[0]:.1f} to {track.times_s[-1]:.1f} s of a recording of "
                f"{mixture.duration_s:.1f} s: beyond that it counts as unvoiced"
            )


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
