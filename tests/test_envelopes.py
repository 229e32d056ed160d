"""The spectral envelope that the pitches of a source share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit import Atom, Audio, Layout, SideInformation
from sepkit.builtin.harmonic import harmonic_templates
from sepkit.informed.envelopes import SharedEnvelopes
from sepkit.informed.harmonics import partial_lobes

BINS_HZ = np.arange(1025) * 22050 / 2048
PLACES = {"cents": 50.0, "inharmonicity": 0.0}
PITCHES = (50.0, 57.0, 62.0, 64.0, 69.0)


def layout(atoms: list[Atom]) -> Layout:
    sources = tuple(dict.fromkeys(atom.source for atom in atoms if atom.source))
    silence = Audio(np.zeros((1, 4096), np.float32), 22050)
    return Layout(
        mixture=silence, side_information=SideInformation(), sources=sources, bins_hz=BINS_HZ, atoms=tuple(atoms)
    )


def filtered(atoms: list[Atom]) -> NDArray[np.float64]:
    """Templates of one filter, a resonance at 1 kHz, and of a different loudness each."""
    templates = np.stack([partial_lobes(BINS_HZ, atom.pitch or 0, cents=50)[1] for atom in atoms], axis=1)
    resonance = np.exp(-np.abs(np.log2(np.maximum(BINS_HZ, 20) / 1000)))
    return templates * resonance[:, np.newaxis] * np.linspace(1, 3, len(atoms))


def lobe(pitch: float, number: int) -> NDArray[np.bool_]:
    numbers, height = partial_lobes(BINS_HZ, pitch, cents=50)
    return (numbers == number) & (height > 0)


ATOMS = [Atom("violin", pitch) for pitch in PITCHES]


def shared(atoms: list[Atom], weight: float) -> SharedEnvelopes:
    return SharedEnvelopes(layout(atoms), {str(atom.source): weight for atom in atoms}, **PLACES)


def test_what_lies_on_an_envelope_stays_there() -> None:
    templates = filtered(ATOMS)
    moved = shared(ATOMS, 1.0)(templates)
    partials = templates > 0.1 * templates.max()
    assert np.abs(np.log(moved[partials] / templates[partials])).max() < np.log(1.3)


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("factor", [0.05, 10.0])
def test_a_partial_that_stands_out_is_brought_back(number: int, factor: float) -> None:
    templates, where = filtered(ATOMS), lobe(PITCHES[2], number)
    wrong = templates.copy()
    wrong[where, 2] *= factor
    moved = shared(ATOMS, 1.0)(wrong)
    off = [abs(np.log(some[where, 2].sum() / templates[where, 2].sum())) for some in (wrong, moved)]
    assert off[1] < 0.5 * off[0]


@given(weight=st.floats(0.01, 1), seed=st.integers(0, 100))
def test_zeros_stay_and_partials_keep_their_shape(weight: float, seed: int) -> None:
    templates = filtered(ATOMS) * np.random.default_rng(seed).random((len(BINS_HZ), len(ATOMS)))
    moved = shared(ATOMS, weight)(templates)
    assert ((moved == 0) == (templates == 0)).all()
    ratio = moved[lobe(PITCHES[0], 4), 0] / templates[lobe(PITCHES[0], 4), 0]
    assert np.ptp(ratio) < 1e-9 * ratio.max()


def test_the_scale_of_templates_does_not_matter() -> None:
    templates = filtered(ATOMS) * np.random.default_rng(0).random((len(BINS_HZ), len(ATOMS)))
    envelopes = shared(ATOMS, 0.5)
    assert np.allclose(envelopes(1e-6 * templates), 1e-6 * envelopes(templates), rtol=1e-6)


def test_sources_have_envelopes_of_their_own() -> None:
    atoms = [*ATOMS, Atom("cello", 40.0), Atom("cello", 43.0)]
    templates = harmonic_templates(layout(atoms), **PLACES)
    changed = templates.copy()
    changed[:, 5:] *= np.random.default_rng(0).random((len(BINS_HZ), 2))
    envelopes = shared(atoms, 0.5)
    assert np.array_equal(envelopes(templates)[:, :5], envelopes(changed)[:, :5])


def test_a_source_without_weight_is_left_alone() -> None:
    atoms = [*ATOMS, Atom("cello", 40.0), Atom("cello", 43.0)]
    envelopes = SharedEnvelopes(layout(atoms), {"cello": 0.0, str(ATOMS[0].source): 0.5}, **PLACES)
    templates = np.random.default_rng(0).random((len(BINS_HZ), len(atoms)))
    moved = envelopes(templates)
    assert np.array_equal(moved[:, 5:], templates[:, 5:])
    assert not np.array_equal(moved[:, :5], templates[:, :5])


def test_one_pitch_transients_and_free_atoms_are_left_alone() -> None:
    atoms = [Atom("flute", 70.0), Atom("rest"), Atom("rest"), Atom("piano", 50.0, transient=True), Atom("piano", 50.0)]
    envelopes = shared(atoms, 1.0)
    assert not envelopes
    templates = np.random.default_rng(0).random((len(BINS_HZ), len(atoms)))
    assert np.array_equal(envelopes(templates), templates)


def test_silent_templates_stay_silent() -> None:
    templates = np.zeros((len(BINS_HZ), len(ATOMS)), np.float32)
    moved = shared(ATOMS, 1.0)(templates)
    assert moved.dtype == np.float32
    assert not moved.any()


def test_pitches_above_all_bins_are_left_alone() -> None:
    above = [Atom("glockenspiel", 130.0), Atom("glockenspiel", 133.0)]
    assert not shared(above, 1.0)
    assert not shared([*above, Atom("glockenspiel", 60.0)], 1.0)
    together = [Atom("violin", 130.0), *ATOMS]
    templates = np.random.default_rng(0).random((len(BINS_HZ), 1 + len(ATOMS)))
    moved = shared(together, 1.0)(templates)
    assert np.array_equal(moved[:, 0], templates[:, 0])
    assert np.array_equal(moved[:, 1:], shared(ATOMS, 1.0)(templates[:, 1:]))


def test_pitches_keep_their_loudness_beside_each_other() -> None:
    templates = filtered(ATOMS)
    moved = shared(ATOMS, 1.0)(templates)
    change = np.log(np.divide(moved, templates, out=np.ones_like(templates), where=templates > 0))
    # By strong partials; what all pitches change by is a matter of the activations.
    assert np.ptp((templates * change).sum(axis=0) / templates.sum(axis=0)) < 1e-4


def test_one_step_changes_a_partial_by_a_limited_factor() -> None:
    wrong, where = filtered(ATOMS), lobe(PITCHES[2], 3)
    wrong[where, 2] *= 1e-4
    moved = shared(ATOMS, 1.0)(wrong)
    assert np.allclose(moved[where, 2], 20 * wrong[where, 2])
