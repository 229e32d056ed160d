"""Words for durations."""

from __future__ import annotations

import pytest

from sepkit_sparse_pursuit.duration import about


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(59, ""), (90, ", about 2 min with what follows"), (7000, ", about 117 min with what follows")],
)
def test_what_takes_a_minute_or_more_is_told_in_minutes(seconds: float, told: str) -> None:
    assert about(seconds) == told


def test_days_are_told_in_hours() -> None:
    assert about(1_720_000, "") == ", about 478 h"
