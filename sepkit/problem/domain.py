"""The variables that priors and constraints can be about, and their axes.

The shapes are fixed here, once:

================  ============================  =======================================
domain            shape                         value
================  ============================  =======================================
``WAVEFORMS``     (sources, channels, samples)  the stems, at the mixture's sample rate
``SPECTROGRAMS``  (sources, bins, frames)       magnitude of every source
``TEMPLATES``     (bins, atoms)                 W of a factorisation
``ACTIVATIONS``   (atoms, frames)               H of a factorisation
``F0``            (sources, frames)             Hz, NaN where unvoiced
================  ============================  =======================================
"""

from __future__ import annotations

import enum


class Domain(enum.Enum):
    """A variable that statements can be about."""

    WAVEFORMS = ("sources", "channels", "samples")
    SPECTROGRAMS = ("sources", "bins", "frames")
    TEMPLATES = ("bins", "atoms")
    ACTIVATIONS = ("atoms", "frames")
    F0 = ("sources", "frames")

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes, in order."""
        axes: tuple[str, ...] = self.value
        return axes

    def __str__(self) -> str:
        return self.name.lower()
