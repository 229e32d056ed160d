"""The built-in priors and constraints keep the promises that every plugin makes."""

from __future__ import annotations

from typing import Any

from sepkit.testing import parametrize_with_checks


@parametrize_with_checks("mixture-consistency")
def test_mixture_consistency(check: Any) -> None:
    check()


@parametrize_with_checks("sparsity")
def test_sparsity(check: Any) -> None:
    check()


@parametrize_with_checks("continuity")
def test_continuity(check: Any) -> None:
    check()
