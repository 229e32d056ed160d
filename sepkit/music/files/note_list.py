"""Notes from CSV files."""

from __future__ import annotations

import csv
from pathlib import Path

from sepkit.errors import SideInformationError
from sepkit.music.mend import WrittenNote

_COLUMNS = {
    "onset_s": ("onset_s", "start", "onset", "start_s"),
    "offset_s": ("offset_s", "end", "offset", "end_s"),
    "duration_s": ("duration_s", "duration"),
    "pitch": ("pitch", "midi_pitch"),
    "velocity": ("velocity",),
    "part": ("part", "label", "instrument"),
}


def read_note_list(path: Path) -> list[WrittenNote]:
    """Read a CSV of one note a row, under a header.

    Raises
    ------
    SideInformationError
        If the file is damaged, or columns or values that a note needs are not there.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            delimiter = max(",;\t", key=header.count)
            names = [name.strip().strip('"').strip().lower() for name in header.split(delimiter)]
            columns = {ours: next((n for n in theirs if n in names), None) for ours, theirs in _COLUMNS.items()}
            rows = [
                {ours: row[theirs] for ours, theirs in columns.items() if theirs and row[theirs]}
                for row in csv.DictReader(file, fieldnames=names, delimiter=delimiter, skipinitialspace=True)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SideInformationError(f"cannot read {path} as a score: {error}") from error
    if not (columns["onset_s"] and columns["pitch"] and (columns["offset_s"] or columns["duration_s"])):
        raise SideInformationError(f"{path} needs columns start, pitch and duration or end; it has {', '.join(names)}")
    notes: list[WrittenNote] = []
    try:
        scale = _velocity_scale([float(row["velocity"]) for row in rows if "velocity" in row])
        for row in rows:
            onset_s = float(row["onset_s"])
            end_s = float(row["offset_s"]) if "offset_s" in row else onset_s + float(row["duration_s"])
            velocity = max(1, min(127, round(scale * float(row["velocity"])))) if "velocity" in row else 64
            notes.append(WrittenNote(onset_s, end_s, float(row["pitch"]), velocity, row.get("part", "").strip()))
    except KeyError as error:
        raise SideInformationError(f"{path}: note {len(notes) + 1} has no value for {error}") from error
    except (ValueError, OverflowError) as error:
        raise SideInformationError(f"{path}: note {len(notes) + 1}: {error}") from error
    return notes


def _velocity_scale(velocities: list[float]) -> float:
    """To 127; a CSV file has its velocities all from 0 to 1 or all from 0 to 127."""
    return 127 if max(velocities, default=0) <= 1 else 1
