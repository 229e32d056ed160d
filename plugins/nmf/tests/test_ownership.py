"""Whose an atom is: by spans, by boxes, and by its envelope where no label says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit import Audio, Label, Layout, SideInformation
from sepkit_nmf import group_atoms
from sepkit_nmf.ownership import group_by_labels

BINS, FRAMES, HOP_S = 60, 100, 0.1
BINS_HZ, FRAMES_S = np.linspace(0, 4000, BINS), np.arange(FRAMES) * HOP_S
LAYOUT = Layout(
    mixture=Audio(np.zeros((1, 80000)), 8000),
    side_information=SideInformation(),
    bins_hz=BINS_HZ,
    frames_s=FRAMES_S,
    sources=("a", "b"),
)
ALWAYS = np.ones((2, FRAMES), bool)


def owners(
    W: NDArray[np.floating], H: NDArray[np.floating], sounding: NDArray[np.bool_], *labels: Label
) -> NDArray[np.intp]:
    return group_by_labels(W, H, sounding, labels, ("a", "b"), LAYOUT)


def envelopes(tilts: list[float], rng: np.random.Generator) -> NDArray[np.float64]:
    """Rough templates, equally loud, that fall off by so many nepers over all bins [shape=(bins, atoms)]."""
    W: NDArray[np.float64] = np.exp(-np.outer(np.linspace(0, 1, BINS), tilts))
    W *= rng.uniform(0.8, 1.2, W.shape)
    return W / W.sum(axis=0)


def activations(spans: list[tuple[int, int]], rng: np.random.Generator) -> NDArray[np.float64]:
    """Activations that sound in one run of frames each [shape=(atoms, frames)]."""
    H = np.zeros((len(spans), FRAMES))
    for row, (first, stop) in zip(H, spans, strict=True):
        row[first:stop] = rng.uniform(0.5, 1.5, stop - first)
    return H


def rests(a: slice = slice(0), b: slice = slice(0)) -> NDArray[np.bool_]:
    sounding = ALWAYS.copy()
    sounding[0, a], sounding[1, b] = False, False
    return sounding


@pytest.mark.parametrize("seed", range(5))
def test_spans_decide_against_envelopes(seed: int) -> None:
    """Each source has an atom of either timbre, so that blind groups have one of each source."""
    rng = np.random.default_rng(seed)
    W = envelopes([1, 1, 6, 6], rng)
    H = activations([(0, 60), (40, 100), (0, 60), (40, 100)], rng)
    assert {frozenset(group) for group in map(tuple, group_atoms(W, H, 2, bins_hz=BINS_HZ))} == {
        frozenset({0, 1}),
        frozenset({2, 3}),
    }
    assert owners(W, H, rests(a=slice(60, 100), b=slice(0, 40))).tolist() == [0, 1, 0, 1]
    assert owners(W, H, rests(b=slice(60, 100), a=slice(0, 40))).tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("seed", range(5))
def test_atoms_that_no_span_decides_go_by_their_envelopes(seed: int) -> None:
    """The last two sound only where both may."""
    rng = np.random.default_rng(seed)
    W = envelopes([1, 6, 1, 6], rng)
    H = activations([(0, 60), (40, 100), (42, 58), (42, 58)], rng)
    assert owners(W, H, rests(a=slice(60, 100), b=slice(0, 40))).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_labels_that_say_nothing_leave_the_groups_of_blind_separation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    W = envelopes([1, 1.5, 5, 6, 1.2, 5.5], rng)
    H = activations([(0, 100)] * 6, rng)
    found = owners(W, H, ALWAYS)
    groups = {frozenset(group.tolist()) for group in group_atoms(W, H, 2, bins_hz=BINS_HZ)}
    assert {frozenset(np.flatnonzero(found == one).tolist()) for one in (0, 1)} == groups


def test_short_hits_count_as_often_as_they_come() -> None:
    """Five hits within as many rests of a long note say more than one note as long as all of them."""
    rng = np.random.default_rng(0)
    W = envelopes([1, 6, 1], rng)
    H = activations([(0, 50), (50, 100), (0, 0)], rng)
    H[2, 55:100:10] = 5
    assert owners(W, H, rests(a=slice(50, 100), b=slice(0, 50)))[2] == 1


@pytest.mark.parametrize(("hits", "wanted"), [([70], 0), ([52, 62, 72, 82, 92], 1)])
def test_a_box_is_one_event_and_outweighs_one_while_its_source_rests(hits: list[int], wanted: int) -> None:
    rng = np.random.default_rng(0)
    W, H = envelopes([1, 6, 1], rng), activations([(0, 50), (50, 100), (0, 0)], rng)
    H[2, hits] = 5
    box = Label(5, 10, "a", 0, 4000)
    assert owners(W, H, rests(a=slice(50, 100), b=slice(0, 50)), box)[2] == wanted


@pytest.mark.parametrize(
    ("third", "wanted"),
    [
        (Label(6, 9, "a", 0, 4000), 0),
        (Label(6, 9, "b", 0, 4000, strength=0.9), 1),
        (Label(6, 9, "a", 0, 4000, absent=True), 1),
        (Label(6, 9, "b", 0, 4000, absent=True, strength=0.9), 0),
    ],
)
@pytest.mark.parametrize("tilt", [1, 6])
def test_a_box_brings_an_atom_to_its_source_and_one_of_absence_away(third: Label, wanted: int, tilt: float) -> None:
    rng = np.random.default_rng(0)
    W, H = envelopes([1, 6, tilt], rng), activations([(0, 30), (30, 60), (60, 90)], rng)
    boxes = (Label(0, 3, "a", 0, 4000), Label(3, 6, "b", 0, 4000))
    assert owners(W, H, ALWAYS, *boxes, third).tolist() == [0, 1, wanted]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 8), st.integers(0, 90))
def test_every_source_has_an_atom_and_their_order_does_not_matter(seed: int, atoms: int, rest: int) -> None:
    rng = np.random.default_rng(seed)
    W, H = rng.gamma(0.5, 1, (BINS, atoms)), rng.gamma(0.3, 1, (atoms, FRAMES))
    sounding = rests(a=slice(0, rest // 2), b=slice(rest, 100))
    found = owners(W, H, sounding)
    assert set(found) == {0, 1}
    assert (1 - owners(W, H, sounding[::-1]) == found).all()


def test_silence() -> None:
    assert set(owners(np.zeros((BINS, 4)), np.zeros((4, FRAMES)), rests(a=slice(0, 50)))) == {0, 1}
