"""Recordings as encoders, recorders and pipes leave them: read to their end, or refused in one line that says why."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio
from sepkit.errors import AudioError, SamplesError
from sepkit.evaluation.stems import Stems
from sepkit.music.recordings import mp3
from tests.commandline import call
from tests.containers import RATE, chunk, encoded, flac_announcing, form, pcm, tone, wav
from tests.distributions import environment

FLAC = encoded(tone(channels=2), "FLAC", "PCM_24")
MONO = tone()
DATA = chunk(b"data", pcm(MONO))

READABLE: dict[str, tuple[bytes, np.ndarray, float]] = {
    "flac of unknown length": (flac_announcing(0, FLAC), tone(channels=2), 1e-6),
    "flac that announces too much": (flac_announcing(1 << 31, FLAC), tone(channels=2), 1e-6),
    "wav of unknown size": (wav(form(), chunk(b"data", pcm(MONO), 0xFFFFFFFF), size=0xFFFFFFFF), MONO, 1e-4),
    "wav from ffmpeg's pipe": (wav(form(), chunk(b"data", pcm(MONO), 0x7FFFF000), size=0x7FFFF024), MONO, 1e-4),
    "recorder without power": (wav(form(), chunk(b"data", pcm(MONO), 0), size=0), MONO, 1e-4),
    "recorder without power, big-endian": (
        wav(form(order=">"), chunk(b"data", pcm(MONO, ">"), 0, ">"), size=0, order=">"),
        MONO,
        1e-4,
    ),
    "recorder without power, silent": (wav(form(), chunk(b"data", bytes(8000), 0), size=0), np.zeros((4000, 1)), 0),
    "odd chunk before": (wav(form(), chunk(b"LIST", b"INFOINAM\3\0\0\0abc"), DATA), MONO, 1e-4),
    "rf64": (encoded(tone(channels=2), "RF64", "PCM_16"), tone(channels=2), 1e-4),
    "w64": (encoded(tone(channels=2), "W64", "FLOAT"), tone(channels=2), 0),
    "six channels": (encoded(tone(channels=6), "WAVEX", "PCM_24"), tone(channels=6), 1e-6),
    "mu-law": (encoded(MONO, "AU", "ULAW"), MONO, 0.05),
    "alac": (encoded(tone(channels=2), "CAF", "ALAC_24"), tone(channels=2), 1e-5),
    "g721": (encoded(MONO, "WAV", "G721_32"), MONO, 0.1),
    "ima adpcm": (encoded(MONO, "WAV", "IMA_ADPCM"), MONO, 0.05),
}


@pytest.fixture(params=READABLE)
def readable(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, np.ndarray, float]:
    content, samples, tolerance = READABLE[request.param]
    (tmp_path / "given.wav").write_bytes(content)
    return tmp_path / "given.wav", samples, tolerance


def test_is_read_to_its_end(readable: tuple[Path, np.ndarray, float]) -> None:
    path, samples, tolerance = readable
    audio = Audio.read(path)
    assert audio.sample_rate == RATE
    # Codecs in blocks fill up the last one.
    assert len(samples) <= audio.length < len(samples) + 1024
    # Codecs that adapt need some samples to begin with.
    start = 50 if tolerance > 1e-3 else 0
    np.testing.assert_allclose(audio.samples[:, start : len(samples)], samples.T[:, start:], rtol=0, atol=tolerance)


def test_is_read_alike_in_any_order(readable: tuple[Path, np.ndarray, float]) -> None:
    path, whole = readable[0], Audio.read(readable[0]).samples
    with Stems({"a": path}) as stems:
        assert stems.length == whole.shape[1]
        for start, stop in ((3000, 3500), (0, 700), (whole.shape[1] - 10, whole.shape[1] + 10), (100, 200)):
            piece = np.zeros((len(whole), stop - start), np.float32)
            piece[:, : max(0, min(stop, whole.shape[1]) - start)] = whole[:, start:stop]
            np.testing.assert_array_equal(stems.read(start, stop)[0], piece)


@pytest.mark.parametrize("subtype", ["GSM610", "MS_ADPCM"])
def test_speech_codecs_keep_the_tone(tmp_path: Path, subtype: str) -> None:
    (tmp_path / "a.wav").write_bytes(encoded(MONO, "WAV", subtype))
    audio = Audio.read(tmp_path / "a.wav")
    assert abs(audio.length - RATE) < 1024
    assert np.abs(np.fft.rfft(audio.samples[0, :RATE])).argmax() == 440


@pytest.mark.parametrize(("subtype", "rate"), [("VORBIS", 44100), ("OPUS", 48000)])
def test_a_chain_of_ogg_is_read_link_by_link(tmp_path: Path, subtype: str, rate: int) -> None:
    links = [encoded(tone(seconds, 2, rate), "OGG", subtype, rate) for seconds in (1.0, 0.5, 0.7)]
    apart = []
    for number, link in enumerate(links):
        (tmp_path / f"{number}.ogg").write_bytes(link)
        apart.append(Audio.read(tmp_path / f"{number}.ogg").samples)
    (tmp_path / "chain.ogg").write_bytes(b"".join(links))
    chained = Audio.read(tmp_path / "chain.ogg")
    np.testing.assert_array_equal(chained.samples, np.concatenate(apart, axis=1))
    with Stems({"a": tmp_path / "chain.ogg"}) as stems:
        assert stems.length == chained.length


@pytest.mark.parametrize("junk", [b"\0" * 500, b"OggS", b"ID3" + bytes(200)])
def test_a_chain_with_junk_between_its_links(tmp_path: Path, junk: bytes) -> None:
    link = encoded(tone(channels=2), "OGG", "VORBIS")
    (tmp_path / "chain.ogg").write_bytes(link + junk + link)
    assert Audio.read(tmp_path / "chain.ogg").length == 2 * RATE


def test_a_chain_of_different_recordings_is_refused(tmp_path: Path) -> None:
    links = encoded(tone(channels=2), "OGG", "VORBIS"), encoded(tone(channels=1, rate=44100), "OGG", "VORBIS", 44100)
    (tmp_path / "chain.ogg").write_bytes(b"".join(links))
    with pytest.raises(AudioError, match=r"2 channel\(s\) at 22050 Hz, then 1 at 44100 Hz; take them apart"):
        Audio.read(tmp_path / "chain.ogg")


ID3 = b"ID3\3\0\0\0\0\7\x76" + bytes(1014)
ID3_WITH_FOOTER = b"ID3\4\0\x10\0\0\7\x76" + bytes(1014) + b"3DI\4\0\x10\0\0\7\x76"
APE_ITEMS = bytes(100)
APE = b"".join(
    b"APETAGEX" + struct.pack("<IIII8x", 2000, 132, 1, flags) + items
    for flags, items in ((0xA0000000, APE_ITEMS), (0x80000000, b""))
)


AROUND = {
    "plain": (b"", b""),
    "tag before": (ID3, b""),
    "tag after": (b"", b"TAG" + bytes(125)),
    "APE": (b"", APE),
    "both": (b"", APE + b"TAG" + bytes(125)),
    "two": (ID3, ID3),
    "footer": (b"", ID3_WITH_FOOTER),
}


@pytest.mark.parametrize(("before", "after"), AROUND.values(), ids=AROUND)
@pytest.mark.parametrize(("channels", "rate"), [(1, 8000), (2, 16000), (1, 44100), (2, 48000)])
def test_a_chain_of_mp3_is_read_link_by_link(
    tmp_path: Path, channels: int, rate: int, before: bytes, after: bytes
) -> None:
    links = [before + encoded(tone(s, channels, rate), "MP3", "MPEG_LAYER_III", rate) + after for s in (1.0, 0.5, 0.7)]
    apart = []
    for number, link in enumerate(links):
        (tmp_path / f"{number}.mp3").write_bytes(link)
        apart.append(Audio.read(tmp_path / f"{number}.mp3").samples)
    (tmp_path / "chain.mp3").write_bytes(b"".join(links))
    chained = Audio.read(tmp_path / "chain.mp3")
    np.testing.assert_array_equal(chained.samples, np.concatenate(apart, axis=1))
    assert chained.length == round(2.2 * rate)


def test_tables_behind_checksums_are_found() -> None:
    link = encoded(tone(1.0, 2, 44100), "MP3", "MPEG_LAYER_III", 44100)
    second = link.index(b"\xff\xfb", 4)
    checked = link[:1] + bytes([link[1] & 0xFE]) + link[2:4] + bytes(2) + link[4 : second - 2] + link[second:]
    assert mp3.links(io.BytesIO(checked + link)) == [(0, len(link)), (len(link), 2 * len(link))]


def test_a_chain_of_mp3_that_was_cut_off_is_told(tmp_path: Path) -> None:
    link = encoded(tone(1.0, 2, 44100), "MP3", "MPEG_LAYER_III", 44100)
    (tmp_path / "chain.mp3").write_bytes(link + link[: len(link) // 2])
    (remark,) = Audio.read(tmp_path / "chain.mp3").remarks
    assert "without the mark of its end" in remark
    (tmp_path / "whole.mp3").write_bytes(2 * link)
    assert Audio.read(tmp_path / "whole.mp3").remarks == ()


def test_the_last_of_a_chain_of_mp3_needs_no_table(tmp_path: Path) -> None:
    first, second = (encoded(tone(s, 2, 44100), "MP3", "MPEG_LAYER_III", 44100) for s in (1.0, 0.5))
    # Behind the frame of the table.
    bare = second[second.index(b"\xff\xfb", 4) :]
    (tmp_path / "b.mp3").write_bytes(bare)
    alone = Audio.read(tmp_path / "b.mp3")
    (tmp_path / "chain.mp3").write_bytes(first + bare)
    chained = Audio.read(tmp_path / "chain.mp3")
    assert chained.length == 44100 + alone.length
    np.testing.assert_array_equal(chained.samples[:, 44100:], alone.samples)


@pytest.mark.parametrize("table", [b"\0\0\0\4", b"\xff\xff\xff\xff", b"\0\0\x10\0"])
def test_a_table_that_miscounts_costs_no_sample(tmp_path: Path, table: bytes) -> None:
    content = encoded(tone(channels=2, rate=44100), "MP3", "MPEG_LAYER_III", 44100)
    place = content.index(b"Xing") + 12
    (tmp_path / "a.mp3").write_bytes(content[:place] + table + content[place + 4 :])
    assert Audio.read(tmp_path / "a.mp3").length == 44100


@pytest.mark.parametrize("junk", [0, 3000])
def test_mp3_is_found_behind_junk(tmp_path: Path, junk: int) -> None:
    content = encoded(tone(channels=2, rate=44100), "MP3", "MPEG_LAYER_III", 44100)
    (tmp_path / "a.mp3").write_bytes(bytes(junk) + content)
    audio = Audio.read(tmp_path / "a.mp3")
    assert audio.length == 44100
    assert np.abs(np.fft.rfft(audio.samples[0])).argmax() == 440


REFUSED: dict[str, tuple[str, bytes, str]] = {
    "two data chunks": ("a.wav", wav(form(), DATA, DATA), r"samples in 2 places \('data' chunks\)"),
    "samples before their format": ("a.wav", wav(DATA, form()), "its samples come before their format"),
    "no format": ("a.wav", wav(DATA), "no 'fmt ' chunk"),
    "no samples": ("a.wav", wav(form()), "no 'data' chunk"),
    "empty samples": ("a.wav", wav(form(), chunk(b"data", b"")), "holds no samples"),
    "empty samples and a tag": (
        "a.wav",
        wav(form(), chunk(b"data", b""), chunk(b"LIST", b"INFOISFT\2\0\0\0ab")),
        "holds no samples",
    ),
    "0 Hz": ("a.wav", wav(form(rate=0), DATA), r"its header says 1 channel\(s\) at 0 Hz"),
    "no channels": ("a.wav", wav(form(channels=0), DATA), r"its header says 0 channel\(s\)"),
    "1 Hz": ("a.wav", wav(form(rate=1), DATA), "its header says 1 Hz; sample rates from 1000 to 768000 Hz are known"),
    "too many Hz": ("a.wav", wav(form(rate=655_350_000), DATA), "its header says 655350000 Hz"),
    "most Hz": ("a.wav", wav(form(rate=(1 << 31) - 1), DATA), "its header says 2147483647 Hz"),
    "65 channels": ("a.wav", encoded(tone(0.1, 65), "WAV", "PCM_16"), "65 channels; 1 to 64 are known"),
    "flac cut in its first block": ("a.flac", FLAC[:200], "cannot read"),
    "headerless": ("a.raw", pcm(MONO), "no header that tells its rate and channels; convert it to WAV"),
    "headerless speech": ("a.vox", pcm(MONO), "no header that tells its rate and channels; convert it to WAV"),
    "text": ("a.mp3", b"I am a poem.\n" * 300, "cannot read"),
    "nothing": ("a.wav", b"", "cannot read"),
    "too loud": (
        "a.wav",
        encoded(np.full((9, 1), 1e38, np.float32), "WAV", "FLOAT"),
        r"within ±1e\+10.*peak of 1e\+38",
    ),
}


@pytest.mark.parametrize(("name", "content", "words"), REFUSED.values(), ids=REFUSED)
def test_is_refused_in_one_line_that_says_why(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioError, match=words) as error:
        Audio.read(tmp_path / name)
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    if "loud" not in words and "±" not in words:
        with pytest.raises(AudioError), Stems({"a": tmp_path / name}):
            pass


def test_evaluate_measures_what_cannot_be_sought(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(flac_announcing(0, FLAC))
    (tmp_path / "b.flac").write_bytes(FLAC)
    done = call("evaluate", tmp_path / "a.flac", tmp_path / "b.flac", "--metric", "sdr", "--csv")
    assert (done.code, done.err) == (0, "")
    assert ",SDR,inf," in done.out


QUIET = """
import sys, threading
from sepkit import Audio, errors

