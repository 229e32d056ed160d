"""Tracks of fundamental frequency from tables.

Columns go by their names: those of CREPE (``time,frequency,confidence``), pYIN as librosa gives it (``f0``,
``voiced_flag``), Praat (``Time_s  F0_Hz``), Tony and others, with units in them (``time_ms``, ``f0 [Hz]``,
``midi_pitch``). A table without names, as Sonic Visualiser, Tony and Melodia write it, has the time in seconds first
and then the frequency in Hz. Unvoiced is what is missing, zero, or negative: pYIN and Melodia put a minus before their
guess at what would sound if anything did. What might mean two things is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SideInformationError
from sepkit.music.files.table import Table, number, read_table
from sepkit.music.pitch import midi_to_hz

_TIMES = frozenset(["time", "times", "t", "timestamp", "timestamps", "onset", "start"])
_TIMES |= {"zeit", "temps", "tiempo", "tid", "tijd"}
_FREQUENCIES = frozenset(["f0", "fo", "frequency", "frequencies", "freq", "fundamental_frequency", "f0_frequency"])
_FREQUENCIES |= {"frequenz", "grundfrequenz", "frequence", "fréquence", "frecuencia", "frequenza"}
_PITCHES = frozenset(["pitch", "note", "tonhöhe"])
_MIDI_PITCHES = frozenset(
    ["midi", "midi_pitch", "midi_note", "midinote", "pitch_midi", "note_midi", "f0_midi", "pitch_semitones"]
)
_VOICED = frozenset(["voiced", "voicing", "voiced_flag", "is_voiced", "vuv"])
_UNVOICED = frozenset(["false", "no", "f", "n", "u"])

_SECONDS = dict.fromkeys(["s", "sec", "secs", "second", "seconds"], 1.0)
_SECONDS |= dict.fromkeys(["ms", "msec", "msecs", "millis", "millisecond", "milliseconds"], 1e-3)
_HZ = {"hz": 1.0, "hertz": 1.0, "khz": 1e3}

_HIGHEST_MIDI_PITCH = 127
_PLAUSIBLE_HZ = (10.0, 20_000.0)
_LONG_STEP_S, _MANY_ROWS = 2.0, 10
_REMEDY = "name the columns time_s and f0_hz"


def read_f0(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read a table of F0 over time.

    Returns
    -------
    times_s : ndarray [shape=(points,)]
    f0_hz : ndarray [shape=(points,)]
        NaN where unvoiced.

    Raises
    ------
    SideInformationError
        If it cannot be read, or understood without doubt: then with what it holds.
    """
    table = read_table(path, "F0 track", lambda name: bool(_time_unit(name) or _f0_unit(name)))
    try:
        if not table.rows:
            raise ValueError(f"it holds nothing below its header '{table.first}'")
        if table.header is None:
            (time, time_unit), (f0, f0_unit) = (0, "time"), (1, "hz")
        else:
            time, time_unit = _only(table.header, _time_unit, "time")
            f0, f0_unit = _only(table.header, _f0_unit, "frequency")
        times_s = _SECONDS.get(time_unit, 1.0) * _column(table, time)
        values = _column(table, f0)
        values[~(values > 0) | _said_unvoiced(table)] = np.nan
        f0_hz = _in_hz(values, f0_unit)
        if time_unit == "time":
            _require_steps_of_seconds(times_s, table)
        if table.header is None:
            _require_no_index(times_s, table)
        _require_plausible(f0_hz, table)
    except ValueError as error:
        raise SideInformationError(f"cannot read {path} as an F0 track: {error}") from error
    return times_s, f0_hz


def _only(header: tuple[str, ...], unit_of: Callable[[str], str | None], what: str) -> tuple[int, str]:
    """The one column that holds something, and its unit; Hz, where there are such, go before what is pitch."""
    found = [(index, unit) for index, name in enumerate(header) if (unit := unit_of(name)) is not None]
    found = [one for one in found if one[1] in _HZ] or found
    if len(found) == 1:
        return found[0]
    many = f"more than one column of {what}" if found else f"no column that is known for {what}"
    raise ValueError(f"it has {many} among {', '.join(map(repr, header[:12]))}; {_REMEDY}")


