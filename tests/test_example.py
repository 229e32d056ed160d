from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio, Score
from sepkit.errors import UnknownNameError
from sepkit.example import FOLDER, HANDS, NAMES, PIANO_FOLDER, SOURCES, Example, compose_piano, load

SOUNDFONT = Path("/usr/share/sounds/sf3/MuseScore_General.sf3")


@pytest.fixture(scope="module", params=NAMES)
def example(request: pytest.FixtureRequest) -> Example:
    return load(request.param)


@pytest.fixture(scope="module")
def piano() -> Score:
    return compose_piano.score()


def test_stems_sum_to_the_mixture_exactly(example: Example) -> None:
    total = np.sum([stem.samples.astype(np.float64) for stem in example.stems.values()], axis=0)
    np.testing.assert_array_equal(total, example.mixture.samples)


def test_mixture_does_not_clip_and_is_not_silent(example: Example) -> None:
    assert 0.5 < np.abs(example.mixture.samples).max() <= 1


def test_every_stem_sounds(example: Example) -> None:
    for stem in example.stems.values():
        assert np.sqrt(np.mean(stem.samples**2)) > 0.01


def test_parts_of_the_score_are_the_sources(example: Example) -> None:
    assert set(example.score.parts) == set(example.stems)
    assert max(note.offset_s for note in example.score.notes) <= example.mixture.duration_s


def test_the_default_is_the_ode_and_other_names_are_refused() -> None:
    assert list(load().stems) == list(SOURCES)
    assert list(load("piano").stems) == list(HANDS)
    with pytest.raises(
        UnknownNameError, match=r"^no example 'waltz'; the examples are ode, piano, choir, drums, quartet, song$"
    ):
        load("waltz")


@pytest.mark.parametrize("name", ["choir", "quartet", "song"])
def test_f0_of_a_synthesised_melody_is_near_its_notes_and_heard_in_its_stem(name: str) -> None:
    piece = load(name)
    assert set(piece.f0) <= set(piece.stems)
    for part, track in piece.f0.items():
        for note in piece.score.part(part).notes:
            within = (track.times_s > note.onset_s + 0.12) & (track.times_s < note.offset_s - 0.02)
            pitch = 69 + 12 * np.log2(track.f0_hz[within] / 440)
            assert np.abs(pitch - note.pitch).max(initial=0) < 0.6
        # In the middle of its longest note the stem has its energy at multiples of F0, not between them.
        longest = max(piece.score.part(part).notes, key=lambda note: note.offset_s - note.onset_s)
        middle_s = (longest.onset_s + longest.offset_s) / 2
        stem = piece.stems[part]
        excerpt = stem.samples[
            0, round((middle_s - 0.05) * stem.sample_rate) : round((middle_s + 0.05) * stem.sample_rate)
        ]
        f0_hz = float(np.interp(middle_s, track.times_s, track.f0_hz))
        spectrum = np.abs(np.fft.rfft(excerpt * np.hanning(len(excerpt)), 1 << 16))
        harmonics = [spectrum[round(n * f0_hz / stem.sample_rate * (1 << 16))] for n in range(1, 6)]
        between = [spectrum[round((n + 0.5) * f0_hz / stem.sample_rate * (1 << 16))] for n in range(1, 6)]
        assert np.sum(harmonics) > 4 * np.sum(between)


def test_a_synthesised_piece_is_the_same_again() -> None:
    first, second = load("drums"), load("drums")
    np.testing.assert_array_equal(first.mixture.samples, second.mixture.samples)


def test_score_of_the_ode_is_the_one_that_was_composed() -> None:
    from sepkit.example import compose

    ode = load("ode")
    for part in SOURCES:
        (instrument,) = (one for one in compose.score().instruments if one.name == part)
        assert len(ode.score.part(part).notes) == len(instrument.notes)


def test_score_of_the_piano_is_the_one_that_was_composed(piano: Score) -> None:
    bundled = Score.read(PIANO_FOLDER / "score.mid")
    for hand in HANDS:
        written, composed = bundled.part(hand).notes, piano.part(hand).notes
        assert [(n.pitch, n.velocity) for n in written] == [(n.pitch, n.velocity) for n in composed]
        for time in ("onset_s", "offset_s"):
            np.testing.assert_allclose(
                [getattr(n, time) for n in written], [getattr(n, time) for n in composed], atol=1e-4
            )


def test_piano_is_performed_alike_each_time(piano: Score) -> None:
    assert compose_piano.score() == piano


def test_hands_share_keys_but_no_key_is_held_twice(piano: Score) -> None:
    right, left = ({note.pitch for note in piano.part(hand).notes} for hand in HANDS)
    assert len(right & left) >= 5
    by_key = sorted(piano.notes, key=lambda note: (note.pitch, note.onset_s))
    for note, following in itertools.pairwise(by_key):
        if note.pitch == following.pitch:
            assert note.offset_s <= following.onset_s


def test_piano_is_no_machine(piano: Score) -> None:
    onsets = np.unique([note.onset_s for note in piano.part("left").notes])
    steps = np.diff(onsets[onsets < 8])  # broken chords in even eighths
    eighths = steps[steps > 0.1]
    assert 0.01 < eighths.std() / eighths.mean() < 0.2
    assert len({note.velocity for note in piano.notes}) > 20
    assert min(note.offset_s - note.onset_s for note in piano.notes) > 0.05


@pytest.mark.parametrize(
    ("name", "source"), [("ode", "flute"), ("ode", "cello"), ("piano", "right"), ("piano", "left")]
)
def test_melodic_stems_sound_when_the_score_says_so(name: str, source: str) -> None:
    example = load(name)
    stem, sounding = example.stems[source], np.zeros(example.mixture.length, bool)
    for note in example.score.part(source).notes:
        sounding[round(note.onset_s * stem.sample_rate) : round((note.offset_s + 0.3) * stem.sample_rate)] = True
    power = stem.samples[0].astype(np.float64) ** 2
    assert power[sounding].sum() > 0.99 * power.sum()


def test_training_recordings_are_of_other_notes() -> None:
    ode = load("ode")
    assert list(ode.training) == list(SOURCES)
    for source, path in ode.training.items():
        training = Audio.read(path)
        assert training.sample_rate == ode.mixture.sample_rate
        assert training.samples.shape != ode.stems[source].samples.shape
    assert load("piano").training == {}


def test_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 2.5e6
    assert sum(path.stat().st_size for path in PIANO_FOLDER.iterdir()) < 1.5e6


def test_scores_can_be_read_by_themselves() -> None:
    assert len(Score.read(FOLDER / "score.mid").notes) > 100
    assert len(Score.read(PIANO_FOLDER / "score.mid").notes) > 200


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not SOUNDFONT.is_file(), reason=f"needs fluidsynth and {SOUNDFONT}"
)
def test_piano_rendered_anew_is_the_one_that_is_bundled(tmp_path: Path) -> None:
    from sepkit.example.render import render_piano

    render_piano(SOUNDFONT, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in PIANO_FOLDER.iterdir()}
    for hand in HANDS:
        rendered, bundled = (Audio.read(folder / f"{hand}.flac").samples for folder in (tmp_path, PIANO_FOLDER))
        # Another version of fluidsynth may round otherwise.
        assert np.corrcoef(rendered[0], bundled[0])[0, 1] > 0.999
