"""F0 of a recording of one voice, of which nothing else is known (``pip install "sepkit[f0]"``).

References
----------
Mauch and Dixon, "pYIN: a fundamental frequency estimator using probabilistic threshold distributions", ICASSP 2014.
"""

from __future__ import annotations

import numpy as np

from sepkit.errors import SepkitError
from sepkit.informed.f0_tracking import OVERLAP, WINDOW_S
from sepkit.informed.moving_partials import moving_partials
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.problem.run import Run
from sepkit.spectral import STFT

LOWEST_HZ, HIGHEST_HZ = 65.4, 2093.0
"""C2 to C7."""
_SAMPLE_RATE = 22050
_WINDOW, _HOP = 2048, 256
_PARTIALS_TO_HZ = 4000.0
_LOBE = 0.1
"""Beside its peak: how low a lobe may be where it still counts."""
_LEAST_SHARE = 0.8
"""Measured: singers and instruments alone have 0.90 to 0.99, a choir, a chorale of winds and a singer with a band 0.5
to 0.7; consonant strings, with up to 0.92, go unnoticed."""


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
    track = F0Track(times_s, np.asarray(np.where(voiced, f0_hz, np.nan), np.float64))
    share = share_of_partials(mono, track)
    if share < _LEAST_SHARE:
        run.remark(
            f"only {share:.0%} of the power lies at partials of the F0 that was found: where more than one voice "
            "sounds, give a score or F0 of each"
        )
    return track


def share_of_partials(recording: Audio, track: F0Track) -> float:
    """Share of the power that lies within the lobes of partials; 1 where all is silent.

    Parameters
    ----------
    recording : Audio
        Mono.
    track : F0Track
    """
    rate = recording.sample_rate
    stft = STFT.of_duration(WINDOW_S, OVERLAP, rate)
    frames_s = stft.frames_s(recording.length, rate)
    spectra = moving_partials(track.times_s, track.f0_hz, frames_s, stft, rate, _PARTIALS_TO_HZ)
    power = np.square(stft.magnitude(recording.samples[0]).T[:, : spectra.shape[1]])
    there = float(power.sum())
    return float(power[spectra > _LOBE].sum()) / there if there else 1.0
