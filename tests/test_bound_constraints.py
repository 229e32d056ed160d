"""Several constraints on one variable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sepkit import Audio, BoundConstraints, Domain, Problem
from sepkit.builtin import MixtureConsistency
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


@pytest.mark.parametrize("piece", [1, 7, 100, 1000])
def test_stems_go_in_pieces_where_all_projections_take_them(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr("sepkit.problem.constraint.PIECE_SAMPLES", piece)
    rng = np.random.default_rng(0)
    stems = rng.standard_normal((3, 2, 100)).astype(np.float32)
    stems[0, :, :20] = 0
    layout = Problem(Audio(rng.standard_normal((2, 100)).astype(np.float32), 8000)).layout(sources=tuple("abc"))
    consistent = ("sum", MixtureConsistency().bind(layout, Domain.WAVEFORMS))
    for projections in ((consistent,), (consistent, ("ceiling", Ceiling()))):
        bound = BoundConstraints(projections)
        np.testing.assert_array_equal(bound.project_waveforms(stems.copy()), bound.project(stems))
