"""MIDI files rendered as stems: what of the files comes back, and that it is the same each time."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio, Score, example
from sepkit.errors import AudioError, DatasetError
from sepkit.evaluation import Track
from sepkit.evaluation.datasets import rendered
from sepkit.evaluation.datasets.rendered import Rendered
from sepkit.evaluation.verify import verify
from sepkit.example import render

pytestmark = pytest.mark.system

PARTS = [("Flöte", 73), ("", 42), ("Flöte", 73), ("", -1)]
"""Names and programs; -1 are drums."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one MIDI file of four parts, the second of which ends early."""
    import pretty_midi

    tmp_path = tmp_path_factory.mktemp("midi")

    midi = pretty_midi.PrettyMIDI(initial_tempo=97)
    for index, (name, program) in enumerate(PARTS):
        part = pretty_midi.Instrument(max(0, program), is_drum=program < 0, name=name.encode().decode("latin-1"))
        part.notes = [pretty_midi.Note(90, 60 - 8 * index, 0.3 * beat, 0.3 * beat + 0.2) for beat in range(2)]
        if index != 1:
            part.notes.append(pretty_midi.Note(90, 62, 0.9, 1.1))
        midi.instruments.append(part)
    (tmp_path / "deep").mkdir()
    midi.write(str(tmp_path / "deep/piece.MID"))
    return tmp_path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to add to."""
    return shutil.copytree(made, tmp_path / "midi")


@pytest.fixture(scope="module")
def _renders() -> None:
    if shutil.which("fluidsynth") is None:
        pytest.skip("the program fluidsynth is not installed")
    try:
        rendered.default_soundfont()
    except DatasetError:
        pytest.skip("no soundfont is installed")


@pytest.fixture(scope="module")
def track(made: Path, _renders: None) -> Track:
    [track] = Rendered(path=made).tracks()
    return track


@pytest.fixture(scope="module")
def stems(track: Track) -> dict[str, Audio]:
    return track.load_stems()


def test_parts_are_named_after_tracks_or_instruments(track: Track) -> None:
    assert (track.name, track.sources) == ("deep/piece", ("Flöte1", "cello", "Flöte2", "drums"))


def test_the_score_has_the_exact_notes(track: Track, made: Path) -> None:
    score = track.load_score()
    assert score is not None
    assert set(score.parts) == set(track.sources)
    wanted = sorted((note.onset_s, note.offset_s, note.pitch) for note in Score.read(made / "deep/piece.MID").notes)
    assert sorted((note.onset_s, note.offset_s, note.pitch) for note in score.notes) == wanted


def test_stems_have_one_length_and_sum_to_the_whole(stems: dict[str, Audio], made: Path) -> None:
    import pretty_midi

    # On the clock of the stems: the synthesizer begins notes at the next of its blocks, and a rounded tick is another.
    midi = pretty_midi.PrettyMIDI(resolution=4800)
    midi.instruments += pretty_midi.PrettyMIDI(str(made / "deep/piece.MID")).instruments
    whole = render.synthesize(midi, rendered.default_soundfont())
    assert {stem.samples.shape for stem in stems.values()} == {(1, len(whole))}
    total = sum(stem.samples[0] for stem in stems.values())
    # Some versions of FluidSynth cut a drum that is struck again within a millisecond, elsewhere when others play too.
    assert np.sum((total - whole) ** 2) < 1e-3 * np.sum(whole**2)


def test_notes_sound_when_the_score_says(stems: dict[str, Audio]) -> None:
    cello = stems["cello"]
    frames = np.abs(cello.samples[0, : cello.sample_rate]).reshape(20, -1).max(axis=1)
    assert frames[:10].max() > 100 * frames[18:].max()


def test_the_same_file_gives_the_same_samples(track: Track, stems: dict[str, Audio]) -> None:
    again = pickle.loads(pickle.dumps(track)).load_stems()
    for name, stem in stems.items():
        np.testing.assert_array_equal(stem.samples, again[name].samples)


def test_another_rate_gives_the_same_sound(made: Path, stems: dict[str, Audio]) -> None:
    [slow] = Rendered(path=made, sample_rate=22050).tracks()
    stem, wanted = slow.stems["cello"](), stems["cello"].resample(22050)
    assert stem.sample_rate == 22050
    np.testing.assert_allclose(stem.samples, wanted.samples, atol=1e-6)


@pytest.mark.usefixtures("_renders")
def test_the_bundled_score_can_be_rendered(tmp_path: Path) -> None:
    shutil.copy(example.FOLDER / "score.mid", tmp_path)
    [track] = Rendered(path=tmp_path).tracks()
    assert track.sources == example.SOURCES
    assert track.load_mixture().duration_s == pytest.approx(11.6, abs=0.3)


@pytest.mark.usefixtures("_renders")
def test_a_damaged_file_does_not_hide_the_others(folder: Path) -> None:
    (folder / "a.mid").write_bytes(b"MThd")
    (folder / "b.mid").write_bytes(b"")
    faults = verify(Rendered(path=folder))
    assert {(fault.track, fault.part, fault.severity) for fault in faults} == {
        (name, part, "broken") for name in "ab" for part in ("", "score")
    }


def test_what_is_missing_is_named_with_the_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendered.shutil, "which", lambda name: "/bin/true")
    monkeypatch.setattr(rendered, "SOUNDFONTS", (str(folder),))
    with pytest.raises(DatasetError, match=r"no soundfont in .*fluid-soundfont-gm, or give a file"):
        list(Rendered(path=folder).tracks())
    with pytest.raises(DatasetError, match=r"no such soundfont: .*none\.sf2"):
        list(Rendered(path=folder, soundfont=folder / "none.sf2").tracks())
    monkeypatch.setattr(rendered.shutil, "which", lambda name: None)
    with pytest.raises(DatasetError, match="fluidsynth, which renders MIDI files, is missing; install the packages"):
        list(Rendered(path=folder).tracks())


@pytest.mark.usefixtures("_renders")
def test_a_soundfont_that_is_none_is_named(folder: Path) -> None:
    (folder / "broken.sf2").write_bytes(b"RIFF")
    [track] = Rendered(path=folder, soundfont=folder / "broken.sf2").tracks()
    with pytest.raises(AudioError, match=r"cannot render 'Flöte1' of .*piece\.MID: fluidsynth"):
        track.load_mixture()