def read(path):
    try:
        Audio.read(path)
    except errors.AudioError:
        pass

threads = [threading.Thread(target=read, args=(path,)) for path in sys.argv[1:] * 3]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("python speaks", file=sys.stderr, flush=True)
import ctypes
library = ctypes.CDLL(None)
stderr = ctypes.c_void_p.in_dll(library, "__stderrp" if sys.platform == "darwin" else "stderr")
library.fputs(b"c speaks\\n", stderr)
library.fflush(None)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the C library has no such variable")
def test_the_decoder_of_mp3_prints_nothing_and_everybody_else_still_can(tmp_path: Path) -> None:
    whole = encoded(tone(2, channels=2, rate=44100), "MP3", "MPEG_LAYER_III", 44100)
    damaged = bytearray(whole)
    damaged[len(whole) // 3 : len(whole) // 2] = b"\xff\xfb" * (len(whole) // 12)
    for name, content in (("cut.mp3", whole[: len(whole) // 2]), ("damaged.mp3", bytes(damaged))):
        (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-c", QUIET, str(tmp_path / "cut.mp3"), str(tmp_path / "damaged.mp3")]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["python speaks", "c speaks"]


class TestArrays:
    @pytest.mark.parametrize("shape", [(44100, 2), (10, 2), (65, 1), (65, 100), (3, 2)])
    def test_that_are_transposed_are_refused(self, shape: tuple[int, int]) -> None:
        with pytest.raises(SamplesError, match=r"no more channels than samples, 64 at most.*transpose"):
            Audio(np.zeros(shape, np.float32), 44100)

    @pytest.mark.parametrize("shape", [(2, 2), (64, 64), (2, 1), (1, 1)])
    def test_that_are_short_are_not(self, shape: tuple[int, int]) -> None:
        assert Audio(np.zeros(shape, np.float32), 44100).samples.shape == shape

    def test_of_one_axis_are_mono_by_name(self) -> None:
        samples = tone()[:, 0]
        audio = Audio.mono(samples, RATE)
        assert audio.channels == 1
        np.testing.assert_array_equal(audio.samples[0], samples)

    @pytest.mark.parametrize("shape", [(1, 5), (5, 1), ()])
    def test_of_other_axes_are_not(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(SamplesError, match=r"mono samples need shape \(samples,\).*\(channels, samples\)"):
            Audio.mono(np.zeros(shape, np.float32), RATE)

    @pytest.mark.parametrize("peak", [1.1e10, 1e20, 1e38, -3e38])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_that_are_too_loud_are_refused(self, peak: float, dtype: type) -> None:
        with pytest.raises(SamplesError, match=r"within ±1e\+10, where full scale is 1.*repair them"):
            Audio(np.array([[0, peak]], dtype), RATE)

    def test_of_any_level_before_that_are_kept(self) -> None:
        samples = np.array([[-1e10, -1, 0, 1e-42, 2.0**31, 1e10]], np.float32)
        np.testing.assert_array_equal(Audio(samples, RATE).samples, samples)

    @pytest.mark.parametrize("rate", [768_001, 655_350_000, (1 << 31) - 1, 0])
    def test_at_rates_that_are_none(self, rate: int) -> None:
        with pytest.raises(SamplesError, match="from 1 to 768000"):
            Audio(np.zeros((1, 200), np.float32), rate)
