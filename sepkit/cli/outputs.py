"""Remixes that `sepkit run` writes: their gains, and whether players will clip them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sepkit.errors import ConfigError
from sepkit.solving.separation import Separation


def parse_gains(gains: Sequence[str]) -> dict[str, float]:
    """Gains in dB by stem, from ``NAME=DB``.

    Raises
    ------
    ConfigError
    """
    parsed = {}
    for gain in gains:
        name, equals, value = gain.rpartition("=")
        try:
            parsed[name] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise ConfigError(f"--gain needs NAME=DB, as in left=-6 or voice=-inf, given '{gain}'")
    return parsed


def too_loud(separation: Separation, gains_db: dict[str, float]) -> tuple[str, ...]:
    """What to know of a remix that goes beyond full scale and is louder than the mixture."""
    if not gains_db:
        return ()
    peak, before = (float(np.abs(audio.samples).max()) for audio in (separation.remix(gains_db), separation.mixture))
    if peak <= max(1.0, before):
        return ()
    above_db = 20 * np.log10(peak)
    return (f"the remix peaks {above_db:.1f} dB above full scale: files of floats keep that, players clip it",)
