"""A tone and bursts of noise, and options with which they are soon separated."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 16000
QUICK: dict[str, Any] = {"iterations": 30, "window_s": 0.032}


def tone(f0_hz: float, seconds: float, gate_hz: float) -> NDArray[np.float32]:
    """A harmonic tone that is switched on and off."""
    t = np.arange(int(seconds * RATE)) / RATE
    partials = sum(np.sin(2 * np.pi * m * f0_hz * t) / m for m in range(1, 6))
    gate = np.sin(2 * np.pi * gate_hz * t) > 0
    return (0.2 * partials * gate).astype(np.float32)[np.newaxis]


def noise(seconds: float, gate_hz: float) -> NDArray[np.float32]:
    """Bursts of noise."""
    t = np.arange(int(seconds * RATE)) / RATE
    burst = np.random.default_rng(7).standard_normal(t.size) * (np.sin(2 * np.pi * gate_hz * t) > 0.6)
    return (0.1 * burst).astype(np.float32)[np.newaxis]
