"""The environment that tests run in: nothing of the developer's own, which could hide what users would see."""

from __future__ import annotations

import os

KEPT = ("HOME", "PATH", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
"""Where things are; nothing that changes how they behave."""
_KEPT_BEGINNINGS = ("PYTEST_", "COV_")


def scrubbed() -> dict[str, str]:
    """Of the environment of this process, what does not change how Python, terminals and libraries behave.

    Tests run beside each other: threads of linear algebra would only wait for cores.
    """
    kept = {key: value for key, value in os.environ.items() if key in KEPT or key.startswith(_KEPT_BEGINNINGS)}
    return {**kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