def _time_unit(name: str) -> str | None:
    """The unit of a column of times, ``"time"`` where it is not told; None for other columns."""
    base, unit = _parted(name, _SECONDS)
    return (unit or "time") if base in _TIMES or (not base and unit) else None


def _f0_unit(name: str) -> str | None:
    """The unit of a column of frequencies; ``"midi"`` or ``"pitch"`` where it holds such; None for other columns."""
    base, unit = _parted(name, _HZ)
    if base in _MIDI_PITCHES:
        return "midi"
    if base in _PITCHES:
        return unit or "pitch"
    return (unit or "hz") if base in _FREQUENCIES or (not base and unit) else None


def _parted(name: str, units: Mapping[str, float]) -> tuple[str, str]:
    """``F0 [Hz]`` as ``f0`` and ``hz``."""
    words = re.findall(r"[^\W_]+", name.casefold())
    unit = words.pop() if words and words[-1] in units else ""
    return "_".join(words), unit


def _column(table: Table, index: int) -> NDArray[np.float64]:
    values = np.full(len(table.rows), np.nan)
    for place, (line, cells) in enumerate(zip(table.lines, table.rows, strict=True)):
        if len(cells) < 2:
            raise ValueError(f"line {line} has one column, '{''.join(cells)[:60]}', where two are needed")
        try:
            values[place] = number(cells[index]) if index < len(cells) else np.nan
        except ValueError as error:
            raise ValueError(f"line {line}: {error}") from error
    return values


def _said_unvoiced(table: Table) -> NDArray[np.bool_]:
    """Where a column of flags says that nothing sounds, whatever stands for the frequency."""
    unvoiced = np.zeros(len(table.rows), bool)
    for index, name in enumerate(table.header or ()):
        if _parted(name, {})[0] in _VOICED:
            unvoiced |= [index < len(cells) and _says_no(cells[index]) for cells in table.rows]
    return unvoiced


def _says_no(cell: str) -> bool:
    if cell.casefold() in _UNVOICED:
        return True
    try:
        return number(cell) == 0
    except ValueError:
        return False


def _in_hz(values: NDArray[np.float64], unit: str) -> NDArray[np.float64]:
    highest = np.nanmax(values, initial=0)
    if unit == "pitch" and 0 < highest <= _HIGHEST_MIDI_PITCH:
        doubt = f"its column of pitch goes up to {highest:g}, which may be MIDI pitch or Hz"
        raise ValueError(f"{doubt}; name it midi_pitch or f0_hz")
    if unit != "midi":
        return values * _HZ.get(unit, 1.0)
    if highest > _HIGHEST_MIDI_PITCH:
        raise ValueError(f"its MIDI pitch goes up to {highest:g}, above {_HIGHEST_MIDI_PITCH}; is it in Hz? {_REMEDY}")
    return midi_to_hz(values)


def _require_steps_of_seconds(times_s: NDArray[np.float64], table: Table) -> None:
    steps_s = np.diff(times_s)
    if len(steps_s) >= _MANY_ROWS and np.median(steps_s) >= _LONG_STEP_S:
        step = f"its times go up by {np.median(steps_s):g}, from '{table.first}', as milliseconds do and not seconds"
        raise ValueError(f"{step}; name the column time_ms or time_s")


def _require_no_index(times_s: NDArray[np.float64], table: Table) -> None:
    """Raise where the first column of three or more counts rows, and the times are in the second."""
    counted = np.array_equal(times_s, np.arange(len(times_s)) + times_s[0])
    if len(times_s) < 3 or len(table.rows[0]) < 3 or not counted:
        return
    if (np.diff(_column(table, 1)) > 0).all():
        raise ValueError(f"it seems to count its rows in the first column, '{table.first}'; {_REMEDY}")


def _require_plausible(f0_hz: NDArray[np.float64], table: Table) -> None:
    lowest, highest = _PLAUSIBLE_HZ
    strange = f0_hz[(f0_hz < lowest) | (f0_hz > highest)]
    if strange.size:
        wanted = f"F0 from {lowest:g} to {highest:g} Hz is wanted"
        raise ValueError(f"it has {strange[0]:g} Hz in a table like '{table.first}', where {wanted}; {_REMEDY}")
