"""A mixer for notebooks: all stems in step, with solo, mute, gain, waveform and spectrogram, in one piece of HTML."""

from __future__ import annotations

import base64
import html
import json
import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np

from sepkit.plots.canvas import Sound

LONGEST_S = 120
"""How much of a recording is embedded: a notebook keeps it."""

_PIXELS_OF_TRACK, _PIXELS_OF_REST = 185, 80


def mixer_html(mixture: Sound, stems: Mapping[str, Sound]) -> str:
    """A mixer as HTML that needs nothing from elsewhere.

    Parameters
    ----------
    mixture : Audio
    stems : mapping of str to Audio
        Of the mixture's shape and rate.

    Returns
    -------
    html : str
        A frame of its own; its sound is FLAC of 16 bits, softer throughout where something is above full scale, and
        ends after `LONGEST_S`, which a line above it says.
    """
    sounds = {"mixture": mixture, **stems}
    length = min(mixture.samples.shape[1], LONGEST_S * mixture.sample_rate)
    peak = max(float(np.abs(sound.samples[:, :length]).max()) for sound in sounds.values())
    tracks = [
        {
            "name": name,
            "file": f"{name}.flac",
            "url": f"data:audio/flac;base64,{_flac(sound, length, max(1.0, peak))}",
            "muted": number == 0,
        }
        for number, (name, sound) in enumerate(sounds.items())
    ]
    static = files("sepkit.plots") / "static"
    script, style = ((static / name).read_text(encoding="utf-8") for name in ("mixer.js", "mixer.css"))
    # A name may hold what would end the script.
    listed = json.dumps(tracks).replace("<", "\\u003c")
    cut = f"<p>The first {LONGEST_S} seconds.</p>" if length < mixture.samples.shape[1] else ""
    page = (
        f"<!doctype html><meta charset='utf-8'><style>body {{ font: 14px system-ui }} {style}</style>{cut}"
        f"<div id='tracks'></div><script type='module'>{script}\n"
        f"window.mixer = new Mixer(document.getElementById('tracks'), {listed});</script>"
    )
    height = _PIXELS_OF_REST + _PIXELS_OF_TRACK * len(tracks)
    style = f"width: 100%; height: {height}px; border: 0"
    return f'<iframe title="Mixer" style="{style}" srcdoc="{html.escape(page)}"></iframe>'


def _flac(sound: Sound, length: int, peak: float) -> str:
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.flac"
        samples = sound.samples[:, :length] / np.float32(peak)
        soundfile.write(path, samples.T, sound.sample_rate, subtype="PCM_16")
        return base64.b64encode(path.read_bytes()).decode("ascii")
