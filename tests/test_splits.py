"""Splits: no group in two parts, as near to the fractions as groups allow, the same for any order."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit.errors import ConfigError, DatasetError
from sepkit.evaluation import Track
from sepkit.evaluation.dataset import Split
from sepkit.evaluation.splits import PARTS, split

group_sizes = st.lists(st.integers(1, 5), min_size=1, max_size=30)
seeds = st.integers(0, 10_000)


@st.composite
def fractions(draw: st.DrawFn) -> tuple[float, float, float]:
    first, second = sorted(draw(st.tuples(st.integers(0, 20), st.integers(0, 20))))
    return first / 20, (second - first) / 20, (20 - second) / 20


def tracks_of(sizes: list[int], split: Split | None = None, prefix: str = "piece") -> list[Track]:
    return [
        Track(name=f"{prefix}{group}/{take}", stems={}, group=f"{prefix}{group}", split=split)
        for group, size in enumerate(sizes)
        for take in range(size)
    ]


def parts_of_groups(parts: dict[Split, tuple[Track, ...]]) -> dict[str, set[Split]]:
    found: dict[str, set[Split]] = defaultdict(set)
    for part, members in parts.items():
        for track in members:
            found[track.group].add(part)
    return found


@given(group_sizes, fractions(), seeds)
def test_every_track_is_in_one_part_and_every_group_too(
    sizes: list[int], shares: tuple[float, float, float], seed: int
) -> None:
    tracks = tracks_of(sizes)
    parts = split(tracks, *shares, seed)
    assert tuple(parts) == PARTS
    assert sorted(track.name for members in parts.values() for track in members) == sorted(t.name for t in tracks)
    assert all(len(found) == 1 for found in parts_of_groups(parts).values())


@given(group_sizes, fractions(), seeds, st.randoms(use_true_random=False))
def test_the_order_of_tracks_does_not_matter(
    sizes: list[int], shares: tuple[float, float, float], seed: int, rng: random.Random
) -> None:
    tracks = tracks_of(sizes)
    wanted = split(tracks, *shares, seed)
    rng.shuffle(tracks)
    assert split(tracks, *shares, seed) == wanted


@given(group_sizes, fractions(), seeds)
def test_parts_are_within_one_group_of_their_fractions(
    sizes: list[int], shares: tuple[float, float, float], seed: int
) -> None:
    parts = split(tracks_of(sizes), *shares, seed)
    # A cut is at most half a group from where it should be, or is moved by a group so that no part is left empty.
    for part, share in zip(PARTS, shares, strict=True):
        assert abs(len(parts[part]) - share * sum(sizes)) <= 3 * max(sizes)
        if share == 0:
            assert parts[part] == ()
        elif len(sizes) >= 3:
            assert parts[part]


@given(st.integers(20, 200), seeds)
def test_tracks_without_groups_are_cut_to_the_track(count: int, seed: int) -> None:
    parts = split(tracks_of([1] * count), 0.8, 0.1, 0.1, seed)
    for part, share in zip(PARTS, (0.8, 0.1, 0.1), strict=True):
        assert abs(len(parts[part]) - share * count) <= 1


def test_ten_pieces_are_divided_eight_one_one() -> None:
    assert [len(members) for members in split(tracks_of([1] * 10)).values()] == [8, 1, 1]


def test_another_seed_gives_another_division() -> None:
    tracks = tracks_of([1] * 30)
    assert len({tuple(track.name for track in split(tracks, seed=seed)["test"]) for seed in range(8)}) > 4


def test_the_division_is_the_same_in_all_versions() -> None:
    parts = split(tracks_of([1] * 10), seed=3)
    assert [track.group for part in ("valid", "test") for track in parts[part]] == ["piece0", "piece4"]


@given(group_sizes, group_sizes, seeds)
def test_what_the_dataset_divides_stays_as_it_is(free: list[int], official: list[int], seed: int) -> None:
    test = tracks_of(official, "test", "official")
    # One more take of each group, which the dataset itself puts nowhere: it must not come beside the others.
    more = [Track(name=f"more{index}", stems={}, group=f"official{index}") for index in range(len(official))]
    parts = split([*tracks_of(free), *test, *more], 1, 0, 0, seed)
    assert parts["train"] == tuple(sorted(tracks_of(free), key=lambda track: track.name))
    assert {track.name for track in parts["test"]} == {track.name for track in [*test, *more]}


def test_a_dataset_that_divides_a_group_is_refused() -> None:
    leaking = [
        Track(name="one", stems={}, group="piece", split="train"),
        Track(name="two", stems={}, group="piece", split="test"),
    ]
    with pytest.raises(DatasetError, match="group 'piece' into test and train"):
        split(leaking)


@pytest.mark.parametrize("shares", [(0.5, 0.1, 0.1), (1.2, -0.1, -0.1), (float("nan"), 0.5, 0.5), (1, 1, 1)])
def test_fractions_that_are_none_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigError, match="sum to 1"):
        split(tracks_of([1, 1]), *shares)


def test_no_tracks_give_no_parts() -> None:
    assert split([]) == {"train": (), "valid": (), "test": ()}


def test_names_that_are_no_text_are_no_reason_to_fail() -> None:
    assert len(split([Track(name="\udcff\ud800", stems={})])["train"]) == 1
