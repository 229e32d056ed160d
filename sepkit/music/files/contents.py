"""What a file of a score holds, before it is mended."""

from __future__ import annotations

from typing import NamedTuple

from sepkit.music.mend import WrittenNote


class Contents(NamedTuple):
    """Notes and tempi of a file.

    Attributes
    ----------
    written : list of WrittenNote
    remarks : tuple of str
        What could not be read or had to be decided, one sentence each.
    tempi : tuple of (float, float)
        From when on, in seconds, how many quarter notes a minute are played.
    """

    written: list[WrittenNote]
    remarks: tuple[str, ...] = ()
    tempi: tuple[tuple[float, float], ...] = ()
