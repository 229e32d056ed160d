"""Every method keeps the promises of its spec."""

from __future__ import annotations

from typing import Any

from sepkit.testing import parametrize_with_checks


@parametrize_with_checks("rpca")
def test_rpca(check: Any) -> None:
    check()
