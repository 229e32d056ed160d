"""A player for notebooks: one sound, in one piece of HTML."""

from __future__ import annotations

import base64
import html
import io
from typing import NamedTuple

import numpy as np

from sepkit.plots.canvas import Sound

LONGEST_S = 120
"""How much of a recording is embedded: a notebook keeps it."""


def player_html(sound: Sound, name: str = "Sound") -> str:
    """A player as HTML that needs nothing from elsewhere.

    Parameters
    ----------
    sound : Audio
    name : str
        What is heard, for those who cannot see the player.

    Returns
    -------
    html : str
        Its sound is that of `embedded`, of 16 bits, softer throughout where something is above full scale, and ends
        after `LONGEST_S`, which the name then says.
    """
    length = embedded_length(sound)
    if length < sound.length:
        name = f"{name}, the first {LONGEST_S} seconds"
    _, url = embedded(sound, length, max(1.0, float(np.abs(sound.samples[:, :length]).max())))
    return f'<audio controls preload="metadata" aria-label="{html.escape(name)}" src="{url}"></audio>'


def embedded_length(sound: Sound) -> int:
    """How many samples of a sound are embedded."""
    return min(sound.length, LONGEST_S * sound.sample_rate)


class Embedded(NamedTuple):
    """Sound within HTML: its format and an address that holds it."""

    format: str
    url: str


def embedded(sound: Sound, length: int, peak: float) -> Embedded:
    """The first samples of a sound, as FLAC, or as WAV where FLAC has no room for so many channels or such a rate.

    Parameters
    ----------
    sound : Audio
    length : int
        In samples.
    peak : float
        What becomes full scale.
    """
    import soundfile

    samples = (sound.samples[:, :length] / np.float32(peak)).T

    def written(format: str) -> Embedded:
        file = io.BytesIO()
        soundfile.write(file, samples, sound.sample_rate, format=format, subtype="PCM_16")
        return Embedded(format, f"data:audio/{format};base64,{base64.b64encode(file.getvalue()).decode('ascii')}")

    try:
        return written("flac")
    except soundfile.LibsndfileError:
        return written("wav")
