"""Notes from tables."""

from __future__ import annotations

from pathlib import Path

from sepkit.errors import SideInformationError
from sepkit.music.files.table import number, read_table
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
    """Read a table of one note a row, under a header.

    Raises
    ------
    SideInformationError
        If the file is damaged, or columns or values that a note needs are not there.
    """
    known = {name for names in _COLUMNS.values() for name in names}
    table = read_table(path, "score", known.__contains__)
    header = [] if table.header is None else list(table.header)
    columns = {
        ours: next((header.index(name) for name in theirs if name in header), None) for ours, theirs in _COLUMNS.items()
    }
    lasts = columns["offset_s"] is not None or columns["duration_s"] is not None
    if columns["onset_s"] is None or columns["pitch"] is None or not lasts:
        found = ", ".join(header) or f"no header, but '{table.first}'"
        raise SideInformationError(f"{path} needs columns start, pitch and duration or end; it has {found}")
    places = [(ours, place) for ours, place in columns.items() if place is not None]
    rows = [
        {ours: cells[place] for ours, place in places if place < len(cells) and cells[place]} for cells in table.rows
    ]
    notes: list[WrittenNote] = []
    try:
        scale = _velocity_scale([number(row["velocity"]) for row in rows if "velocity" in row])
        for row in rows:
            onset_s = number(row["onset_s"])
            end_s = number(row["offset_s"]) if "offset_s" in row else onset_s + number(row["duration_s"])
            velocity = max(1, min(127, round(scale * number(row["velocity"])))) if "velocity" in row else 64
            notes.append(WrittenNote(onset_s, end_s, number(row["pitch"]), velocity, row.get("part", "").strip()))
    except KeyError as error:
        raise SideInformationError(f"{path}: note {len(notes) + 1} has no value for {error}") from error
    except (ValueError, OverflowError) as error:
        raise SideInformationError(f"{path}: note {len(notes) + 1}: {error}") from error
    return notes


def _velocity_scale(velocities: list[float]) -> float:
    """To 127; a CSV file has its velocities all from 0 to 1 or all from 0 to 127."""
    return 127 if max(velocities, default=0) <= 1 else 1
