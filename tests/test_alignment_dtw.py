"""Dynamic time warping against the textbook's double loop, and what holds for every path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit.alignment.dtw import warping_path

Matrix = NDArray[np.float64]


def naive_cost(x: Matrix, y: Matrix, spare: int = 0) -> float:
    """The least cost over all cells to begin and to end at on the edges, by two loops."""
    rows, columns = len(x), len(y)
    half = np.square(x[:, np.newaxis] - y).sum(axis=-1) / 2
    alone_x, alone_y = np.square(x).sum(axis=1) / 4, np.square(y).sum(axis=1) / 4
    alone_x[:spare] = alone_x[rows - spare :] = 0
    total = np.full((rows, columns), np.inf)
    best = np.inf
    for i in range(rows):
        for j in range(columns):
            before = [total[i - a, j - b] for a, b in ((1, 1), (1, 0), (0, 1)) if i >= a and j >= b]
            if i == 0:
                before.append(alone_y[:j].sum())
            if j == 0:
                before.append(alone_x[:i].sum())
            total[i, j] = min(before) + half[i, j]
            if i == rows - 1 or j == columns - 1:
                best = min(best, total[i, j] + alone_x[i + 1 :].sum() + alone_y[j + 1 :].sum())
    return float(best)


def path_cost(path: NDArray[np.intp], x: Matrix, y: Matrix) -> float:
    """What the path visits and what it leaves out."""
    (i, j), alone_x, alone_y = path, np.square(x).sum(axis=1) / 4, np.square(y).sum(axis=1) / 4
    left_out = alone_x[: i[0]].sum() + alone_x[i[-1] + 1 :].sum() + alone_y[: j[0]].sum() + alone_y[j[-1] + 1 :].sum()
    return float(np.square(x[i] - y[j]).sum() / 2 + left_out)


@st.composite
def sequences(draw: st.DrawFn) -> tuple[Matrix, Matrix]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, columns, values = (draw(st.integers(1, most)) for most in (9, 9, 3))
    # Whole numbers make ties, which are the hard cases.
    draw_values = rng.normal if draw(st.booleans()) else lambda size: rng.integers(0, 2, size).astype(float)
    return draw_values(size=(rows, values)), draw_values(size=(columns, values))


@given(sequences())
def test_the_cost_is_that_of_the_textbook(pair: tuple[Matrix, Matrix]) -> None:
    path, cost = warping_path(*pair)
    assert cost == pytest.approx(naive_cost(*pair), abs=1e-9)
    assert path_cost(path, *pair) == pytest.approx(cost, abs=1e-9)


@given(sequences(), st.integers(0, 4))
def test_spare_rows_cost_nothing_when_they_are_left_out(pair: tuple[Matrix, Matrix], spare: int) -> None:
    spare = min(spare, len(pair[0]))
    assert warping_path(*pair, spare=spare)[1] == pytest.approx(naive_cost(*pair, spare), abs=1e-9)


@given(sequences())
def test_a_path_goes_by_allowed_steps_from_edge_to_edge(pair: tuple[Matrix, Matrix]) -> None:
    (rows, columns), _ = warping_path(*pair)
    assert rows[0] == 0 or columns[0] == 0
    assert rows[-1] == len(pair[0]) - 1 or columns[-1] == len(pair[1]) - 1
    assert set(zip(np.diff(rows), np.diff(columns), strict=True)) <= {(1, 1), (1, 0), (0, 1)}


@given(sequences())
def test_both_sequences_may_change_places(pair: tuple[Matrix, Matrix]) -> None:
    assert warping_path(*pair)[1] == pytest.approx(warping_path(*pair[::-1])[1], abs=1e-9)


@given(sequences(), st.integers(1, 9))
def test_a_band_is_kept_and_never_costs_less(pair: tuple[Matrix, Matrix], width: int) -> None:
    x, y = pair
    width = min(width, len(y))
    first = np.clip(np.arange(len(x)) - width // 2, 0, len(y) - width)
    path, cost = warping_path(x, y, first, width)
    assert (path[1] >= first[path[0]]).all()
    assert (path[1] < first[path[0]] + width).all()
    assert cost >= warping_path(x, y)[1] - 1e-9
    assert path_cost(path, x, y) == pytest.approx(cost, abs=1e-9)


def test_a_sequence_is_found_within_a_longer_one() -> None:
    rng = np.random.default_rng(0)
    inside = rng.normal(size=(20, 8))
    around = np.concatenate([rng.normal(size=(15, 8)), inside, rng.normal(size=(30, 8))])
    (rows, columns), _ = warping_path(inside, around)
    np.testing.assert_array_equal(rows, np.arange(20))
    np.testing.assert_array_equal(columns, np.arange(15, 35))


def test_what_is_raised_for_a_row_ends_the_search() -> None:
    def stop() -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        warping_path(np.ones((3, 1)), np.ones((3, 1)), each_row=stop)
