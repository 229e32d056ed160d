"""The methods keep the promises that every plugin makes."""

from __future__ import annotations

from typing import Any

from sepkit.testing import parametrize_with_checks


@parametrize_with_checks("sparse-pursuit")
def test_conformance(check: Any) -> None:
    check()


@parametrize_with_checks("beurling-lasso")
def test_conformance_of_beurling_lasso(check: Any) -> None:
    check()
