"""Alignment from coarse to fine by dynamic time warping.

At the coarse level the whole score is compared with the whole recording, at several tempos. Each finer level moves the
notes to where the level before it heard them, and looks for what is left to correct near the diagonal: memory grows with
the length of the recording and not with its square.

References
----------
Müller, Mattes and Kurth, "An efficient multiscale approach to audio synchronization", ISMIR 2006.
Prätzlich, Driedger and Müller, "Memory-restricted multiscale dynamic time warping", ICASSP 2016.
"""

from __future__ import annotations

import math

import numpy as np

from sepkit.alignment.dtw import warping_path
from sepkit.alignment.features import FRAMES_HZ, Features, score_features
from sepkit.alignment.timemap import TimeMap
from sepkit.run import Run
from sepkit.score import Score

_COARSE_HZ = 2
_MOST_COARSE_FRAMES = 8000
_TEMPOS = (0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0)
_LEVELS = ((10, 4.0, 0.0), (FRAMES_HZ, 0.5, 0.7))
"""Frames a second, how far from the diagonal in seconds, and the share of the onsets."""


def synchronize(score: Score, recording: Features, run: Run) -> TimeMap:
    """Find when the recording plays what the score has at a time.

    Parameters
    ----------
    score : Score
    recording : Features
    run : Run
        For progress and cancellation.
    """
    tempos = run.steps(1 + len(_LEVELS), "aligning")
    next(tempos)
    times = _coarse(score, recording, run)
    for (frames_hz, reach_s, share), _ in zip(_LEVELS, tempos, strict=True):
        times = _corrected(times, score, recording, frames_hz, reach_s, share, run)
    return times


def _coarse(score: Score, recording: Features, run: Run) -> TimeMap:
    """Compare all with all, at the tempo at which it costs least."""
    begin_s, end_s = score.notes[0].onset_s, max(note.offset_s for note in score.notes)
    played = _notes_at(score, TimeMap(np.array([begin_s]), np.array([0.0]), 1.0), math.ceil((end_s - begin_s) * FRAMES_HZ) + 1)
    longest = max(len(recording.pitches), len(played.pitches))
    pool = max(FRAMES_HZ // _COARSE_HZ, math.ceil(longest / _MOST_COARSE_FRAMES))
    heard = recording.pooled(pool)
    least, best = math.inf, None
    for tempo in (*_TEMPOS, np.clip(len(recording.pitches) / len(played.pitches), 0.25, 4)):
        score_pool = max(1, round(pool / tempo))
        wanted = played.pooled(score_pool)
        (rows, columns), cost = warping_path(wanted, heard, each_row=run.check_cancelled)
        if cost / (len(wanted) + len(heard)) < least:
            least = cost / (len(wanted) + len(heard))
            best = TimeMap.through(begin_s + _middles_s(rows, score_pool), _middles_s(columns, pool), pool / score_pool)
    return best


def _corrected(times, score, recording, frames_hz, reach_s, share, run):
    """Look near the diagonal for what is left to correct."""
    pool, reach = FRAMES_HZ // frames_hz, round(reach_s * frames_hz)
    early = TimeMap(times.score_s, times.recording_s + reach_s, times.slope)
    played = _notes_at(score, early, len(recording.pitches) + 2 * reach * pool)
    heard, wanted = (f.with_onsets(share) if share else f.pooled(pool) for f in (recording, played))
    width = min(len(heard), 2 * reach + 1)
    first = np.clip(np.arange(len(wanted)) - 2 * reach, 0, len(heard) - width)
    (rows, columns), _ = warping_path(wanted, heard, first, width, run.check_cancelled)
    return TimeMap.through(early.inverse(_middles_s(rows, pool)), _middles_s(columns, pool), times.slope)


def _notes_at(score, times, frames):
    onsets_s, offsets_s = times([[n.onset_s for n in score.notes], [n.offset_s for n in score.notes]])
    return score_features(onsets_s, offsets_s, [n.pitch for n in score.notes], frames)


def _middles_s(frames, pool):
    """Times of the middles of pooled frames."""
    return (frames * pool + (pool - 1) / 2) / FRAMES_HZ
