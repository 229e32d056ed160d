"""The prior of templates that are harmonic: against its own definition, and in the updates that it is made for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sepkit import Atom, Density, Domain, GradientSplit, Note
from sepkit.builtin import HarmonicTemplates
from sepkit.informed.harmonics import partial_lobes
from sepkit.problem.prior import Initial
from tests.test_score_statements import ATOMS, BINS_HZ, layout

PRIOR = HarmonicTemplates(weight=3, cents=80, inharmonicity=0.0002)
PITCHED = np.array([atom.pitch is not None and not atom.transient for atom in ATOMS])


def templates(seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(0.1, 2, (len(BINS_HZ), len(ATOMS)))


class TestHarmonicTemplates:
    @pytest.fixture
    def density(self) -> Density:
        return PRIOR.bind(layout([Note(0, 1, 60, part="flute")]), Domain.TEMPLATES)

    def test_is_a_dirichlet_density_around_one_over_the_partial(self, density: Density) -> None:
        W, expected = templates(), 0.0
        for w, atom in zip(W.T, ATOMS, strict=True):
            if atom.pitch is not None and not atom.transient:
                number, height = partial_lobes(BINS_HZ, atom.pitch, cents=80, inharmonicity=0.0002)
                shape = height / number
                expected += 3 * np.sum(shape / shape.sum() * np.log(w / w.sum()))
        assert density.log_prob(W) == pytest.approx(expected, rel=1e-12)

    def test_score_is_the_gradient_by_finite_differences(self, density: Density) -> None:
        W = templates()
        score, step = density.gradient(W), 1e-6
        for index in [(0, 0), (64, 12), *zip(range(3, 129, 6), range(21), strict=True)]:
            moved = np.zeros_like(W)
            moved[index] = step
            slope = (density.log_prob(W + moved) - density.log_prob(W - moved)) / (2 * step)
            assert score[index] == pytest.approx(slope, rel=1e-5, abs=1e-6)

    def test_split_is_the_gradient_in_nonnegative_parts(self, density: Density) -> None:
        assert isinstance(density, GradientSplit)
        W = templates()
        W[::5] = 0
        plus, minus = density.split_gradient(W)
        assert (plus >= 0).all()
        assert (minus >= 0).all()
        np.testing.assert_array_equal(density.gradient(W), minus - plus)
        # What is zero stays zero and takes no part: the others are pulled as if it were not there.
        np.testing.assert_allclose(((minus - plus) * W).sum(axis=0), 0, atol=1e-10)

    @pytest.mark.parametrize("scale", [1e-20, 0.1, 1e6])
    def test_scale_of_a_template_does_not_matter(self, density: Density, scale: float) -> None:
        W = templates()
        scaled = W * np.where(np.arange(len(ATOMS)) % 2, scale, 1)
        assert density.log_prob(scaled) == pytest.approx(density.log_prob(W))
        np.testing.assert_allclose(scaled * density.gradient(scaled), W * density.gradient(W), atol=1e-12)

    def test_is_largest_at_the_shape(self, density: Density) -> None:
        assert isinstance(density, Initial)
        best = density.initial(np.random.default_rng())
        largest = density.log_prob(best)
        rng = np.random.default_rng(1)
        for _ in range(20):
            other = best * np.exp(0.01 * rng.standard_normal(best.shape)) + 1e-4 * rng.random(best.shape)
            assert density.log_prob(other) < largest
            inside = (best * density.gradient(best))[:, PITCHED]
            np.testing.assert_allclose(inside, 0, atol=1e-12)

    def test_says_nothing_of_atoms_without_pitch_and_of_transients(self, density: Density) -> None:
        W = templates()
        assert not density.gradient(W)[:, ~PITCHED].any()
        assert density.gradient(W)[:, PITCHED].any(axis=0).all()
        changed = np.where(PITCHED, W, templates(1))
        assert density.log_prob(changed) == pytest.approx(density.log_prob(W), rel=1e-13)

    @pytest.mark.parametrize("scale", [0, 1e-30, 1e-18, 1e15])
    @pytest.mark.parametrize("weight", [1, 1e5])
    def test_silent_soft_and_loud_templates_are_finite(self, weight: float, scale: float) -> None:
        on = layout([Note(0, 1, 60, part="flute")])
        density = HarmonicTemplates(weight=weight).bind(on, Domain.TEMPLATES)
        assert isinstance(density, GradientSplit)
        W = templates().astype(np.float32)
        W[:, 2:5] *= np.float32(scale)
        W[::2, 5:] = np.float32(2e-36)
        for part in (*density.split_gradient(W), density.log_prob(W)):
            assert np.isfinite(part).all()
            assert np.asarray(part).dtype == np.float32

    def test_a_pitch_above_all_bins_may_be_anything(self) -> None:
        density = PRIOR.bind(layout([Note(0, 1, 127, part="flute")], atoms=(Atom("flute", 127),)), Domain.TEMPLATES)
        W = templates()[:, :1]
        assert density.log_prob(W) == 0
        assert not density.gradient(W).any()


@pytest.mark.parametrize(("solver", "beta"), [("mu", 0), ("mu", 0.5), ("mu", 1), ("mue", 1), ("mue", 2)])
def test_multiplicative_updates_under_the_prior_lower_the_cost(solver: str, beta: float) -> None:
    from sepkit_nmf import factorize

    pitched = (Atom("flute", pitch) for pitch in (48, 52, 55))
    atoms = (*pitched, Atom("flute"), Atom("flute", 48, transient=True))
    prior = HarmonicTemplates(weight=200)
    density = prior.bind(layout([Note(0, 1, 60, part="flute")], atoms=atoms), Domain.TEMPLATES)
    rng = np.random.default_rng(0)
    V = rng.gamma(0.5, size=(len(BINS_HZ), 3)) @ rng.gamma(0.5, size=(3, 40)) + 0.1
    V /= V.mean()
    W, H = rng.random((len(BINS_HZ), 5)) + 0.1, rng.random((5, 40)) + 0.1
    options: dict[str, Any] = {"solver": solver, "beta": beta, "tolerance": 0}
    fits = [factorize(V, W, H, densities_w=[density], max_iterations=count, **options) for count in range(25)]
    costs = np.array([fit.costs[-1] for fit in fits])
    assert (np.diff(costs) <= 1e-12 * np.abs(costs[:-1])).all()
    assert costs[-1] < costs[0]
    free = factorize(V, W, H, max_iterations=24, **options)
    assert density.log_prob(fits[-1].W) > density.log_prob(free.W)
