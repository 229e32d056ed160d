"""The method keeps the promises that every plugin makes."""

from __future__ import annotations

from typing import Any

from sepkit.testing import parametrize_with_checks, run_checks


@parametrize_with_checks("nmfd")
def test_conformance(check: Any) -> None:
    check()


def test_its_other_ways_keep_them_too() -> None:
    outcomes = run_checks("nmfd", config={"beta": 0, "rank": 2, "mask_exponent": 1})
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
