"""Pictures, through matplotlib (``pip install "sepkit[plot]"``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sepkit.audio import Audio
from sepkit.files import atomic_path
from sepkit.spectral import STFT

_RANGE_DB = 70
_TOP_HZ = 8000


def write_spectrograms(path: Path, recordings: Mapping[str, Audio]) -> None:
    """Write one picture with a spectrogram of every recording, all on one scale of dB.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    WriteError
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.9 * len(recordings)), layout="constrained")
    axes = figure.subplots(len(recordings), sharex=True, sharey=True, squeeze=False)[:, 0]
    levels = {}
    for name, audio in recordings.items():
        stft = STFT.of_duration(0.046, 4, audio.sample_rate)
        magnitude = stft.magnitude(audio.mixdown().samples[0])
        levels[name] = 20 * np.log10(magnitude[stft.bins_hz(audio.sample_rate) <= _TOP_HZ] + 1e-12)
    loudest = max(level.max() for level in levels.values())
    for axis, (name, level) in zip(axes, levels.items(), strict=True):
        audio = recordings[name]
        top_khz = min(_TOP_HZ, audio.sample_rate / 2) / 1000
        image = axis.imshow(
            level,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=loudest - _RANGE_DB,
            vmax=loudest,
            extent=(0, audio.duration_s, 0, top_khz),
        )
        axis.set_title(name, loc="left", fontsize="medium", parse_math=False)
        axis.set_ylabel("kHz")
    axes[-1].set_xlabel("seconds")
    figure.colorbar(image, ax=axes, label="dB")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
