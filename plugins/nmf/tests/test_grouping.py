"""Grouping of atoms into sources."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit.errors import ConfigError
from sepkit_nmf import atoms_of_sources, blind_rank, group_atoms
from sepkit_nmf.grouping import weighted_kmeans

BINS_HZ = np.linspace(0, 8000, 257)
FRAMES_S = np.arange(200) * 0.016


def two_kinds() -> tuple[np.ndarray, np.ndarray]:
    """Three dark atoms that sound together, and two bright ones that sound at other times."""
    rng = np.random.default_rng(0)
    dark, bright = np.exp(-BINS_HZ / 400), 1 - np.exp(-BINS_HZ / 3000)
    templates = np.stack([dark, dark, dark, bright, bright], axis=1) * rng.uniform(0.8, 1.2, (257, 5))
    gate = np.sin(FRAMES_S * 9) > 0
    activations = np.stack([gate, gate, gate, ~gate, ~gate]) * rng.uniform(0.5, 1, (5, 200))
    return templates, activations


def test_atoms_alike_in_timbre_and_time_come_together() -> None:
    groups = group_atoms(*two_kinds(), 2, bins_hz=BINS_HZ)
    assert sorted(map(tuple, groups)) == [(0, 1, 2), (3, 4)]


def test_the_strongest_group_comes_first() -> None:
    templates, activations = two_kinds()
    activations[3:] *= 100
    assert group_atoms(templates, activations, 2, bins_hz=BINS_HZ)[0].tolist() == [3, 4]


def test_pitch_does_not_tell_instruments_apart_and_their_envelopes_do() -> None:
    # Harmonics at other places under two envelopes, all sounding at once.
    f0_hz, envelopes = (110, 147, 196, 262, 330), (np.exp(-BINS_HZ / 500), np.exp(-BINS_HZ / 2500))
    combs = [np.exp(-((np.abs((BINS_HZ / f0 + 0.5) % 1 - 0.5) * f0 / 40) ** 2)) for f0 in f0_hz]
    templates = np.stack([comb * envelope + 1e-3 for envelope in envelopes for comb in combs], axis=1)
    activations = np.ones((10, 200))
    groups = group_atoms(templates, activations, 2, bins_hz=BINS_HZ)
    assert sorted(map(tuple, groups)) == [(0, 1, 2, 3, 4), (5, 6, 7, 8, 9)]


def test_louder_atoms_count_more() -> None:
    points = np.array([[0.0], [1.0], [1.9], [3.0]])
    start = np.array([0, 0, 0, 1])
    even = weighted_kmeans(points, np.ones(4), start)
    heavy = weighted_kmeans(points, np.array([100.0, 1.0, 1.0, 1.0]), start)
    assert even.tolist() == [0, 0, 0, 1]
    assert heavy.tolist() == [0, 0, 1, 1]


def test_how_loud_atoms_are_decides_where_groups_lie() -> None:
    def groups(seed: int, *, loudest: float) -> list[tuple[int, ...]]:
        rng = np.random.default_rng(seed)
        templates = np.exp(-BINS_HZ[:, np.newaxis] / rng.uniform(200, 4000, 12)) + 1e-3
        activations = np.geomspace(1, loudest, 12)[:, np.newaxis] * np.ones((12, 200))
        found = group_atoms(templates, activations, 3, bins_hz=BINS_HZ)
        return sorted(tuple(group.tolist()) for group in found)

    assert any(groups(seed, loudest=1) != groups(seed, loudest=1e6) for seed in range(20))


@given(atoms=st.integers(1, 8), groups=st.integers(1, 8), silent=st.booleans())
def test_every_atom_is_in_exactly_one_group_and_none_is_empty(atoms: int, groups: int, silent: bool) -> None:
    rng = np.random.default_rng(atoms)
    templates, activations = rng.random((257, atoms)), rng.random((atoms, 200))
    if silent:
        templates[:, 0] = activations[0] = 0
    if groups > atoms:
        with pytest.raises(ValueError, match="cannot be grouped"):
            group_atoms(templates, activations, groups, bins_hz=BINS_HZ)
        return
    found = group_atoms(templates, activations, groups, bins_hz=BINS_HZ)
    assert len(found) == groups
    assert all(len(group) for group in found)
    assert sorted(np.concatenate(found)) == list(range(atoms))


def of_sources(labels: list[str | None], sources: list[str]) -> dict[str, list[int]]:
    found = atoms_of_sources(*two_kinds(), labels, sources, bins_hz=BINS_HZ)
    return {source: atoms.tolist() for source, atoms in found.items()}


def test_atoms_go_to_the_source_they_are_labelled_with_in_the_order_of_the_sources() -> None:
    found = of_sources(["b", "a", "b", "stranger", None], ["a", "b"])
    assert list(found.items()) == [("a", [1]), ("b", [0, 2])]


def test_atoms_without_a_label_are_grouped_among_the_sources_that_have_none() -> None:
    # The bright atoms have more energy, and go to the first of those.
    found = of_sources([None, "flute", None, None, None], ["first", "flute", "second"])
    assert found == {"first": [3, 4], "flute": [1], "second": [0, 2]}


def test_without_sources_every_atom_is_one() -> None:
    assert of_sources([None] * 5, []) == {f"component-{index + 1}": [index] for index in range(5)}
    with pytest.raises(ConfigError, match="33 atoms are too many for a stem each"):
        of_sources([None] * 33, [])


def test_there_are_atoms_for_every_source_and_not_without_end() -> None:
    assert [blind_rank(None, "s" * count) for count in (0, 2, 2000)] == [8, 32, 2000]
    assert blind_rank(3, "abc") == 3
    with pytest.raises(ConfigError, match=r"4 sources need an option rank of at least 4, given 3$"):
        blind_rank(3, "abcd")
    with pytest.raises(ConfigError, match="given 2000; at most 2000 are possible"):
        blind_rank(None, "s" * 2001)


def test_too_few_atoms_without_a_label_ask_for_a_higher_rank() -> None:
    with pytest.raises(ConfigError, match="2 sources need an option rank of at least 2, given 1"):
        of_sources(["flute", "flute", "flute", "flute", None], ["a", "flute", "b"])
