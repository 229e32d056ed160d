"""Sparse pursuit finds the tones that spectra were made of, and its refinement does as well as a general minimiser."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.optimize

from sepkit_sparse_pursuit import LogAxis, ToneModel, Tones, pursue, refine
from sepkit_sparse_pursuit.pursuit import magnitudes_of, weights_of

WIDTH = 6 / np.pi
AXIS = LogAxis.between(200, 20480, bins_per_octave=100)
DICTIONARY = np.array([[[0.7, 1, 0.8, 0.6, 0.65, 0.4, 0.35, 0.3], [1, 0.08, 0.5, 0.03, 0.3, 0, 0.1, 0]]])


def random_tones(spectra: int, rng: np.random.Generator, dtype: type = np.float64) -> Tones:
    shape = (spectra, 2)
    return Tones(
        rng.uniform(0.1, 1, shape).astype(dtype),
        rng.uniform(20, 260, shape).astype(dtype),
        np.full(shape, WIDTH, dtype),
        rng.uniform(0, 5e-4, shape).astype(dtype),
        np.tile([0, 1], (spectra, 1)),
    )


def spectra_of(model: ToneModel, tones: Tones, dictionary: np.ndarray = DICTIONARY) -> np.ndarray:
    return magnitudes_of(model, tones, dictionary, np.zeros(len(tones.amplitude), np.intp)).sum(axis=1)


def test_two_patterns_come_back_exactly() -> None:
    """The toy of the paper's code: two patterns of five Gaussians, shifted, in one spectrum, compared as they are."""
    axis, dictionary = LogAxis(100, 6.0, 40), np.array([[[1, 0.6, 0.9, 0.3, 0.5], [0.4, 1, 0.2, 0.8, 0.1]]])
    model = ToneModel(axis, 0.8, exponent=1.0)
    true = Tones(
        np.array([[1.0, 0.7]]), np.array([[2.06, 8.16]]), np.full((1, 2), 0.8), np.zeros((1, 2)), np.array([[0, 1]])
    )
    Y = spectra_of(model, true, dictionary)
    found = pursue(model, Y, dictionary)
    order = np.argsort(found.tones.instrument[0])
    assert found.tones.amplitude.shape == (1, 2)
    np.testing.assert_allclose(found.tones.position[0, order], [2.06, 8.16], atol=1e-3)
    np.testing.assert_allclose(found.tones.amplitude[0, order], [1, 0.7], rtol=1e-3)
    residual = Y - spectra_of(model, found.tones, dictionary)
    assert 20 * np.log10(np.linalg.norm(Y) / np.linalg.norm(residual)) > 80


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_random_pairs_of_tones_are_told_apart(dtype: type) -> None:
    model, dictionary = ToneModel(AXIS, WIDTH), DICTIONARY.astype(dtype)
    true = random_tones(100, np.random.default_rng(0), dtype)
    found = pursue(model, spectra_of(model, true, dictionary), dictionary)
    per_instrument = np.zeros((100, 2))
    for instrument in range(2):
        at = (found.tones.instrument == instrument) * (found.tones.amplitude > 0)
        assert at.sum(axis=1).max() == 1
        per_instrument[:, instrument] = (at * found.tones.position).sum(axis=1)
    right = np.abs(per_instrument - true.position) < 0.1
    assert right.mean() > 0.9


def test_more_tones_of_an_instrument_are_found_only_when_allowed() -> None:
    model = ToneModel(AXIS, WIDTH)
    true = replace(
        random_tones(1, np.random.default_rng(0)), position=np.array([[30.0, 77.0]]), instrument=np.zeros((1, 2), int)
    )
    Y = spectra_of(model, true)
    one, two = (pursue(model, Y, DICTIONARY[:, :1], most_tones=most).tones for most in (1, 2))
    assert (one.amplitude > 0).sum() == 1
    np.testing.assert_allclose(np.sort(two.position[0]), [30, 77], atol=0.05)


def test_a_tone_whose_best_match_is_taken_is_played_by_another_instrument() -> None:
    """Both tones are most like the first instrument, which plays one at a time; the papers end after it."""
    model = ToneModel(AXIS, WIDTH)
    dictionary = np.array([[[0.9, 1, 0.8, 0.6], [0.9, 1, 0.5, 0.2]]])
    both_first = replace(
        random_tones(20, np.random.default_rng(8)),
        position=np.tile([40.0, 117.0], (20, 1)),
        instrument=np.zeros((20, 2), int),
    )
    found = pursue(model, spectra_of(model, both_first, dictionary), dictionary).tones
    np.testing.assert_array_equal(found.count(2), 1)
    np.testing.assert_allclose(np.sort(found.position, axis=1), both_first.position, atol=1)


