"""A region of a recording: what lies between two times is separated, and the rest is untouched."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
from sepkit.music.side import SideInformation
from sepkit.problem.excerpt import known_within


@dataclass(frozen=True)
class Region:
    """Some samples of a recording.

    Attributes
    ----------
    start, stop : int
    """

    start: int
    stop: int

    @classmethod
    def of(cls, mixture: Audio, start_s: float, end_s: float | None) -> Region:
        """Between two times; to the end of the recording where there is no second one.

        Raises
        ------
        ConfigError
            If they are no times, or nothing of the recording lies between them.
        """
        end = math.inf if end_s is None else end_s
        if not 0 <= start_s < end:
            raise ConfigError(f"a region begins at 0 s or later and before it ends, given {start_s} s to {end_s} s")
        start = round(start_s * mixture.sample_rate)
        stop = mixture.length if end >= mixture.duration_s else round(end * mixture.sample_rate)
        if not start < min(stop, mixture.length):
            raise ConfigError(
                f"nothing lies between {start_s} s and {end_s or mixture.duration_s:.2f} s of a recording of "
                f"{mixture.duration_s:.2f} s; give other times"
            )
        return cls(start, stop)

    def mixture(self, whole: Audio) -> Audio:
        """What lies in it."""
        if (self.start, self.stop) == (0, whole.length):
            return whole
        return replace(whole, samples=whole.samples[:, self.start : self.stop])

    def known(self, known: SideInformation, whole: Audio) -> SideInformation:
        """What is known of it, in its own time."""
        if (self.start, self.stop) == (0, whole.length):
            return known
        return known_within(known, whole.sample_rate, self.start, self.stop)

    def kept_length(self, stems: Mapping[str, Audio], whole: Audio) -> dict[str, Audio]:
        """Stems as long as the recording, with zeros where it was not separated."""
        pads = ((0, 0), (self.start, whole.length - self.stop))
        return {name: Audio(np.pad(stem.samples, pads), stem.sample_rate) for name, stem in stems.items()}
