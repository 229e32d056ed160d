"""The recipe of the weights: music by rule that can be played, the same from equal seeds, and solos that are solos."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from sepkit.errors import DatasetError
from sepkit.evaluation.datasets.folder import Folder
from sepkit.evaluation.datasets.rendered import default_soundfont

pytest.importorskip("pretty_midi")

RECIPE = Path(__file__).parents[1] / "recipe"
MODULES = ("harmony", "parts", "compose", "synths", "render")
STYLES = ("band", "electronic", "jazz", "chamber", "concerto")


@pytest.fixture(scope="module")
def recipe() -> Iterator[dict[str, ModuleType]]:
    sys.path.insert(0, str(RECIPE))
    yield {name: import_module(name) for name in MODULES}
    sys.path.remove(str(RECIPE))
    for name in MODULES:
        del sys.modules[name]


def composed(recipe: dict[str, ModuleType], style: str, seed: int, *solos: str) -> Any:
    return recipe["compose"].compose(style, 15.0, np.random.default_rng(seed), solos)


def notes(piece: Any) -> list[tuple[str, int, float, float]]:
    return [(part.name, n.pitch, n.start, n.end) for part in piece.midi.instruments for n in part.notes]


@pytest.mark.parametrize("style", STYLES)
class TestPieces:
    def test_are_the_same_from_equal_seeds(self, recipe: dict[str, ModuleType], style: str) -> None:
        first, again, other = (notes(composed(recipe, style, seed)) for seed in (1, 1, 2))
        assert first == again != other

    @pytest.mark.parametrize("seed", range(5))
    def test_can_be_played(self, recipe: dict[str, ModuleType], style: str, seed: int) -> None:
        played = notes(composed(recipe, style, seed))
        assert max(end for *_, end in played) > 14
        assert all(21 <= pitch <= 108 and 0 <= start < end for _, pitch, start, end in played)
        # One that begins while its own pitch still sounds would end it too.
        last: dict[tuple[str, int], float] = {}
        for name, pitch, start, end in sorted(played, key=lambda note: note[2]):
            assert start >= last.get((name, pitch), 0.0)
            last[name, pitch] = end

    def test_keep_to_the_notes_of_one_key(self, recipe: dict[str, ModuleType], style: str) -> None:
        piece = composed(recipe, style, 3)
        tuned = [part for part in piece.midi.instruments if not part.is_drum and part.name != "bass"]
        classes = np.bincount([note.pitch % 12 for part in tuned for note in part.notes], minlength=12)
        assert np.sort(classes)[:4].sum() < 0.1 * classes.sum()


@pytest.mark.parametrize("seed", range(6))
def test_soloists_play_alone_where_it_says_and_all_after_that(recipe: dict[str, ModuleType], seed: int) -> None:
    piece = composed(recipe, "concerto", seed, "strings", "piano")
    last_s = piece.solos[-1][2]
    assert {name.split("/")[0] for name, _, begin, _ in notes(piece) if begin > last_s} == {"strings", "piano"}
    assert [stem for stem, *_ in piece.solos] == ["strings", "piano"]
    for stem, start_s, end_s in piece.solos:
        heard = {
            name.split("/")[0]
            for name, _, begin, end in notes(piece)
            if start_s + 0.1 < (begin + end) / 2 < end_s - 0.1
        }
        assert heard == {stem}
        assert 20 < end_s - start_s < 30


def test_chords_move_little(recipe: dict[str, ModuleType]) -> None:
    key = recipe["harmony"].Key(7, "major")
    assert sorted(pitch % 12 for pitch in key.chord(0).voicing(60)) == [2, 7, 11]
    for degree in range(7):
        assert all(abs(pitch - 60) <= 6 for pitch in key.chord(degree, 4).voicing(60))


def test_loops_come_again(recipe: dict[str, ModuleType]) -> None:
    piece = composed(recipe, "electronic", 4)
    assert piece.synthetic > 0
    ensemble = recipe["compose"].electronic(np.random.default_rng(4))
    bar_s = 4 * 60 / ensemble.tempo
    steps = {round((start % bar_s) / bar_s * 16, 3) for name, _, start, _ in notes(piece) if name != "drums"}
    assert len(steps) < 40
    drums = [
        (pitch, round(start % bar_s, 3), int(start // bar_s))
        for name, pitch, start, _ in notes(piece)
        if name == "drums"
    ]
    kicks = [frozenset(start for pitch, start, own in drums if pitch == 36 and own == bar) for bar in range(8)]
    assert len(set(kicks)) < len(kicks)


class TestMachines:
    def test_a_pad_sounds_the_same_again(self, recipe: dict[str, ModuleType]) -> None:
        machine = recipe["synths"].DrumMachine(np.random.default_rng(0))
        for pitch in (36, 37, 38, 39, 42, 44, 45, 46, 49, 50, 51, 54, 56, 63, 70, 76):
            struck, again = machine.sound(pitch, 0.1), machine.sound(pitch, 2.0)
            assert np.array_equal(struck, again)
            assert 0.1 < np.abs(struck).max() <= 1
            assert np.square(struck[-len(struck) // 4 :]).mean() < 0.05 * np.square(struck).mean()

    @pytest.mark.parametrize("seed", range(8))
    def test_notes_are_in_tune(self, recipe: dict[str, ModuleType], seed: int) -> None:
        synthesizer = recipe["synths"].Synthesizer.draw(np.random.default_rng(seed), low=bool(seed % 2))
        sound = synthesizer.sound(45, 1.0)
        level = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        hz = np.fft.rfftfreq(len(sound), 1 / 44100)
        partials = np.abs(hz / 55 - np.round(hz / 55)) < 0.1
        assert np.square(level[partials & (hz > 40)]).sum() > 0.9 * np.square(level).sum()

    def test_sawtooths_have_no_aliases(self, recipe: dict[str, ModuleType]) -> None:
        time_s, f0_hz = np.arange(44100) / 44100, 3000.5
        sharp = 2 * ((f0_hz * time_s) % 1) - 1
        rounded = recipe["synths"]._wave("sawtooth", f0_hz, time_s, np.ones(44100))

        def aliases(wave: Any) -> float:
            level = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
            hz = np.fft.rfftfreq(len(wave), 1 / 44100)
            return float(np.square(level[(hz > 50) & (np.abs(hz / f0_hz - np.round(hz / f0_hz)) > 0.02)]).sum())

        assert aliases(rounded) < 0.1 * aliases(sharp)

    def test_parts_are_performed(self, recipe: dict[str, ModuleType]) -> None:
        piece = composed(recipe, "electronic", 4)
        for number, part in enumerate(piece.midi.instruments):
            if part.notes:
                sound = recipe["synths"].perform(part, np.random.default_rng(number))
                assert sound.shape[0] == 2
                assert sound.shape[1] > 44100 * part.get_end_time()
                assert np.isfinite(sound).all()
                assert np.abs(sound).max() > 0.01


def test_rooms_decay(recipe: dict[str, ModuleType]) -> None:
    room = recipe["render"].Room.draw(np.random.default_rng(0))
    energies = [float(part.sum()) for part in np.array_split(np.square(room.response).sum(axis=0), 4)]
    assert energies == sorted(energies, reverse=True)
    assert sum(energies) == pytest.approx(2, rel=1e-3)
    click = np.zeros((2, 100_000), np.float32)
    click[:, 0] = 1
    wet = room.around(click, -20.0) - click
    assert 10 * np.log10(np.square(wet).sum() / 2) == pytest.approx(-20, abs=0.5)


@pytest.mark.slow
def test_what_is_rendered_is_a_dataset(recipe: dict[str, ModuleType], tmp_path: Path) -> None:
    if shutil.which("fluidsynth") is None:
        pytest.skip("the program fluidsynth is not installed")
    try:
        soundfont = default_soundfont()
    except DatasetError as error:
        pytest.skip(str(error))
    render = recipe["render"]
    piece = composed(recipe, "band", 5)
    stems = render.Studio((soundfont,)).stems(piece, np.random.default_rng(5))
    render.write(tmp_path / "train" / "band-000", stems, piece)
    [track] = Folder(path=tmp_path).tracks()
    assert (track.split, set(track.sources)) == ("train", {"drums", "bass", "other"})
    mixture = track.load_mixture()
    total = np.sum([stem.samples for stem in track.load_stems().values()], axis=0)
    assert np.abs(mixture.samples - total).max() < 1e-3
    assert 0.4 < np.abs(mixture.samples).max() < 1
    assert soundfile.info(tmp_path / "train" / "band-000" / "drums.flac").samplerate == 44100
    score = track.load_score()
    assert score is not None
    assert {part.partition("/")[0] for part in score.parts} == {"drums", "bass", "other"}