def test_each_tone_lowers_the_residual_enough() -> None:
    """A spectrum with more instruments than the dictionary knows: what is kept was worth it, and nothing else is."""
    model = ToneModel(AXIS, WIDTH)
    rng = np.random.default_rng(3)
    Y = spectra_of(model, random_tones(20, rng)) + np.abs(rng.normal(0, 0.02, (20, AXIS.bins)))
    found = pursue(model, Y, DICTIONARY)
    before = ((model.lifted(Y) - model.lifted(np.zeros_like(Y))) ** 2).sum(axis=1) / 2
    tones = (found.tones.amplitude > 0).sum(axis=1)
    assert tones.max() <= 2
    assert (found.loss <= 0.9 ** (2 * tones) * before).all()
    after = ((model.lifted(Y) - model.lifted(spectra_of(model, found.tones))) ** 2).sum(axis=1) / 2
    np.testing.assert_allclose(found.loss, after, rtol=1e-9)


def test_silence_and_spectra_in_one_lot_do_not_disturb_each_other() -> None:
    model = ToneModel(AXIS, WIDTH)
    Y = spectra_of(model, random_tones(6, np.random.default_rng(4)))
    Y[2] = 0
    together = pursue(model, Y, DICTIONARY)
    assert together.tones.amplitude[2].max() == 0
    for index in (0, 5):
        alone = pursue(model, Y[index : index + 1], DICTIONARY)
        np.testing.assert_allclose(together.loss[index], alone.loss[0], rtol=1e-6, atol=1e-12)


def test_each_spectrum_has_the_dictionary_of_its_start() -> None:
    model = ToneModel(AXIS, WIDTH)
    both = np.concatenate([DICTIONARY, DICTIONARY[:, ::-1]])
    Y = spectra_of(model, random_tones(5, np.random.default_rng(5)))
    first = pursue(model, Y, both, start=np.zeros(5, np.intp))
    second = pursue(model, Y, both, start=np.ones(5, np.intp))
    sounding = first.tones.amplitude > 0
    np.testing.assert_array_equal(first.tones.instrument[sounding], 1 - second.tones.instrument[sounding])


def test_refinement_does_as_well_as_a_general_minimiser() -> None:
    """SciPy's L-BFGS-B, with derivatives by differences, from the same starts."""
    model = ToneModel(AXIS, WIDTH)
    rng = np.random.default_rng(6)
    true = random_tones(8, rng)
    Y = spectra_of(model, true) + np.abs(rng.normal(0, 0.003, (8, AXIS.bins)))
    lifted = model.lifted(Y)
    begun = replace(true, amplitude=true.amplitude * 0.7, position=true.position + 1.0, inharmonicity=0 * true.width)
    weights = weights_of(DICTIONARY, np.zeros(8, np.intp), begun)
    fitted, loss = refine(model, lifted, begun, weights, iterations=40, tolerance=1e-9)
    assert fitted.width.min() >= 0.8 * WIDTH
    assert fitted.width.max() <= 1.5 * WIDTH
    assert fitted.inharmonicity.min() >= 0
    scale = np.array([1, 1, 1, 1, 1, 1, 1e-4, 1e-4])

    for index in range(8):

        def cost(theta: np.ndarray, index: int = index) -> float:
            amplitude, position, width, inharmonicity = (theta * scale).reshape(4, 1, 2)
            tones = Tones(amplitude, position, width, inharmonicity, np.array([[0, 1]]))
            return float(((model.lifted(spectra_of(model, tones)) - lifted[index]) ** 2).sum() / 2)

        start = np.concatenate([begun.amplitude[index], begun.position[index], begun.width[index], [0, 0]])
        bounds = [(0, None)] * 2 + [(None, None)] * 2 + [(0.8 * WIDTH, 1.5 * WIDTH)] * 2 + [(0, 20)] * 2
        found = scipy.optimize.minimize(cost, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500})
        assert loss[index] <= found.fun * 1.01 + 1e-9
        assert loss[index] <= cost(start)


def test_refinement_never_makes_it_worse() -> None:
    model = ToneModel(AXIS, WIDTH)
    rng = np.random.default_rng(7)
    Y = np.abs(rng.normal(0, 1, (10, AXIS.bins)))
    begun = random_tones(10, rng)
    weights = weights_of(DICTIONARY, np.zeros(10, np.intp), begun)
    losses = [refine(model, model.lifted(Y), begun, weights, iterations=count, tolerance=0)[1] for count in range(6)]
    assert (np.diff(losses, axis=0) <= 0).all()
