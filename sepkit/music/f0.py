"""Fundamental frequency over time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SideInformationError, one_line
from sepkit.files import atomic_path
from sepkit.music.origin import Origin
from sepkit.opening import as_spelt


@dataclass(frozen=True, eq=False)
class F0Track:
    """Fundamental frequency of one source.

    Parameters
    ----------
    times_s : ndarray [shape=(points,)]
        Strictly increasing, in seconds.
    f0_hz : ndarray [shape=(points,)]
        In Hz, NaN where unvoiced.
    origin : Origin, optional
        The file that it was read from.

    Raises
    ------
    SideInformationError
        If the arrays do not fit together or hold impossible values.
    """

    times_s: NDArray[np.float64]
    f0_hz: NDArray[np.float64]
    origin: Origin | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        times_s, f0_hz = (np.array(value, dtype=np.float64) for value in (self.times_s, self.f0_hz))
        if times_s.ndim != 1 or times_s.shape != f0_hz.shape or times_s.size == 0:
            raise SideInformationError(
                f"an F0 track needs two equal rows of numbers, given {times_s.shape} and {f0_hz.shape}"
            )
        if not (np.isfinite(times_s).all() and (np.diff(times_s) > 0).all()):
            raise SideInformationError("the times of an F0 track need to increase strictly, in seconds")
        if (f0_hz <= 0).any() or np.isinf(f0_hz).any():
            raise SideInformationError("an F0 track needs positive frequencies in Hz, and NaN where unvoiced")
        for name, value in (("times_s", times_s), ("f0_hz", f0_hz)):
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[object, tuple[NDArray[np.float64], NDArray[np.float64], Origin | None]]:
        return _unpickled, (self.times_s, self.f0_hz, self.origin)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> F0Track:
        """Read a table of F0 over time, as CREPE, pYIN, Praat, Tony, Sonic Visualiser and Melodia write it.

        With a header, columns go by their names and units: ``time``, ``time_ms``; ``f0``, ``frequency``, ``F0 [Hz]``,
        ``midi_pitch``. Without one, they are time in seconds and F0 in Hz. Missing, zero and negative mean unvoiced.

        Raises
        ------
        SideInformationError
            If the file cannot be read, or understood without doubt.
        """
        from sepkit.music.files.f0_table import read_f0

        try:
            return cls(*read_f0(Path(path)), origin=Origin.of(as_spelt(Path(path))))
        except SideInformationError as error:
            raise SideInformationError(
                str(error) if one_line(str(path)) in str(error) else f"{path}: {error}"
            ) from error

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a table with columns ``time_s`` and ``f0_hz``, atomically; unvoiced is 0.

        Raises
        ------
        WriteError
        """
        rows = [
            f"{time_s:.6f},{f0_hz:.4f}" for time_s, f0_hz in zip(self.times_s, np.nan_to_num(self.f0_hz), strict=True)
        ]
        with atomic_path(Path(path)) as temporary:
            temporary.write_text("\n".join(("time_s,f0_hz", *rows, "")), encoding="utf-8")


def _unpickled(times_s: NDArray[np.float64], f0_hz: NDArray[np.float64], origin: Origin | None) -> F0Track:
    return F0Track(times_s, f0_hz, origin=origin)
