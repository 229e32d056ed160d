"""How little a recording resembles a score that was aligned to it."""

from __future__ import annotations

import numpy as np

from sepkit.alignment.features import FRAMES_HZ, Features, Values, score_features
from sepkit.alignment.timemap import TimeMap
from sepkit.music.score import Score

_POOL = FRAMES_HZ // 10
_ONSET_SHARE = 1 / 6
_NOTHING_IN_COMMON = 0.5
_TINY = 1e-12


def mismatch(score: Score, times: TimeMap, recording: Features) -> float:
    """The mean distance between what the score has and what sounds, where the score was found.

    Pitches are compared by half their squared distance, averaged over the time of the recording and over that of the
    score: neither squeezing the score into one chord nor stretching it over many makes it small. Onsets are compared by
    their correlation. Where the score goes on beyond the recording or the recording beyond the score, what both cover
    counts; but if some of each is left over, that counts as having nothing in common.

    Returns
    -------
    cost : float
        0 if score and recording are the same, 1 if they share neither pitches nor onsets.
    """
    heard = recording.pooled(_POOL)
    sounding = score_features(score, times, len(recording.pitches))
    played = sounding.pooled(_POOL)
    times_s = (np.arange(len(heard)) * _POOL + (_POOL - 1) / 2) / FRAMES_HZ
    begin_s, end_s = score.notes[0].onset_s, max(note.offset_s for note in score.notes)
    half_s = _POOL / FRAMES_HZ / 2
    found = (times_s > times(begin_s) - half_s) & (times_s < times(end_s) + half_s)
    heard_energy, played_energy = (np.square(values).sum(axis=1) for values in (heard, played))
    loudness = np.maximum(heard_energy, played_energy) * found
    if not loudness.any():
        return 1.0
    distance = np.square(heard - played).sum(axis=1) / 2
    score_time = np.diff(times.inverse(times_s[:, np.newaxis] + [-half_s, half_s])).ravel()
    pitches = (np.average(distance, weights=loudness) + np.average(distance, weights=loudness * score_time)) / 2
    recorded_s = times.inverse([0, len(recording.pitches) / FRAMES_HZ])
    share_of_score = np.diff(np.clip(recorded_s, begin_s, end_s))[0] / (end_s - begin_s)
    share_of_recording = heard_energy[found].sum() / max(heard_energy.sum(), _TINY)
    covered = max(share_of_score, share_of_recording)
    span = np.repeat(found, _POOL)[: len(recording.onsets)]
    # All of a recording that the score covers is looked at in place.
    where = slice(None) if span.all() else span
    onsets = 1 - _correlation(recording.onsets[where], sounding.onsets[where])
    pitches = covered * pitches + (1 - covered) * _NOTHING_IN_COMMON
    return float((1 - _ONSET_SHARE) * pitches + _ONSET_SHARE * onsets)


def _correlation(a: Values, b: Values) -> float:
    return float(np.vdot(a, b)) / max(float(np.linalg.norm(a)) * float(np.linalg.norm(b)), _TINY)
