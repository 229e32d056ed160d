"""A mixer for notebooks: all stems in step, with solo, mute, gain, waveform and spectrogram, in one piece of HTML."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from importlib.resources import files

import numpy as np

from sepkit.plots.canvas import Sound
from sepkit.plots.player import embedded, embedded_length

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
        A frame of its own; its sound is that of `embedded`, of 16 bits, softer throughout where something is above full
        scale, and ends where a player's does (`player_html`), which a line above it says.
    """
    sounds = {"mixture": mixture, **stems}
    length = embedded_length(mixture)
    peak = max(float(np.abs(sound.samples[:, :length]).max()) for sound in sounds.values())
    tracks = []
    for number, (name, sound) in enumerate(sounds.items()):
        format, url = embedded(sound, length, max(1.0, peak))
        tracks.append({"name": name, "file": f"{name}.{format}", "url": url, "muted": number == 0})
    static = files("sepkit.plots") / "static"
    script, style = ((static / name).read_text(encoding="utf-8") for name in ("mixer.js", "mixer.css"))
    # A name may hold what would end the script.
    listed = json.dumps(tracks).replace("<", "\\u003c")
    cut = f"<p>The first {length // mixture.sample_rate} seconds.</p>" if length < mixture.length else ""
    page = (
        f"<!doctype html><meta charset='utf-8'><meta name='color-scheme' content='light dark'>"
        f"<style>body {{ font: 14px system-ui; background: Canvas; --line: #8886 }} {style}</style>{cut}"
        f"<div id='tracks'></div><script type='module'>{script}\n"
        f"window.mixer = new Mixer(document.getElementById('tracks'), {listed});</script>"
    )
    height = _PIXELS_OF_REST + _PIXELS_OF_TRACK * len(tracks)
    style = f"width: 100%; height: {height}px; border: 0"
    return f'<iframe title="Mixer" style="{style}" srcdoc="{html.escape(page)}"></iframe>'
