"""One duo that was separated, and weights of more and of less training."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from sepkit import Separation, separate

# Folders with a hyphen have no name in import statements.
duos = import_module("plugins.policy-unet.tests.duos")
FASTEST, HYBRID, duo, mixed = duos.FASTEST, duos.HYBRID, duos.duo, duos.mixed


@pytest.fixture(scope="session")
def separated() -> Separation:
    mixture = mixed(*duo().values())
    return separate(mixture, "policy-unet", sources=["a", "b"], config=HYBRID, seed=1, keep_variables=True)


@pytest.fixture(scope="session")
def weights(separated: Separation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("result")
    separated.write(folder)
    return folder


@pytest.fixture(scope="session")
def fastest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of next to no training."""
    folder = tmp_path_factory.mktemp("fastest")
    separate(mixed(*duo(notes=1).values()), "policy-unet", config=FASTEST).write(folder)
    return folder
