"""Active sets: leaving out the atoms that do not sound changes nothing but the time it takes."""

from __future__ import annotations

import numpy as np
import pytest

from plugins.nmf.tests.problems import assert_never_rises, trajectory
from sepkit_nmf.active import EVERY, ActiveBlock, active_blocks
from sepkit_nmf.factorization import factorize

MULTIPLICATIVE = [("mu", 0.0), ("mu", 0.5), ("mu", 1.0), ("mu", 2.0), ("mu", 3.0), ("mue", 1.0), ("mue", 2.0)]
every_solver = pytest.mark.parametrize(("solver", "beta"), [*MULTIPLICATIVE, ("hals", 2.0)])
frozen_or_not = pytest.mark.parametrize("frozen", [False, True], ids=["free", "frozen"])
BINS, FRAMES, ATOMS = 30, 90, 7


class Smoothness:
    """A Gaussian density of the steps from one column to the next, whose gradient reaches beyond a support."""

    def log_prob(self, value):
        return -10 * float((np.diff(value, axis=1) ** 2).sum())

    def gradient(self, value):
        plus, minus = self.split_gradient(value)
        return minus - plus

    def split_gradient(self, value):
        plus, minus = np.zeros_like(value), np.zeros_like(value)
        for here, there in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
            plus[:, here] += 20 * value[:, here]
            minus[:, here] += 20 * value[:, there]
        return plus, minus


@pytest.fixture
def notes():
    """Where atoms sound: one always, one never, the others in runs; in the last frames none but the first."""
    support = np.zeros((ATOMS, FRAMES), bool)
    support[0] = True
    for atom, first, stop in ((2, 0, 20), (2, 50, 51), (3, 10, 45), (4, 30, 70), (5, 44, 46), (6, 60, 75)):
        support[atom, first:stop] = True
    return support


@pytest.fixture
def start(notes):
    rng = np.random.default_rng(0)
    V = rng.gamma(0.5, size=(BINS, ATOMS)) @ (rng.gamma(0.5, size=(ATOMS, FRAMES)) * notes)
    V += 0.1 * rng.random(V.shape)
    return V, rng.random((BINS, ATOMS)) + 0.1, rng.random((ATOMS, FRAMES)) + 0.1


@pytest.fixture(params=[1, 100, 1000], ids=lambda elements: f"{elements}-a-block")
def short_blocks(request, monkeypatch):
    """Blocks of one frame, of a few, and of a third of all."""
    monkeypatch.setattr("sepkit_nmf.model.CACHE_ELEMENTS", request.param)


def updates_of(frozen):
    if not frozen:
        return {}
    return {
        "free_w": np.array([True, False, True, True, False, True, True]),
        "free_h": np.array([True, True, True, False, False, True, True]),
    }


def assert_alike(result, expected):
    __tracebackhide__ = True
    np.testing.assert_allclose(result.costs, expected.costs, rtol=1e-10)
    for ours, theirs in ((result.W, expected.W), (result.H, expected.H)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9 * theirs.max())


@pytest.mark.parametrize(("solver", "beta"), MULTIPLICATIVE)
@frozen_or_not
@pytest.mark.usefixtures("short_blocks")
def test_equals_a_start_with_the_same_zeros(start, notes, solver, beta, frozen):
    V, W, H = start
    options = {"solver": solver, "beta": beta, "max_iterations": 20, "tolerance": 0, **updates_of(frozen)}
    # Multiplicative updates keep the zeros of their start, so that this is the same problem without a support.
    everywhere = factorize(V, W, H * notes, support_h=np.ones_like(notes), **options)
    assert_alike(factorize(V, W, H, support_h=notes, **options), everywhere)


@every_solver
@frozen_or_not
@pytest.mark.parametrize("densities", [[], [Smoothness()]], ids=["plain", "prior"])
def test_equals_one_block_in_which_everything_sounds(monkeypatch, start, notes, solver, beta, frozen, densities):
    V, W, H = start
    notes[1, 3] = True
    options = {"solver": solver, "beta": beta, "max_iterations": 20, "tolerance": 0, **updates_of(frozen)}
    options |= {"support_h": notes, "densities_h": densities}
    whole = factorize(V, W, H, **options)
    monkeypatch.setattr("sepkit_nmf.model.CACHE_ELEMENTS", 100)
    assert_alike(factorize(V, W, H, **options), whole)


@every_solver
@frozen_or_not
@pytest.mark.parametrize("densities", [[], [Smoothness()]], ids=["plain", "prior"])
def test_cost_never_rises_and_zeros_stay(monkeypatch, start, notes, solver, beta, frozen, densities):
    V, W, H = start
    monkeypatch.setattr("sepkit_nmf.model.CACHE_ELEMENTS", 100)
    options = {"solver": solver, "beta": beta, "support_h": notes, "densities_h": densities, **updates_of(frozen)}
    costs = trajectory(V, W, H, iterations=10, **options)
    assert_never_rises(costs)
    assert costs[-1] < 0.99 * costs[0]
    for count in (1, 2, 10):
        np.testing.assert_array_equal(factorize(V, W, H, max_iterations=count, **options).H[~notes], 0)


@every_solver
def test_a_support_that_ends_long_before_the_data_does(monkeypatch, start, notes, solver, beta):
    V, W, H = start
    notes[:, 40:] = False
    monkeypatch.setattr("sepkit_nmf.model.CACHE_ELEMENTS", 100)
    options = {"solver": solver, "beta": beta, "max_iterations": 10, "tolerance": 0}
    result = factorize(V, W, H, support_h=notes, **options)
    # The frames in which nothing may sound have no say in the templates.
    head = factorize(V[:, :40], W, H[:, :40], support_h=notes[:, :40], **options)
    np.testing.assert_allclose(result.W, head.W, rtol=1e-6, atol=1e-9)
    assert not result.H[:, 40:].any()
    nothing = factorize(V, W, H, support_h=np.zeros_like(notes), **options)
    assert not nothing.H.any()
    assert np.isfinite(nothing.W).all()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.usefixtures("short_blocks")
def test_memory_order_does_not_matter(start, notes, order):
    V, W, H = start
    plain = factorize(V, W, H, support_h=notes, max_iterations=10)
    assert_alike(factorize(np.asarray(V, order=order), W, H, support_h=notes, max_iterations=10), plain)


def test_blocks_cover_all_frames_with_just_the_atoms_that_may_sound(notes):
    blocks = active_blocks((BINS, FRAMES), 100, notes)
    assert np.concatenate([np.arange(FRAMES)[block.frames] for block in blocks]).tolist() == list(range(FRAMES))
    for block in blocks:
        np.testing.assert_array_equal(block.atoms, np.flatnonzero(notes[:, block.frames].any(axis=1)))
    assert len({len(block.atoms) for block in blocks}) > 3


@pytest.mark.parametrize("atoms", [EVERY, np.array([1, 4, 5])], ids=["every", "some"])
@pytest.mark.parametrize("rows", [slice(None), np.array([0, 4, 5, 6])], ids=["all", "some"])
def test_positions_are_those_among_the_updated_rows(atoms, rows):
    everything = np.arange(ATOMS)
    active, positions = ActiveBlock(slice(0, 1), atoms).updated(rows)
    expected = sorted(set(everything[atoms]) & set(everything[rows]))
    np.testing.assert_array_equal(everything[active], expected)
    np.testing.assert_array_equal(everything[rows][positions], expected)
