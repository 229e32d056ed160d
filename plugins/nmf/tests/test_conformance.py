"""The method keeps the promises that every plugin makes."""

from __future__ import annotations

from typing import Any

from sepkit.testing import parametrize_with_checks, run_checks


@parametrize_with_checks("nmf")
def test_conformance(check: Any) -> None:
    check()


def test_least_squares_keep_them_too() -> None:
    outcomes = run_checks("nmf", config={"solver": "hals", "beta": 2})
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
