"""Overlapping segments of recordings of any length."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit.errors import Cancelled
from sepkit.neural import overlap_add
from sepkit.problem.run import Run


def shares(part: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.stack([0.25 * part, 0.75 * part])


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 60),
    segment=st.integers(1, 25),
    overlap=st.floats(0, 0.95),
    shifts=st.integers(1, 4),
)
def test_what_knows_no_segments_gives_the_same_with_any(length: int, segment: int, overlap: float, shifts: int) -> None:
    mixture = np.random.default_rng(0).standard_normal((2, length)).astype(np.float32)
    stems = overlap_add(shares, mixture, 2, segment, overlap=overlap, shifts=shifts)
    np.testing.assert_allclose(stems, shares(mixture), atol=1e-5)


def test_segments_are_whole_and_the_last_ends_where_the_recording_does() -> None:
    seen = []

    def separate(part: NDArray[np.floating]) -> NDArray[np.floating]:
        seen.append(part[0].copy())
        return part[np.newaxis]

    overlap_add(separate, np.arange(1, 11, dtype=np.float32)[np.newaxis], 1, 4, overlap=0.25)
    assert [list(part) for part in seen] == [[1, 2, 3, 4], [4, 5, 6, 7], [7, 8, 9, 10]]
    seen.clear()
    overlap_add(separate, np.ones((1, 3), np.float32), 1, 5)
    assert [list(part) for part in seen] == [[1, 1, 1, 0, 0]]


def test_nearer_to_its_middle_a_segment_counts_more() -> None:
    number = iter(range(1, 10))

    def separate(part: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.full((1, *part.shape), next(number), np.float32)

    [[stem]] = overlap_add(separate, np.zeros((1, 12), np.float32), 1, 8, overlap=0.5)
    assert stem[0] == 1
    assert stem[-1] == 2
    assert (np.diff(stem) >= 0).all()
    assert 1 < stem[5] < 1.5 < stem[6] < 2


def test_shifts_move_the_segments_on() -> None:
    edges = []

    def separate(part: NDArray[np.floating]) -> NDArray[np.floating]:
        edges.append(int(part[0].argmax()))
        return part[np.newaxis]

    mixture = np.zeros((1, 40), np.float32)
    mixture[0, 0] = 1
    overlap_add(separate, mixture, 1, 8, overlap=0.5, shifts=4)
    assert sorted(edge for edge in edges if edge) == [1, 2, 3]


def test_it_is_cancelled_within_a_segment() -> None:
    class Cancel:
        def is_set(self) -> bool:
            return len(calls) == 2

    calls: list[int] = []

    def separate(part: NDArray[np.floating]) -> NDArray[np.floating]:
        calls.append(1)
        return part[np.newaxis]

    with pytest.raises(Cancelled), Run(cancel=Cancel()) as run:
        overlap_add(separate, np.ones((1, 100), np.float32), 1, 10, steps=partial(run.steps, stage="separate"))
    assert len(calls) == 2
