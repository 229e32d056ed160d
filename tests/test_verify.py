"""Verifying a dataset: every fault is found, and none but those."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Audio, Cancelled, Note, Progress, Score
from sepkit.errors import SamplesError
from sepkit.evaluation import Dataset, Track
from sepkit.evaluation.verify import Fault, verify
from tests.commandline import record

RATE = 8000


class Given(Dataset):
    """The tracks that it is made with."""

    given: tuple[Any, ...]

    def tracks(self) -> Iterator[Track]:
        yield from self.given


def faults_of(*tracks: Track) -> dict[str, list[tuple[str, str]]]:
    """Severity and message by part."""
    found: dict[str, list[tuple[str, str]]] = {}
    for fault in verify(Given(given=tracks)):
        found.setdefault(fault.part, []).append((fault.severity, fault.message))
    return found


@pytest.fixture
def sound() -> np.ndarray:
    """Two stems [shape=(2, samples, channels)]."""
    return np.random.default_rng(0).uniform(-0.4, 0.4, (2, 30_000, 2)).astype(np.float32)


@pytest.fixture
def track(tmp_path: Path, sound: np.ndarray) -> Track:
    """A track of which nothing is to be said."""
    Score((Note(0, 1, 60, part="a"),)).write(tmp_path / "score.mid")
    (tmp_path / "a.csv").write_text("0,440\n1,0\n")
    return Track(
        name="song",
        stems={"a": record(tmp_path / "a.wav", sound[0]), "b": record(tmp_path / "b.flac", sound[1], subtype="PCM_24")},
        mixture=record(tmp_path / "mixture.wav", sound.sum(axis=0)),
        score=tmp_path / "score.mid",
        f0={"a": tmp_path / "a.csv"},
    )


def test_nothing_is_said_of_what_is_sound(track: Track) -> None:
    assert faults_of(track) == {}


@pytest.mark.parametrize("part", ["a.wav", "b.flac", "mixture.wav", "score.mid", "a.csv"])
@pytest.mark.parametrize("damage", ["missing", "empty", "nonsense"])
def test_files_that_are_missing_or_broken_are_named(track: Track, tmp_path: Path, part: str, damage: str) -> None:
    file = tmp_path / part
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(b"" if damage == "empty" else b"nonsense" * 20)
    named = {"a.wav": "stem a", "b.flac": "stem b", "mixture.wav": "mixture", "score.mid": "score", "a.csv": "f0 a"}
    found = faults_of(track)
    assert list(found) == [named[part]]
    [(severity, message)] = found[named[part]]
    assert severity == "broken"
    assert part in message
    assert "\n" not in message


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_file_that_was_cut_off_is_broken(tmp_path: Path, sound: np.ndarray, suffix: str) -> None:
    import soundfile

    whole, file = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    for place in (whole, file):
        soundfile.write(place, sound[0], 44100)
    track = Track(name="song", stems={"whole": whole, "cut": file})
    assert faults_of(track) == {}
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert {severity for severity, _ in faults_of(track)["stem cut"]} == {"broken"}


def test_nan_is_found_wherever_it_is(track: Track, tmp_path: Path, sound: np.ndarray) -> None:
    for value in (np.nan, np.inf):
        sound[0, -1, 1] = value
        record(tmp_path / "a.wav", sound[0])
        assert [severity for severity, _ in faults_of(track)["stem a"]] == ["broken"]


def test_a_file_without_samples_is_broken(track: Track, tmp_path: Path, sound: np.ndarray) -> None:
    record(tmp_path / "a.wav", sound[0, :0])
    assert faults_of(track) == {"stem a": [("broken", f"{tmp_path / 'a.wav'} holds no samples")]}


@pytest.mark.parametrize(
    ("cut", "rate", "words"),
    [
        (np.s_[:-1], RATE, "it has 29999 samples in 2 channel(s) at 8000 Hz"),
        (np.s_[:, :1], RATE, "it has 30000 samples in 1 channel(s) at 8000 Hz"),
        (np.s_[:], 16000, "it has 30000 samples in 2 channel(s) at 16000 Hz"),
    ],
)
def test_a_stem_unlike_its_mixture_is_broken(
    track: Track, tmp_path: Path, sound: np.ndarray, cut: Any, rate: int, words: str
) -> None:
    record(tmp_path / "a.wav", sound[0][cut], rate)
    assert faults_of(track) == {
        "stem a": [("broken", f"{words}, but the mixture 30000 samples in 2 channel(s) at 8000 Hz")],
    }


def test_a_silent_stem_is_a_note(track: Track, tmp_path: Path, sound: np.ndarray) -> None:
    record(tmp_path / "a.wav", 0 * sound[0])
    record(tmp_path / "mixture.wav", sound[1])
    assert faults_of(track) == {"stem a": [("note", "it is silent")]}


@pytest.mark.parametrize("gain", [0.9985, 0.99, 0.5, 2])
def test_stems_that_do_not_sum_to_the_mixture_are_a_note(
    track: Track, tmp_path: Path, sound: np.ndarray, gain: float
) -> None:
    record(tmp_path / "mixture.wav", sound.sum(axis=0) * gain)
    level_db = 20 * np.log10(abs(1 - gain) / gain)
    message = f"the stems sum to it only but for an error of {level_db:.1f} dB"
    assert faults_of(track) == {"mixture": [("note", message)]}


def test_stems_that_nearly_sum_to_the_mixture_are_fine(track: Track, tmp_path: Path, sound: np.ndarray) -> None:
    record(tmp_path / "mixture.wav", sound.sum(axis=0) * 0.9991)
    assert faults_of(track) == {}


def test_what_belongs_to_no_source_is_a_note(track: Track, tmp_path: Path) -> None:
    Score((Note(0, 1, 60, part="c"), Note(0, 1, 60, part="b"))).write(tmp_path / "score.mid")
    track = Track(name="song", stems=track.stems, score=track.score, f0={"c": tmp_path / "a.csv"})
    assert faults_of(track) == {
        "score": [("note", "its part 'c' is no source")],
        "f0 c": [("note", "there is no such source")],
    }


def fails(error: Exception) -> Audio:
    raise error


def test_whatever_a_dataset_raises_is_a_fault_of_its_track(track: Track) -> None:
    odd = Track(
        name="odd",
        stems={"a": partial(fails, KeyError("x")), "b": partial(fails, SamplesError("one\ntwo"))},
        score=partial(fails, ZeroDivisionError()),  # type: ignore[arg-type]
    )
    found = verify(Given(given=(odd, track, Track(name="song", stems={}))))
    assert found == [
        Fault("odd", "stem a", "KeyError 'x'", "broken"),
        Fault("odd", "stem b", "one two", "broken"),
        Fault("odd", "score", "ZeroDivisionError", "broken"),
        Fault("song", "", "it has no stems", "broken"),
        Fault("song", "", "2 tracks have this name", "broken"),
    ]


def test_a_mixture_without_stems_is_noted_and_its_f0_is_read(sound: np.ndarray) -> None:
    alone = Track(
        name="alone", stems={}, mixture=lambda: Audio(sound[0].T, 8000), f0={"a": partial(fails, SamplesError("no F0"))}
    )
    assert verify(Given(given=(alone,))) == [
        Fault("alone", "", "it has no stems: it can be learned from, and not be measured on", "note"),
        Fault("alone", "f0 a", "no F0", "broken"),
    ]


def test_audio_that_is_made_is_read_once(sound: np.ndarray) -> None:
    made: list[str] = []

    def make(name: str, samples: np.ndarray) -> Audio:
        made.append(name)
        return Audio(samples.T, RATE)

    stems = {"a": partial(make, "a", sound[0]), "b": partial(make, "b", sound[1])}
    track = Track(name="song", stems=stems, mixture=partial(make, "mixture", sound[0]))
    assert list(faults_of(track)) == ["mixture"]
    assert sorted(made) == ["a", "b", "mixture"]


def test_progress_is_told_and_cancelling_stops_it(track: Track) -> None:
    dataset = Given(given=(track, track, track))
    told: list[Progress] = []
    verify(dataset, told.append)
    assert [(event.done, event.total) for event in told] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    cancel = threading.Event()

    def stop(event: Progress) -> None:
        if event.done == 1:
            cancel.set()

    with pytest.raises(Cancelled):
        verify(dataset, stop, cancel)
    track = Track(name="song", stems={"a": partial(fails, Cancelled("stop"))})
    with pytest.raises(Cancelled):
        verify(Given(given=(track,)))
