"""Learning dictionaries: the optimiser, the gradient, the pruning, and that true instruments are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepkit_sparse_pursuit import (
    BlockAdam,
    Learning,
    LogAxis,
    ToneModel,
    Tones,
    dictionary_gradient,
    random_instruments,
)
from sepkit_sparse_pursuit.pursuit import magnitudes_of

WIDTH = 6 / np.pi
AXIS = LogAxis.between(200, 20480, bins_per_octave=60)
MODEL = ToneModel(AXIS, WIDTH)


def artificial_spectra(dictionary: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """One tone of each of two instruments in every spectrum, at random amplitudes and positions."""
    shape = (count, 2)
    tones = Tones(
        rng.uniform(0.05, 1, shape),
        rng.uniform(0, 180, shape),
        np.full(shape, WIDTH),
        np.zeros(shape),
        np.tile([0, 1], (count, 1)),
    )
    return magnitudes_of(MODEL, tones, dictionary[np.newaxis], np.zeros(count, np.intp)).sum(axis=1)


@given(seed=st.integers(0, 1000), instruments=st.integers(1, 5))
def test_random_instruments_have_a_loudest_harmonic_of_one(seed: int, instruments: int) -> None:
    dictionary = random_instruments((instruments,), 25, np.random.default_rng(seed))
    np.testing.assert_allclose(dictionary.max(axis=1), 1)
    assert dictionary.min() >= 0
    assert np.isfinite(dictionary).all()


@given(seed=st.integers(0, 1000), factor=st.floats(1e-3, 1e3))
def test_a_scaled_gradient_of_one_instrument_changes_no_step(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    gradients = rng.normal(size=(5, 3, 6))
    scaled = gradients * np.array([1, factor, 1])[:, np.newaxis]
    results = []
    for sequence in (gradients, scaled):
        adam = BlockAdam(np.full((3, 6), 0.5), 0.01)
        for gradient in sequence:
            adam.step(gradient)
        results.append(adam.dictionary)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)


def test_steps_keep_the_direction_of_the_gradient() -> None:
    """One second moment for all harmonics: the first step goes along the gradient, not along its signs."""
    gradient = np.array([[1.0, 2.0, 4.0]])
    adam = BlockAdam(np.full((1, 3), 0.5), 0.01)
    adam.step(gradient)
    step = 0.5 - adam.dictionary[0]
    np.testing.assert_allclose(step, 0.01 * gradient[0] / np.sqrt((gradient**2).mean()), rtol=1e-6)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_harmonics_stay_between_zero_and_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    adam = BlockAdam(rng.uniform(size=(2, 4)), 0.3)
    for _ in range(20):
        adam.step(rng.normal(size=(2, 4)))
        assert adam.dictionary.min() >= 0
        assert adam.dictionary.max() <= 1


def test_the_gradient_is_that_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    dictionary = rng.uniform(0.2, 1, (2, 3, 6))
    start = np.array([0, 0, 1, 1])
    tones = Tones(
        rng.uniform(0.2, 1, (4, 2)),
        rng.uniform(10, 100, (4, 2)),
        np.full((4, 2), WIDTH),
        np.zeros((4, 2)),
        np.array([[0, 1], [2, 1], [0, 0], [1, 2]]),
    )
    Y = rng.uniform(0, 1, (4, AXIS.bins))

    def loss(dictionary: np.ndarray) -> float:
        fitted = magnitudes_of(MODEL, tones, dictionary, start).sum(axis=1)
        return float(((MODEL.lifted(fitted) - MODEL.lifted(Y)) ** 2).sum() / 2)

    gradient = dictionary_gradient(MODEL, Y, tones, dictionary, start)
    for index in np.ndindex(dictionary.shape):
        step = np.zeros_like(dictionary)
        step[index] = 1e-6
        numeric = (loss(dictionary + step) - loss(dictionary - step)) / 2e-6
        assert gradient[index] == pytest.approx(numeric, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("steps", [10, 13, 20])
def test_exactly_the_wanted_number_outlives_the_pruning(steps: int) -> None:
    rng = np.random.default_rng(0)
    Y = artificial_spectra(random_instruments((2,), 8, rng), 30, rng)
    learning = Learning(
        MODEL, Y, np.arange(len(Y)), instruments=2, harmonics=8, batch=2, most_tones=1, learning_rate=1e-2
    )
    dictionary, losses = learning.grow(list(rng.spawn(3)), range(steps), prune_every=10)
    assert dictionary.shape == (3, 2, 8)
    assert losses.shape == (steps, 3)


def test_a_start_does_not_depend_on_how_many_others_there_are() -> None:
    rng = np.random.default_rng(0)
    Y = artificial_spectra(random_instruments((2,), 8, rng), 30, rng)
    learning = Learning(
        MODEL, Y, np.arange(len(Y)), instruments=2, harmonics=8, batch=2, most_tones=1, learning_rate=1e-2
    )
    alone, _ = learning.grow([np.random.default_rng(5)], range(3), prune_every=2)
    others, _ = learning.grow([np.random.default_rng(seed) for seed in (5, 6)], range(3), prune_every=2)
    np.testing.assert_allclose(alone[0], others[0], atol=1e-5)


@pytest.mark.slow
def test_true_instruments_are_learned_from_artificial_spectra() -> None:
    true = np.array([[0.7, 1, 0.8, 0.6, 0.65, 0.4, 0.35, 0.3], [1, 0.08, 0.12, 0.03, 0.02, 0, 0, 0]])
    Y = artificial_spectra(true, 500, np.random.default_rng(1)).astype(np.float32)
    learning = Learning(
        MODEL, Y, np.arange(len(Y)), instruments=2, harmonics=8, batch=8, most_tones=1, learning_rate=1e-2
    )
    rngs = [np.random.default_rng(seed) for seed in range(2)]
    grown, losses = learning.grow(rngs, range(120), prune_every=30)
    settled = learning.settle(grown, rngs, range(40), 40)
    best = settled[np.argmin(losses[-20:].mean(axis=0))]
    norms = np.linalg.norm(best, axis=1)[:, np.newaxis] * np.linalg.norm(true, axis=1)
    cosine = best @ true.T / norms
    assert max(cosine[0, 0] + cosine[1, 1], cosine[0, 1] + cosine[1, 0]) > 2 * 0.97
