"""Recordings whose headers are unfinished, wrong or unusual, and what is no recording at all."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio
from sepkit.errors import AudioError
from sepkit.music.recordings.sound import opened_sound

RATE = 22050
Damage = Callable[[bytes], bytes]


@pytest.fixture
def tone() -> np.ndarray:
    times_s = np.arange(RATE) / RATE
    return 0.5 * np.sin(2 * np.pi * 440 * times_s)


def wav(path: Path, samples: np.ndarray, damage: Damage = lambda data: data, **kind: str) -> Path:
    import soundfile

    soundfile.write(path, samples, RATE, **{"subtype": "PCM_16", **kind})
    path.write_bytes(damage(path.read_bytes()))
    return path


def at(place: int, value: bytes) -> Damage:
    return lambda data: data[:place] + value + data[place + len(value) :]


def test_flac_that_went_through_a_pipe_does_not_say_how_long_it_is(tmp_path: Path, tone: np.ndarray) -> None:
    def unknown(data: bytes) -> bytes:
        # The last 36 bits of STREAMINFO's packed fields: the number of samples.
        return data[:21] + bytes([data[21] & 0xF0, 0, 0, 0, 0]) + data[26:]

    path = wav(tmp_path / "a.flac", np.stack([tone, -tone], axis=1), unknown, format="FLAC")
    audio = Audio.read(path)
    assert (audio.channels, audio.length) == (2, RATE)
    with opened_sound(path) as sound:
        assert sound.length == RATE
        np.testing.assert_array_equal(sound.read(1000, 1100), audio.samples[:, 1000:1100])


@pytest.mark.parametrize("subtype", ["GSM610", "G721_32"])
def test_codecs_of_voice_recorders(tmp_path: Path, tone: np.ndarray, subtype: str) -> None:
    kind = {"format": "WAV"} if subtype == "GSM610" else {"format": "AU"}
    path = wav(tmp_path / "a.wav", tone, subtype=subtype, **kind)
    audio = Audio.read(path)
    assert audio.length == pytest.approx(RATE, rel=0.03)
    with opened_sound(path) as sound:
        np.testing.assert_array_equal(sound.read(5000, 5100), audio.samples[:, 5000:5100])


def test_all_links_of_chained_ogg(tmp_path: Path, tone: np.ndarray) -> None:
    one = wav(tmp_path / "one.ogg", tone, format="OGG", subtype="VORBIS").read_bytes()
    (tmp_path / "chain.ogg").write_bytes(one + one)
    single, chain = Audio.read(tmp_path / "one.ogg"), Audio.read(tmp_path / "chain.ogg")
    np.testing.assert_array_equal(chain.samples, np.tile(single.samples, 2))


def test_links_of_other_kinds_are_refused(tmp_path: Path, tone: np.ndarray) -> None:
    mono = wav(tmp_path / "a.ogg", tone, format="OGG", subtype="VORBIS").read_bytes()
    both = np.stack([tone, tone], axis=1)
    stereo = wav(tmp_path / "b.ogg", both, format="OGG", subtype="VORBIS").read_bytes()
    (tmp_path / "chain.ogg").write_bytes(mono + stereo)
    with pytest.raises(AudioError, match="joins recordings of different kinds"):
        Audio.read(tmp_path / "chain.ogg")


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_recorder_that_lost_power_did_not_write_the_size(tmp_path: Path, tone: np.ndarray, size: int) -> None:
    audio = Audio.read(wav(tmp_path / "a.wav", tone, at(40, struct.pack("<I", size))))
    assert audio.length == RATE


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (at(24, struct.pack("<I", 0)), "at 0 Hz"),
        (at(24, struct.pack("<I", 655_350_000)), "from 1000 to 768000 Hz"),
        (at(24, struct.pack("<I", 1)), "from 1000 to 768000 Hz"),
        (at(36, b"dete"), "no 'data' chunk"),
        (lambda data: data + b"data" + struct.pack("<I", 4) + bytes(4), "in 2 places"),
    ],
)
def test_a_header_that_cannot_be_is_one_clear_error(
    tmp_path: Path, tone: np.ndarray, damage: Damage, words: str
) -> None:
    path = wav(tmp_path / "a.wav", tone, damage)
    with pytest.raises(AudioError, match=words) as error:
        Audio.read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["a.raw", "a.vox", "a.pcm"])
def test_recordings_without_a_header(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(bytes(range(256)) * 40)
    with pytest.raises(AudioError, match="no header that tells its rate"):
        Audio.read(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_through_a_temporary_file(tmp_path: Path, tone: np.ndarray) -> None:
    content = wav(tmp_path / "a.wav", tone).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
    writer.start()
    try:
        audio = Audio.read(tmp_path / "pipe")
    finally:
        writer.join()
    np.testing.assert_array_equal(audio.samples, Audio.read(tmp_path / "a.wav").samples)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read though it opens")
def test_a_disk_that_fails_while_it_is_read_is_one_clear_error() -> None:
    with pytest.raises(AudioError, match=r"/proc/self/mem as audio: .*Input/output error"):
        Audio.read("/proc/self/mem")
    with pytest.raises(AudioError, match=r"/proc/self/mem as audio"), opened_sound(Path("/proc/self/mem")):
        pass


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs devices")
def test_a_device_is_refused_at_once() -> None:
    with pytest.raises(AudioError, match="it is a device"):
        Audio.read("/dev/zero")


def test_names_that_differ_in_how_accents_are_coded_are_one(tmp_path: Path, tone: np.ndarray) -> None:
    wav(tmp_path / "fl\u00f6te.wav", tone)
    assert Audio.read(tmp_path / "flo\u0308te.wav").length == RATE


class TestSamples:
    def test_transposed(self) -> None:
        with pytest.raises(AudioError, match=r"transpose them: samples\.T"):
            Audio(np.zeros((1000, 2)), RATE)

    def test_mono(self) -> None:
        assert Audio.mono(np.zeros(1000), RATE).channels == 1
        with pytest.raises(AudioError, match=r"shape \(samples,\)"):
            Audio.mono(np.zeros((1, 1000)), RATE)

    @pytest.mark.parametrize("peak", [1e38, -1e38, np.inf, np.nan])
    def test_too_large_or_no_number(self, peak: float) -> None:
        with pytest.raises(AudioError, match="repair them first"):
            Audio(np.array([[0.0, peak]]), RATE)

    @pytest.mark.parametrize("rate", [0, 2**31 - 1, 44100.5])
    def test_rate(self, rate: float) -> None:
        with pytest.raises(AudioError, match="sample_rate"):
            Audio(np.zeros((1, 200)), rate)  # type: ignore[arg-type]
