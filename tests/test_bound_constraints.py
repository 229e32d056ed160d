"""Several constraints on one variable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit import BoundConstraints
from sepkit.builtin.zeros import Zeros

FIRST, SECOND = np.array([[True, True, False]]), np.array([[True, False, True]])


@dataclass(frozen=True)
class Ceiling:
    """Not a support: it has to be projected on."""

    def project(self, value: Any) -> NDArray[np.floating]:
        return np.minimum(value, 1.0)

    def violation(self, value: Any) -> float:
        return float(np.maximum(value - 1.0, 0).max())


def test_what_all_allow_is_the_common_support() -> None:
    bound = BoundConstraints((("a", Zeros(FIRST)), ("b", Zeros(SECOND)), ("c", Ceiling())))
    np.testing.assert_array_equal(bound.support(), FIRST & SECOND)


def test_without_any_there_is_no_support() -> None:
    assert BoundConstraints((("c", Ceiling()),)).support() is None


def test_the_others_are_left_to_be_projected_on() -> None:
    bound = BoundConstraints((("a", Zeros(FIRST)), ("c", Ceiling())))
    assert [label for label, _ in bound.beyond_support().projections] == ["c"]
    np.testing.assert_array_equal(bound.project(np.array([[3.0, 0.5, 2.0]])), [[1.0, 0.5, 0.0]])
    assert set(bound.violations(np.array([[3.0, 0.5, 2.0]]))) == {"a", "c"}
