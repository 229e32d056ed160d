"""Ward's grouping is SciPy's."""

from __future__ import annotations

import numpy as np
import scipy.cluster.hierarchy
from hypothesis import given
from hypothesis import strategies as st

from sepkit_nmf.ward import ward


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


@given(seed=st.integers(0, 10**6), count=st.integers(1, 40), dimensions=st.integers(1, 5), data=st.data())
def test_groups_are_those_of_scipy(seed: int, count: int, dimensions: int, data: st.DataObject) -> None:
    points = np.random.default_rng(seed).standard_normal((count, dimensions))
    groups = data.draw(st.integers(1, count))
    found = ward(points, groups)
    assert set(found.tolist()) == set(range(groups))
    if count > 1:
        tree = scipy.cluster.hierarchy.linkage(points, "ward")
        assert partition(found) == partition(scipy.cluster.hierarchy.cut_tree(tree, n_clusters=groups)[:, 0])


def test_equal_points_are_grouped_too() -> None:
    points = np.array([[0.0], [5.0], [0.0], [0.0], [5.0]])
    assert partition(ward(points, 2)) == {frozenset({0, 2, 3}), frozenset({1, 4})}
    assert len(partition(ward(np.zeros((6, 2)), 3))) == 3
