"""Excerpts to listen to: the same few seconds of mixture, true stems and estimates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sepkit.errors import WriteError
from sepkit.files import atomic_path, file_names
from sepkit.music.audio import Audio

LONGEST_S = 8.0
_STEP_S = 0.1
_PEAK = 0.9
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True)
class Excerpt:
    """The part of a recording that is kept to listen to, and how much louder it is made.

    Attributes
    ----------
    start, stop : int
        In samples.
    gain : float
        One for mixture, stems and all estimates, so that their levels can be compared.
    """

    start: int
    stop: int
    gain: float

    @classmethod
    def loudest(cls, mixture: Audio) -> Excerpt:
        """Where the mixture has most energy; nothing but the mixture decides."""
        step = max(1, round(_STEP_S * mixture.sample_rate))
        starts = np.arange(0, mixture.length, step)
        energy = np.add.reduceat(np.square(mixture.samples, dtype=np.float64).sum(axis=0), starts)
        steps = max(1, round(LONGEST_S * mixture.sample_rate / step))
        running = np.concatenate([[0.0], np.cumsum(energy)])
        first = int(np.argmax(running[steps:] - running[:-steps])) if len(energy) > steps else 0
        start, stop = first * step, min((first + steps) * step, mixture.length)
        peak = float(np.abs(mixture.samples[:, start:stop]).max())
        return cls(start, stop, _PEAK / peak if peak > 0 else 1.0)

    def write(self, folder: Path, place: str, signals: Mapping[str, Audio]) -> dict[str, str]:
        """Write the excerpt of every signal below `place` within `folder`; the path of each within `folder`.

        Raises
        ------
        WriteError
        """
        import soundfile

        suffix = "mp3" if "MP3" in soundfile.available_formats() else "flac"
        written = {}
        try:
            (folder / place).mkdir(parents=True, exist_ok=True)
            for name, safe in file_names(signals).items():
                written[name] = f"{place}/{safe}.{suffix}"
                with atomic_path(folder / written[name]) as temporary:
                    heard = self._heard(signals[name])
                    soundfile.write(temporary, heard.samples.T, heard.sample_rate, format=suffix.upper())
        except (OSError, soundfile.SoundFileError) as error:
            raise WriteError(f"to {folder / place}", f"{error}; free some space or choose another place") from error
        return written

    def _heard(self, signal: Audio) -> Audio:
        """The excerpt as every player takes it: one or two channels at an ordinary rate, no sample above full scale."""
        excerpt = Audio(np.float32(self.gain) * signal.samples[:, self.start : self.stop], signal.sample_rate)
        if excerpt.channels > 2:
            excerpt = excerpt.mixdown()
        if excerpt.sample_rate not in _MP3_RATES:
            excerpt = excerpt.resample(44100)
        return Audio(np.clip(excerpt.samples, -1, 1), excerpt.sample_rate)
