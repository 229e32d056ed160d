"""Alignment by synctoolbox (``pip install "sepkit[align]"``).

References
----------
Müller, Özer, Krause, Prätzlich and Driedger, "Sync Toolbox: A Python package for efficient, robust, and accurate music
synchronization", Journal of Open Source Software 6(64), 2021.
"""

from __future__ import annotations

import contextlib
import io

import numpy as np
from numpy.typing import NDArray

from sepkit.alignment.timemap import TimeMap
from sepkit.errors import SepkitError
from sepkit.music.audio import Audio
from sepkit.music.score import Score
from sepkit.problem.run import Run

_SAMPLE_RATE = 22050
_FRAMES_HZ = 50
_STEP_WEIGHTS = (1.5, 1.5, 2.0)
_LARGEST_RECTANGLE = 10**6
_LOWEST, _HIGHEST = 21, 108

_Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


def synchronize(score: Score, mixture: Audio, cents: float, run: Run) -> TimeMap:
    """Find when the recording plays each moment of the score.

    Parameters
    ----------
    score : Score
    mixture : Audio
    cents : float
        Tuning of the recording.
    run : Run
        For progress and cancellation.

    Raises
    ------
    SepkitError
        If synctoolbox is not installed, or fails.
    """
    try:
        from synctoolbox.dtw.mrmsdtw import sync_via_mrmsdtw
    except ImportError as error:
        raise SepkitError(
            f'the backend synctoolbox is not there ({error}); install it with: pip install "sepkit[align]"'
        ) from error
    stages = run.steps(3, "aligning")
    try:
        # Some of its functions print what they do.
        with contextlib.redirect_stdout(io.StringIO()):
            next(stages)
            chroma, onsets = _heard(mixture, round(cents))
            next(stages)
            played_chroma, played_onsets = _played(score)
            next(stages)
            rows, columns = sync_via_mrmsdtw(
                f_chroma1=played_chroma,
                f_onset1=played_onsets,
                f_chroma2=chroma,
                f_onset2=onsets,
                input_feature_rate=_FRAMES_HZ,
                step_weights=np.array(_STEP_WEIGHTS),
                threshold_rec=_LARGEST_RECTANGLE,
            )
    # It has no errors of its own: what it cannot do, such as align very short recordings, raises any of these.
    except (ValueError, IndexError, KeyError, TypeError, ZeroDivisionError) as error:
        raise SepkitError(f"synctoolbox cannot align this ({error}); give backend 'builtin'") from error
    next(stages, None)
    begin_s = score.notes[0].onset_s
    return TimeMap.through(begin_s + rows / _FRAMES_HZ, columns / _FRAMES_HZ, 1.0)


def _heard(mixture: Audio, cents: int) -> _Pair:
    """Chroma and onset features of the recording [shape=(12, frames)]."""
    from synctoolbox.feature.pitch import audio_to_pitch_features
    from synctoolbox.feature.pitch_onset import audio_to_pitch_onset_features

    samples = mixture.mixdown().resample(_SAMPLE_RATE).samples[0].astype(np.float64)
    pitches = audio_to_pitch_features(samples, _SAMPLE_RATE, _FRAMES_HZ, tuning_offset=cents)
    return _folded(pitches, audio_to_pitch_onset_features(samples, _SAMPLE_RATE, tuning_offset=cents))


def _played(score: Score) -> _Pair:
    """Chroma and onset features of the score, which begins with its first note [shape=(12, frames)]."""
    import pandas
    from synctoolbox.feature.csv_tools import df_to_pitch_features, df_to_pitch_onset_features

    notes = pandas.DataFrame(
        {
            "start": [note.onset_s - score.notes[0].onset_s for note in score.notes],
            "duration": [note.offset_s - note.onset_s for note in score.notes],
            "pitch": [min(max(round(note.pitch), _LOWEST), _HIGHEST) for note in score.notes],
            "velocity": [note.velocity / 127 for note in score.notes],
            "instrument": "tone",
        }
    )
    return _folded(df_to_pitch_features(notes, _FRAMES_HZ), df_to_pitch_onset_features(notes))


def _folded(pitches: NDArray[np.float64], peaks: dict[int, NDArray[np.float64]]) -> _Pair:
    """Chroma, and onsets as decaying, locally normalised chroma."""
    from synctoolbox.feature.chroma import pitch_to_chroma, quantize_chroma
    from synctoolbox.feature.dlnco import pitch_onset_features_to_DLNCO

    chroma = quantize_chroma(f_chroma=pitch_to_chroma(f_pitch=pitches))
    onsets = pitch_onset_features_to_DLNCO(
        f_peaks=peaks, feature_rate=_FRAMES_HZ, feature_sequence_length=chroma.shape[1]
    )
    return chroma, onsets
