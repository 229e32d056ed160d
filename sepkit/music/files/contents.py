"""What a file of a score holds, before it is mended."""

from __future__ import annotations

from typing import NamedTuple

from sepkit.music.mend import WrittenNote


class Contents(NamedTuple):
    """Notes of a file.

    Attributes
    ----------
    written : list of WrittenNote
    remarks : tuple of str
        What could not be read or had to be decided, one sentence each.
    tempi_bpm : tuple of float
        Tempi that are written, in order, in quarter notes a minute.
    """

    written: list[WrittenNote]
    remarks: tuple[str, ...] = ()
    tempi_bpm: tuple[float, ...] = ()
