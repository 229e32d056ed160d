"""Media files that libsndfile does not know, through PyAV."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio
from sepkit.errors import AudioError

RATE = 48000


def encoded(path: Path, codec: str) -> Path:
    """A second of a tone at 440 Hz in the left channel, at 660 Hz in the right."""
    av = pytest.importorskip("av", reason="PyAV is not installed: pip install 'sepkit[media]'")
    times_s = np.arange(RATE) / RATE
    tones = 0.5 * np.sin(2 * np.pi * np.array([[440.0], [660.0]]) * times_s).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.layout = "stereo"
        for start in range(0, RATE, 960):
            block = np.ascontiguousarray(tones[:, start : start + 960])
            planar = codec == "aac"
            samples = block if planar else np.ascontiguousarray(block.T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp" if planar else "flt", layout="stereo")
            frame.rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.mp4", "aac"), ("a.mka", "libopus")])
def test_reads_both_channels(tmp_path: Path, name: str, codec: str) -> None:
    audio = Audio.read(encoded(tmp_path / name, codec))
    assert (audio.channels, audio.sample_rate) == (2, RATE)
    assert audio.duration_s == pytest.approx(1, abs=0.05)
    spectrum = np.abs(np.fft.rfft(audio.samples[:, 4096 : 4096 + 32768]))
    assert spectrum.argmax(axis=1) * RATE / 32768 == pytest.approx([440, 660], abs=3)


def test_without_pyav_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encoded(tmp_path / "a.m4a", "aac")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioError, match=r"pip install 'sepkit\[media\]'"):
        Audio.read(path)
