"""Files of audio with bytes changed, cut, and put together: samples come back, or one line says why not."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sepkit import Audio
from sepkit.errors import AudioError
from sepkit.evaluation.stems import Stems
from sepkit.music.recordings.stream import MOST_CHANNELS, RATES_HZ
from tests.containers import RATE, chunk, encoded, flac_announcing, form, pcm, tone, wav
from tests.fuzz.targets import fuzzed

SHORT = tone(0.05, 2)
MOST_BYTES = 1 << 28


def media() -> list[bytes]:
    """What PyAV writes, where it is installed."""
    try:
        import av
    except ImportError:
        return []
    files = []
    for container, codec in (("mp4", "aac"), ("matroska", "libopus"), ("asf", "wmav2"), ("adts", "aac")):
        file = io.BytesIO()
        with av.open(file, "w", format=container) as opened:
            stream = opened.add_stream(codec, rate=48000, layout="stereo", bit_rate=64000)
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 4800), np.float32), format="fltp", layout="stereo")
            frame.sample_rate = 48000
            opened.mux(stream.encode(frame))
            opened.mux(stream.encode(None))
        files.append(file.getvalue())
    return files


FLAC = encoded(SHORT, "FLAC", "PCM_16")
VORBIS = encoded(SHORT, "OGG", "VORBIS")
SEEDS = [
    encoded(SHORT, "WAV", "PCM_16"),
    encoded(SHORT, "WAV", "FLOAT"),
    encoded(SHORT[:, :1], "WAV", "GSM610"),
    encoded(SHORT[:, :1], "WAV", "G721_32"),
    encoded(SHORT, "WAV", "IMA_ADPCM"),
    encoded(SHORT, "RF64", "PCM_24"),
    encoded(SHORT, "W64", "PCM_16"),
    encoded(SHORT, "AIFF", "PCM_16"),
    encoded(SHORT, "AU", "ULAW"),
    encoded(SHORT, "CAF", "ALAC_16"),
    FLAC,
    flac_announcing(0, FLAC),
    flac_announcing((1 << 36) - 1, FLAC),
    VORBIS,
    VORBIS + VORBIS,
    encoded(tone(0.05, 2, 48000), "OGG", "OPUS", 48000),
    encoded(tone(0.2, 2, 44100), "MP3", "MPEG_LAYER_III", 44100),
    wav(form(), chunk(b"data", pcm(SHORT[:, :1]), 0), size=0),
    wav(form(), chunk(b"data", pcm(SHORT[:, :1])), chunk(b"data", pcm(SHORT[:, :1]))),
    *media(),
]

NUMBERS = st.sampled_from([0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 0x80000000])
PIECES = st.one_of(
    st.binary(min_size=1, max_size=8),
    NUMBERS.map(lambda number: number.to_bytes(4, "little")),
    NUMBERS.map(lambda number: number.to_bytes(4, "big")),
    st.sampled_from([b"data", b"fmt ", b"RIFF", b"OggS", b"fLaC", b"ID3\4", b"LIST", b"ftyp", b"moov"]),
)
HEADS = st.integers(0, 80)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file with pieces replaced or put in, most of them near its start, perhaps cut, perhaps two in one."""
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.one_of(HEADS, st.integers(0, len(content))))
        piece = draw(PIECES)
        content[place : place + draw(st.sampled_from([0, len(piece)]))] = piece
    if draw(st.booleans()):
        del content[draw(st.integers(0, len(content))) :]
    if draw(st.integers(0, 9)) == 0:
        content += draw(st.sampled_from(SEEDS))
    return bytes(content)


CUT = b'RIFF\\\x11\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0"V\0\0\x88X\x01\0\x04\0\x10\0data8\x11\0\0' + bytes(8)
"""A WAV file of two samples whose header announces 1102."""
NAMES = st.sampled_from(["a.wav", "a.flac", "a.ogg", "a.mp3", "a.raw", "a.vox", "a.m4a", "a"])


@example(content=CUT, name="a.raw")
@fuzzed
@given(content=st.one_of(damaged(), st.binary(max_size=300)), name=NAMES)
def test_samples_come_back_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str], content: bytes, name: str
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    audio, complaint = None, ""
    tracemalloc.start()
    try:
        audio = Audio.read(path)
    except AudioError as error:
        complaint = str(error)
    finally:
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak_bytes < MOST_BYTES
    assert "\n" not in complaint
    assert len(complaint) < 400 + len(str(path))
    if audio is None:
        assert name in complaint
    else:
        assert RATES_HZ[0] <= audio.sample_rate <= RATES_HZ[1]
        assert audio.channels <= MOST_CHANNELS
        if audio.remarks:
            # What was cut off is read for a listener, and refused as a reference.
            with pytest.raises(AudioError, match="ends after"), Stems({"a": path}) as stems:
                stems.read(0, stems.length)
            path.unlink()
            return
        with Stems({"a": path}) as stems:
            assert (stems.length, stems.channels, stems.sample_rate) == (
                audio.length,
                audio.channels,
                audio.sample_rate,
            )
            middle = audio.length // 2
            np.testing.assert_array_equal(stems.read(middle, audio.length)[0], audio.samples[:, middle:])
    # What decoders have to say by themselves is kept from the terminal.
    assert capfd.readouterr() == ("", "")
    path.unlink()


def test_seeds_are_whole(tmp_path: Path) -> None:
    refused = 0
    for number, content in enumerate(SEEDS):
        (tmp_path / "a").write_bytes(content)
        try:
            assert Audio.read(tmp_path / "a").sample_rate in (RATE, 44100, 48000), number
        except AudioError:
            refused += 1
    # That with samples in two places is refused on purpose.
    assert refused == 1
