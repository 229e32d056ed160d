"""Alignment from coarse to fine by dynamic time warping.

At the coarse level the whole score is compared with the whole recording, at several tempos. Each finer level moves the
notes to where the level before it heard them and looks near the diagonal for what is left to correct, so that memory
grows with the length of the recording and not with its square.

References
----------
Müller, Mattes and Kurth, "An efficient multiscale approach to audio synchronization", ISMIR 2006.
Prätzlich, Driedger and Müller, "Memory-restricted multiscale dynamic time warping", ICASSP 2016.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sepkit.alignment.dtw import warping_path
from sepkit.alignment.features import FRAMES_HZ, Features, score_features
from sepkit.alignment.timemap import TimeMap
from sepkit.music.score import Score
from sepkit.problem.run import Run

_COARSE_HZ = 2
_MOST_COARSE_FRAMES = 8000
_TEMPOS = (0.5, 0.7, 1.0, 1.4, 2.0)
_LEVELS = ((10, 2.0, 0.0), (FRAMES_HZ, 0.3, 0.7))
"""Frames a second, how far from the diagonal in seconds, and the share of the onsets."""


def synchronize(score: Score, recording: Features, run: Run) -> TimeMap:
    """Find when the recording plays each moment of the score.

    Parameters
    ----------
    score : Score
    recording : Features
    run : Run
        For progress and cancellation.
    """
    for level in run.steps(1 + len(_LEVELS), "aligning"):
        if level == 0:
            times = _coarse(score, recording, run)
        else:
            times = _corrected(times, score, recording, *_LEVELS[level - 1], run)
    return times


def _coarse(score: Score, recording: Features, run: Run) -> TimeMap:
    """Compare all frames with all others at each tempo, and take the tempo of least cost."""
    begin_s, end_s = score.notes[0].onset_s, max(note.offset_s for note in score.notes)
    from_begin = TimeMap(np.array([begin_s]), np.zeros(1), 1.0)
    played = score_features(score, from_begin, math.ceil((end_s - begin_s) * FRAMES_HZ) + 1)
    frames = len(recording.pitches), len(played.pitches)
    pool = max(FRAMES_HZ // _COARSE_HZ, math.ceil(max(frames) / _MOST_COARSE_FRAMES))
    heard = recording.pooled(pool)
    least, best = math.inf, from_begin
    for tempo in (*_TEMPOS, np.clip(frames[0] / frames[1], min(_TEMPOS), max(_TEMPOS))):
        score_pool = round(pool / tempo)
        wanted = played.pooled(score_pool)
        (rows, columns), cost = warping_path(wanted, heard, each_row=run.check_cancelled)
        if cost / (len(wanted) + len(heard)) < least:
            least = cost / (len(wanted) + len(heard))
            score_s = begin_s + _middles_s(rows, score_pool)
            best = TimeMap.through(score_s, _middles_s(columns, pool), pool / score_pool)
    return best


def _corrected(
    times: TimeMap, score: Score, recording: Features, frames_hz: int, reach_s: float, share: float, run: Run
) -> TimeMap:
    """Look near the diagonal for what is left to correct."""
    pool, reach = FRAMES_HZ // frames_hz, round(reach_s * frames_hz)
    delayed = TimeMap(times.score_s, times.recording_s + reach_s, times.slope)
    played = score_features(score, delayed, len(recording.pitches) + 2 * reach * pool)
    wanted, heard = (
        features.with_onsets(share) if share else features.pooled(pool) for features in (played, recording)
    )
    width = min(len(heard), 2 * reach + 1)
    first = np.clip(np.arange(len(wanted)) - 2 * reach, 0, len(heard) - width)
    (rows, columns), _ = warping_path(wanted, heard, first, width, spare=reach, each_row=run.check_cancelled)
    return TimeMap.through(delayed.inverse(_middles_s(rows, pool)), _middles_s(columns, pool), times.slope)


def _middles_s(frames: NDArray[np.intp], pool: int) -> NDArray[np.float64]:
    """Times of the middles of pooled frames."""
    return (frames * pool + (pool - 1) / 2) / FRAMES_HZ
