"""F0 of a recording of one voice, of which nothing else is known (``pip install "sepkit[f0]"``).

References
----------
Mauch and Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold distributions", ICASSP 2014.
"""

from __future__ import annotations

import numpy as np

from sepkit.errors import SepkitError
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.problem.run import Run

LOWEST_HZ, HIGHEST_HZ = 65.4, 2093.0
"""C2 to C7."""
_SAMPLE_RATE = 22050
_WINDOW, _HOP = 2048, 256


def f0_alone(recording: Audio, run: Run) -> F0Track:
    """F0 of a single voice by pYIN.

    Parameters
    ----------
    recording : Audio
        Where several voices sound at once, what comes out follows none of them.
    run : Run

    Raises
    ------
    SepkitError
        If librosa is not installed.
    """
    try:
        import librosa
    except ImportError as error:
        raise SepkitError(
            f'F0 without a score needs librosa ({error}); install it with: pip install "sepkit[f0]", or give a score'
        ) from error
    mono = recording.mixdown().resample(_SAMPLE_RATE)
    for _ in run.steps(1, "track F0"):
        f0_hz, voiced, _ = librosa.pyin(
            mono.samples[0],
            fmin=LOWEST_HZ,
            fmax=HIGHEST_HZ,
            sr=_SAMPLE_RATE,
            frame_length=_WINDOW,
            hop_length=_HOP,
        )
    times_s = np.arange(len(f0_hz), dtype=np.float64) * (_HOP / _SAMPLE_RATE)
    return F0Track(times_s, np.asarray(np.where(voiced, f0_hz, np.nan), np.float64))
