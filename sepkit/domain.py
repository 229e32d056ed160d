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
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sepkit.audio import Audio
    from sepkit.side import SideInformation


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


@dataclass(frozen=True)
class Atom:
    """What a separator knows of one atom (a template and its activation).

    Attributes
    ----------
    source : str or None
        The source it belongs to; None while that is not known.
    pitch : float or None
        MIDI pitch, for atoms that stand for a note.
    transient : bool
        Whether it stands for the onset of notes only.
    """

    source: str | None = None
    pitch: float | None = None
    transient: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """The axes of a domain as the separator uses it; made by `Problem.layout`.

    Attributes
    ----------
    mixture : Audio
        The mixture as the separator sees it (its rate, its channels).
    side : SideInformation
    sources : tuple of str
    bins_hz : ndarray [shape=(bins,)] or None
        Centre frequencies.
    frames_s : ndarray [shape=(frames,)] or None
        Centre times.
    atoms : tuple of Atom or None
    """

    mixture: Audio
    side: SideInformation
    sources: tuple[str, ...]
    bins_hz: NDArray[np.floating] | None = None
    frames_s: NDArray[np.floating] | None = None
    atoms: tuple[Atom, ...] | None = None

    def shape(self, domain: Domain) -> tuple[int, ...]:
        """Shape of a value of `domain`.

        Raises
        ------
        ValueError
            If the layout lacks an axis of this domain.
        """
        sizes = {
            "sources": len(self.sources),
            "channels": self.mixture.channels,
            "samples": self.mixture.length,
            "bins": None if self.bins_hz is None else len(self.bins_hz),
            "frames": None if self.frames_s is None else len(self.frames_s),
            "atoms": None if self.atoms is None else len(self.atoms),
        }
        shape = tuple(sizes[axis] for axis in domain.axes)
        if None in shape:
            missing = ", ".join(axis for axis in domain.axes if sizes[axis] is None)
            raise ValueError(f"this layout has no {missing}; a value of {domain} has axes {domain.axes}")
        return tuple(size for size in shape if size is not None)
