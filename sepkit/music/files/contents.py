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
    heard_in : str or None
        The digest of the recording in which the notes were heard, if the file says so.
    """

    written: list[WrittenNote]
    remarks: tuple[str, ...] = ()
    tempi_bpm: tuple[float, ...] = ()
    heard_in: str | None = None
