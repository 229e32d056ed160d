"""Which instrument plays which tone: instruments that sound alike are told apart by their lines."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepkit_sparse_pursuit import LogAxis, ToneModel, Tones, follow_voices, registers, ticks_for
from sepkit_sparse_pursuit.pursuit import magnitudes_of
from sepkit_sparse_pursuit.voices import exchanges

WIDTH = 6 / np.pi
AXIS = LogAxis.between(100, 6400, bins_per_octave=60)
MODEL = ToneModel(AXIS, WIDTH)
ALIKE = np.array([[1, 0.5, 0.3, 0.2, 0.1], [1, 0.48, 0.3, 0.22, 0.1]])
HOP_S = 0.02


def melodies(rng: np.random.Generator, notes: int = 8, length: int = 10) -> Tones:
    """Two voices, a low and a high one, each of one instrument."""
    low, high = rng.integers(0, 10, notes), rng.integers(18, 30, notes)
    position = np.repeat(np.stack([low, high], axis=1) * 5.0 + 20, length, axis=0)
    shape = position.shape
    amplitude = rng.uniform(0.5, 1, shape)
    return Tones(amplitude, position, np.full(shape, WIDTH), np.zeros(shape), np.tile([0, 1], (len(position), 1)))


def spectra_of(tones: Tones) -> np.ndarray:
    return magnitudes_of(MODEL, tones, ALIKE[np.newaxis], np.zeros(len(tones.amplitude), np.intp)).sum(axis=1)


def followed(Y: np.ndarray, tones: Tones, dictionary: np.ndarray) -> Tones:
    ticks = iter(range(ticks_for(len(Y))))
    return follow_voices(MODEL, Y, tones, dictionary, HOP_S, most_tones=1, ticks=ticks).tones


def mistaken(tones: Tones, spectra: np.ndarray) -> Tones:
    """In these spectra, the instruments change places."""
    return replace(tones, instrument=np.where(spectra[:, np.newaxis], tones.instrument[:, ::-1], tones.instrument))


def test_tones_that_changed_hands_go_back() -> None:
    rng = np.random.default_rng(0)
    true = melodies(rng)
    Y = spectra_of(true) + np.abs(rng.normal(0, 0.01, (80, AXIS.bins)))
    found = followed(Y, mistaken(true, rng.uniform(size=80) < 0.3), ALIKE)
    np.testing.assert_array_equal(found.instrument, true.instrument)
    np.testing.assert_allclose(found.position, true.position, atol=0.5)


@pytest.mark.parametrize("at_once", [1, 7, 79, 80])
def test_lines_are_the_same_however_many_spectra_are_looked_at_at_once(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    true = melodies(rng)
    Y = spectra_of(true) + np.abs(rng.normal(0, 0.01, (80, AXIS.bins)))
    wrong = mistaken(true, rng.uniform(size=80) < 0.3)
    at_a_time = followed(Y, wrong, ALIKE)
    monkeypatch.setattr("sepkit_sparse_pursuit.lines._AT_ONCE", at_once)
    np.testing.assert_array_equal(followed(Y, wrong, ALIKE).instrument, at_a_time.instrument)


def test_what_tells_instruments_apart_outweighs_their_lines() -> None:
    """Voices that cross: where timbres differ, they are followed through it."""
    different = np.array([[1, 0.5, 0.3, 0.2, 0.1], [1, 0, 0.6, 0, 0.4]])
    rng = np.random.default_rng(1)
    true = mistaken(melodies(rng), np.arange(80) >= 40)
    Y = magnitudes_of(MODEL, true, different[np.newaxis], np.zeros(80, np.intp)).sum(axis=1)
    Y += np.abs(rng.normal(0, 0.01, Y.shape))
    found = followed(Y, mistaken(true, rng.uniform(size=80) < 0.3), different)
    np.testing.assert_array_equal(found.instrument, true.instrument)


def test_a_lone_tone_is_played_by_the_instrument_whose_line_it_goes_on() -> None:
    true = melodies(np.random.default_rng(2))
    true.amplitude[30:35, 1] = 0
    wrong = replace(true, instrument=true.instrument.copy())
    wrong.instrument[30:35, 0] = 1
    found = followed(spectra_of(true), wrong, ALIKE)
    np.testing.assert_array_equal(found.instrument[:, 0], 0)


@pytest.mark.parametrize(("instruments", "most"), [(2, 1), (3, 1), (2, 2)])
def test_exchanges_are_all_assignments_one_step_away(instruments: int, most: int) -> None:
    rng = np.random.default_rng(3)
    for instrument in product(range(instruments), repeat=3):
        if np.bincount(instrument).max() > most:
            continue
        amplitude = np.array([[1.0, 2.0, rng.integers(2)]])
        tones = replace(Tones.none(1, float).padded(3), amplitude=amplitude, instrument=np.array([instrument]))
        given, allowed = exchanges(tones, instruments, most)
        sounding = amplitude[0] > 0
        found = [tuple(row[sounding]) for row in given[0][allowed[0]]]
        assert found[0] == tuple(np.array(instrument)[sounding])
        assert len(set(found)) == len(found)
        for other in product(range(instruments), repeat=int(sounding.sum())):
            changed = np.array(other) != np.array(found[0])
            swapped = changed.sum() == 2 and sorted(other) == sorted(found[0])
            fits = np.bincount(other).max() <= most
            assert (other in found) == (not changed.any() or (fits and (changed.sum() == 1 or swapped)))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_no_tone_is_lost_and_no_instrument_has_too_many(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tones = replace(
        melodies(rng, notes=2, length=6),
        amplitude=rng.uniform(0, 1, (12, 2)) * (rng.uniform(size=(12, 2)) < 0.7) + 0.0,
        position=rng.uniform(0, 150, (12, 2)),
    )
    Y = np.abs(rng.normal(0, 0.1, (12, AXIS.bins)))
    found = followed(Y, tones, ALIKE)
    assert found.count(2).max() <= 1
    assert found.amplitude.shape == tones.amplitude.shape
    np.testing.assert_array_equal(found.count(2).sum(axis=1) <= tones.count(2).sum(axis=1), True)


def test_registers_are_densities_around_what_was_played() -> None:
    tones = melodies(np.random.default_rng(4))
    register = registers(tones.position / 5, tones, 2, 60)
    np.testing.assert_allclose(register.sum(axis=1), 1)
    assert register.min() > 0
    semitones = np.arange(60)
    for instrument in range(2):
        mean = tones.position[:, instrument].mean() / 5
        assert register[instrument][semitones - mean < -20].sum() < 0.1
        assert abs(register[instrument] @ semitones - mean) < 5


def test_one_instrument_alone_and_silence_stay_as_they_are() -> None:
    tones = melodies(np.random.default_rng(5))[:, :1]
    Y = spectra_of(tones)
    alone = followed(Y, tones, ALIKE[:1])
    np.testing.assert_allclose(alone.position, tones.position, atol=1e-3)
    np.testing.assert_array_equal(alone.instrument, 0)
    assert followed(np.zeros((5, AXIS.bins)), Tones.none(5, float), ALIKE).amplitude.shape == (5, 0)
