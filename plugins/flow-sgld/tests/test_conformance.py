"""The method and its priors keep the promises that every plugin makes."""

from __future__ import annotations

from typing import Any

from sepkit.testing import parametrize_with_checks


@parametrize_with_checks("flow-sgld")
def test_method(check: Any) -> None:
    check()


@parametrize_with_checks("stationary")
def test_stationary(check: Any) -> None:
    check()


@parametrize_with_checks("toy-oracle", config={"lowest_key": 55})
def test_toy_oracle(check: Any) -> None:
    check()
