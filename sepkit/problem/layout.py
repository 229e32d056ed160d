"""The axes of a domain as one separator uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.music.side import SideInformation
from sepkit.problem.domain import Domain


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
    side_information : SideInformation
    sources : tuple of str
    bins_hz : ndarray [shape=(bins,)] or None
        Centre frequencies.
    frames_s : ndarray [shape=(frames,)] or None
        Centre times.
    atoms : tuple of Atom or None
    lengths : mapping of str to int
        Of further axes, for domains of the method's own.
    """

    mixture: Audio
    side_information: SideInformation
    sources: tuple[str, ...]
    bins_hz: NDArray[np.floating] | None = None
    frames_s: NDArray[np.floating] | None = None
    atoms: tuple[Atom, ...] | None = None
    lengths: Mapping[str, int] = field(default_factory=dict)

    def shape(self, domain: Domain) -> tuple[int, ...]:
        """Shape of a value of `domain`.

        Raises
        ------
        ValueError
            If the layout lacks an axis of this domain.
        """
        sizes: dict[str, int | None] = {
            **self.lengths,
            "sources": len(self.sources),
            "channels": self.mixture.channels,
            "samples": self.mixture.length,
            "bins": None if self.bins_hz is None else len(self.bins_hz),
            "frames": None if self.frames_s is None else len(self.frames_s),
            "atoms": None if self.atoms is None else len(self.atoms),
        }
        shape = tuple(sizes.get(axis) for axis in domain.axes)
        if None in shape:
            missing = ", ".join(axis for axis, size in zip(domain.axes, shape, strict=True) if size is None)
            raise ValueError(f"this layout has no {missing}; a value of {domain} has axes {domain.axes}")
        return tuple(size for size in shape if size is not None)
