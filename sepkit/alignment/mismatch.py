"""How little a recording resembles a score that was aligned to it."""

from __future__ import annotations

import numpy as np

from sepkit.alignment.features import FRAMES_HZ, Features, score_features
from sepkit.alignment.timemap import TimeMap
from sepkit.score import Score

_POOL = FRAMES_HZ // 10
_NOTHING_IN_COMMON = 0.5


def mismatch(score: Score, times: TimeMap, recording: Features) -> float:
    """The mean half squared distance between what the score has and what sounds, where the score was found.

    It is the mean of two averages, over the time of the recording and over that of the score: neither a score that is
    squeezed into one chord nor one that is stretched over many makes it small. Where the score goes on beyond the
    recording or the recording beyond the score, the part that both cover counts; but if some of each is left over, what
    is left over counts as having nothing in common.

    Returns
    -------
    cost : float
        0 if score and recording are the same, 1/2 where one of them is silent, 1 if they share no pitch.
    """
    heard = recording.pooled(_POOL)
    played = score_features(score, times, len(recording.pitches)).pooled(_POOL)
    times_s = (np.arange(len(heard)) * _POOL + (_POOL - 1) / 2) / FRAMES_HZ
    begin_s, end_s = score.notes[0].onset_s, max(note.offset_s for note in score.notes)
    half_s = _POOL / FRAMES_HZ / 2
    found = (times_s > times(begin_s) - half_s) & (times_s < times(end_s) + half_s)
    if not found.any():
        return 1.0
    distance = np.square(heard - played).sum(axis=1)[found] / 2
    energies = np.square(heard).sum(axis=1)
    loudness = np.maximum(energies, np.square(played).sum(axis=1))[found]
    score_s = times.inverse(times_s[:, np.newaxis][found] + [-half_s, half_s])
    by_score = loudness * np.diff(score_s).ravel()
    cost = (np.average(distance, weights=loudness) + np.average(distance, weights=by_score)) / 2
    recorded_s = times.inverse([0, len(recording.pitches) / FRAMES_HZ])
    share_of_score = np.diff(np.clip(recorded_s, begin_s, end_s))[0] / (end_s - begin_s)
    covered = max(energies[found].sum() / energies.sum(), share_of_score)
    return float(cost * covered + _NOTHING_IN_COMMON * (1 - covered))
