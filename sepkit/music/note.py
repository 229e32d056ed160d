"""One note of a score."""

from __future__ import annotations

from dataclasses import dataclass

from sepkit.errors import SideInformationError
from sepkit.opening import composed


@dataclass(frozen=True, order=True)
class Note:
    """One note.

    Attributes
    ----------
    onset_s, offset_s : float
        In seconds; the offset lies after the onset.
    pitch : float
        MIDI pitch; 69 is A4, fractions are allowed.
    velocity : int
        1 to 127.
    part : str
        The voice, instrument or hand that plays it; accents are composed (NFC), so that names that look alike are one.
    """

    onset_s: float
    offset_s: float
    pitch: float
    velocity: int = 64
    part: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "part", composed(self.part))
        if not 0 <= self.onset_s < self.offset_s < float("inf"):
            raise SideInformationError(
                f"a note needs 0 <= onset < offset in seconds, given {self.onset_s} and {self.offset_s}"
            )
        if not 0 <= self.pitch <= 127:
            raise SideInformationError(f"a note needs a MIDI pitch from 0 to 127, given {self.pitch}")
        if not 1 <= self.velocity <= 127:
            raise SideInformationError(f"a note needs a velocity from 1 to 127, given {self.velocity}")
