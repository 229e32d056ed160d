"""Recordings that were cut off: what is there is read, and how much is missing is told."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio, Note, Score
from sepkit.errors import AudioError
from sepkit.evaluation.stems import Stems
from sepkit.music.recordings.cut import cut_off
from tests.commandline import call
from tests.containers import RATE, encoded, tone

SAMPLES = tone(3.0, 2)
WHOLE = {
    "wav": encoded(SAMPLES, "WAV", "PCM_24"),
    "float.wav": encoded(SAMPLES, "WAV", "FLOAT"),
    "adpcm.wav": encoded(SAMPLES, "WAV", "IMA_ADPCM"),
    "flac": encoded(SAMPLES, "FLAC", "PCM_16"),
    "mp3": encoded(SAMPLES, "MP3", "MPEG_LAYER_III"),
    "aiff": encoded(SAMPLES, "AIFF", "PCM_16"),
    "float.aiff": encoded(SAMPLES, "AIFF", "FLOAT"),
    "au": encoded(SAMPLES, "AU", "PCM_16"),
    "w64": encoded(SAMPLES, "W64", "PCM_24"),
    "rf64": encoded(SAMPLES, "RF64", "PCM_16"),
}


@pytest.fixture(params=WHOLE)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def cut(folder: Path, kind: str, share: float = 0.6) -> Path:
    path = folder / f"song.{kind}"
    path.write_bytes(WHOLE[kind][: int(share * len(WHOLE[kind]))])
    return path


def test_what_is_there_is_read_and_both_lengths_are_told(tmp_path: Path, kind: str) -> None:
    audio = Audio.read(cut(tmp_path, kind))
    assert 0.4 * len(SAMPLES) < audio.length < 0.7 * len(SAMPLES)
    [remark] = audio.remarks
    assert f"ends after {audio.duration_s:.2f} s" in remark
    assert f"{audio.length} of " in remark
    announced = int(remark.partition(f"{audio.length} of ")[2].split()[0])
    # The last block of ADPCM is filled up.
    assert len(SAMPLES) <= announced < len(SAMPLES) + 2500
    assert pickle.loads(pickle.dumps(audio)).remarks == audio.remarks


def test_of_whole_recordings_nothing_is_told(tmp_path: Path, kind: str) -> None:
    assert Audio.read(cut(tmp_path, kind, 1.0)).remarks == ()


def test_what_is_measured_has_to_be_whole(tmp_path: Path, kind: str) -> None:
    with (
        pytest.raises(AudioError, match=r"ends after .* s, and its header announces .* s"),
        Stems({"a": cut(tmp_path, kind)}),
    ):
        pass


def test_run_and_align_tell_it_on_the_terminal(tmp_path: Path, kind: str) -> None:
    song = cut(tmp_path, kind)
    done = call("run", "mixture", song, "-o", tmp_path / "out", "--sources", "all", "--json")
    assert (done.code, len(done.complaints)) == (0, 1)
    assert "ends after" in done.err
    assert "its header announces" in done.err
    assert len(json.loads(done.out)["remarks"]) == 1
    Score((Note(0, 1, 69),)).write(tmp_path / "score.mid")
    assert "its header announces" in call("align", song, tmp_path / "score.mid", "-o", tmp_path / "a.mid").err


def test_a_header_that_is_off_by_a_few_samples_is_no_matter(tmp_path: Path) -> None:
    content = WHOLE["wav"][: -6 * (RATE // 200)]
    (tmp_path / "song.wav").write_bytes(content)
    audio = Audio.read(tmp_path / "song.wav")
    assert audio.remarks == ()
    np.testing.assert_allclose(audio.samples.T, SAMPLES[: audio.length], atol=1e-5)


@pytest.mark.parametrize("links", [1, 2])
def test_ogg_without_the_mark_of_its_end_was_cut_off(tmp_path: Path, links: int) -> None:
    link = encoded(np.random.default_rng(0).normal(0, 0.1, (4 * RATE, 1)).astype(np.float32), "OGG", "VORBIS")
    whole, song = links * link, tmp_path / "song.ogg"
    song.write_bytes(whole)
    assert Audio.read(song).remarks == ()
    song.write_bytes(whole[: -len(link) // 3])
    audio = Audio.read(song)
    [remark] = audio.remarks
    assert f"ends after {audio.duration_s:.2f} s, without the mark of its end" in remark
    with pytest.raises(AudioError, match="without the mark of its end"), Stems({"a": song}):
        pass


def test_ogg_that_was_cut_between_pages_lacks_the_mark_too(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (4 * RATE, 1)).astype(np.float32)
    content = encoded(noise, "OGG", "VORBIS")
    (tmp_path / "song.ogg").write_bytes(content[: content.rfind(b"OggS")])
    [remark] = Audio.read(tmp_path / "song.ogg").remarks
    assert "without the mark of its end" in remark


@pytest.mark.parametrize(
    ("kind", "sample_bytes"), [("wav", 3), ("aiff", 2), ("float.aiff", 4), ("au", 2), ("w64", 3), ("rf64", 2)]
)
def test_headers_announce_all_bytes_of_the_samples(kind: str, sample_bytes: int) -> None:
    assert cut_off(io.BytesIO(WHOLE[kind])) is None
    assert cut_off(io.BytesIO(WHOLE[kind][:-600])) == (SAMPLES.size * sample_bytes, SAMPLES.size * sample_bytes - 600)


def test_ogg_that_ends_within_its_first_page_is_refused_as_cut_off(tmp_path: Path) -> None:
    content = encoded(tone(0.3), "OGG", "VORBIS")
    (tmp_path / "song.ogg").write_bytes(content[: content.rfind(b"OggS") + 40])
    with pytest.raises(AudioError, match="it was cut off or is damaged"):
        Audio.read(tmp_path / "song.ogg")


def test_chunks_of_impossible_size_are_survived(tmp_path: Path) -> None:
    content = bytearray(WHOLE["w64"])
    place = content.index(b"fmt ") + 16
    content[place : place + 8] = b"\xff" * 8
    (tmp_path / "song.w64").write_bytes(content)
    with pytest.raises(AudioError, match=r"cannot read .*song\.w64 as audio"):
        Audio.read(tmp_path / "song.w64")
