from __future__ import annotations

import numpy as np
import pytest

from sepkit import Audio, Score
from sepkit.example import FOLDER, SOURCES, Example, load


@pytest.fixture(scope="module")
def example() -> Example:
    return load()


def test_stems_sum_to_the_mixture(example: Example) -> None:
    total = np.sum([stem.samples.astype(np.float64) for stem in example.stems.values()], axis=0)
    np.testing.assert_allclose(total, example.mixture.samples, atol=1e-6)
    assert list(example.stems) == list(SOURCES)


def test_mixture_does_not_clip_and_is_not_silent(example: Example) -> None:
    assert 0.5 < np.abs(example.mixture.samples).max() <= 1


def test_every_stem_sounds(example: Example) -> None:
    for stem in example.stems.values():
        assert np.sqrt(np.mean(stem.samples**2)) > 0.01


def test_parts_of_the_score_are_the_sources(example: Example) -> None:
    assert set(example.score.parts) == set(SOURCES)
    assert max(note.offset_s for note in example.score.notes) <= example.mixture.duration_s


def test_score_is_the_one_that_was_composed(example: Example) -> None:
    from sepkit.example import compose

    for part in SOURCES:
        (instrument,) = (one for one in compose.score().instruments if one.name == part)
        assert len(example.score.part(part).notes) == len(instrument.notes)


@pytest.mark.parametrize("source", ["flute", "cello"])
def test_melodic_stems_sound_when_the_score_says_so(example: Example, source: str) -> None:
    stem, sounding = example.stems[source], np.zeros(example.mixture.length, bool)
    for note in example.score.part(source).notes:
        sounding[round(note.onset_s * stem.sample_rate) : round((note.offset_s + 0.3) * stem.sample_rate)] = True
    power = stem.samples[0].astype(np.float64) ** 2
    assert power[sounding].sum() > 0.99 * power.sum()


def test_training_recordings_are_of_other_notes(example: Example) -> None:
    assert list(example.training) == list(SOURCES)
    for source, path in example.training.items():
        training = Audio.read(path)
        assert training.sample_rate == example.mixture.sample_rate
        assert training.samples.shape != example.stems[source].samples.shape


def test_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 2.5e6


def test_score_can_be_read_by_itself() -> None:
    assert len(Score.read(FOLDER / "score.mid").notes) > 100
