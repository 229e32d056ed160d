"""A player for notebooks: one sound, in one piece of HTML."""

from __future__ import annotations

import base64
import html
import io

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
        Its sound is FLAC of 16 bits, softer throughout where something is above full scale, and ends after
        `LONGEST_S`, which the name then says.
    """
    length = embedded_length(sound)
    if length < sound.length:
        name = f"{name}, the first {LONGEST_S} seconds"
    url = flac_url(sound, length, max(1.0, float(np.abs(sound.samples[:, :length]).max())))
    return f'<audio controls preload="metadata" aria-label="{html.escape(name)}" src="{url}"></audio>'


def embedded_length(sound: Sound) -> int:
    """How many samples of a sound are embedded."""
    return min(sound.length, LONGEST_S * sound.sample_rate)


def flac_url(sound: Sound, length: int, peak: float) -> str:
    """The first samples of a sound as an address that holds them.

    Parameters
    ----------
    sound : Audio
    length : int
        In samples.
    peak : float
        What becomes full scale.
    """
    import soundfile

    file = io.BytesIO()
    samples = sound.samples[:, :length] / np.float32(peak)
    soundfile.write(file, samples.T, sound.sample_rate, format="FLAC", subtype="PCM_16")
    return f"data:audio/flac;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
