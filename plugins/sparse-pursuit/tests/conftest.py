"""What takes long here."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark checks that separate minutes of sound."""
    for item in items:
        if item.path.parent == Path(__file__).parent and "memory-does-not-grow" in item.name:
            item.add_marker(pytest.mark.slow)
