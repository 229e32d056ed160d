"""What `sepkit run` writes of a separation: all stems, some, the rest without some, a remix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
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


def chosen_outputs(
    separation: Separation, only: Sequence[str], without: Sequence[str], gains_db: dict[str, float]
) -> dict[str, Audio] | None:
    """The audio to write by the name of its file; None for all stems.

    Raises
    ------
    ConfigError
        If there is no stem of a name.
    """
    if not (only or without or gains_db):
        return None
    unknown = [name for name in only if name not in separation]
    if unknown:
        raise ConfigError(f"there is no stem '{unknown[0]}'; the stems are {', '.join(separation)}")
    outputs = {name: separation[name] for name in only}
    outputs |= {f"without_{name}": separation.without(name) for name in without}
    if gains_db:
        outputs["remix"] = separation.remix(gains_db)
    return outputs


def too_loud(separation: Separation, gains_db: dict[str, float]) -> tuple[str, ...]:
    """What to know of a remix that goes beyond full scale and is louder than the mixture."""
    if not gains_db:
        return ()
    peak, before = (float(np.abs(audio.samples).max()) for audio in (separation.remix(gains_db), separation.mixture))
    if peak <= max(1.0, before):
        return ()
    above_db = 20 * np.log10(peak)
    return (f"the remix peaks {above_db:.1f} dB above full scale: files of floats keep that, players clip it",)
