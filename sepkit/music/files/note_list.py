"""Notes from tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sepkit.errors import SideInformationError
from sepkit.music.files.contents import Contents
from sepkit.music.files.table import Table, is_missing, number, read_table
from sepkit.music.mend import SHORTEST_S, WrittenNote
from sepkit.music.percussion import DRUMS, drum_key, drum_name

_COLUMNS = {
    "onset_s": ("onset_s", "start", "onset", "start_s", "time", "time_s"),
    "offset_s": ("offset_s", "end", "offset", "end_s"),
    "duration_s": ("duration_s", "duration"),
    "pitch": ("pitch", "midi_pitch"),
    "velocity": ("velocity",),
    "part": ("part", "label", "instrument"),
}
_MOST_NAMES = 8
_HIGHEST_MIDI_PITCH = 127


def read_note_list(path: Path, *, name_drums: bool) -> Contents:
    """Read a table of one note a row, under a header; or one of the onsets of drums, which needs none.

    Parameters
    ----------
    path : Path
    name_drums : bool
        Name the parts of notes that have none after the drums of General MIDI.

    Raises
    ------
    SideInformationError
        If the file is damaged, or columns or values that a note needs are not there.
    """
    known = {name for names in _COLUMNS.values() for name in names}
    table = read_table(path, "score", known.__contains__)
    header = ["onset", "label"] if _is_onsets(table) else list(table.header or ())
    columns = {
        ours: next((header.index(name) for name in theirs if name in header), None) for ours, theirs in _COLUMNS.items()
    }
    lasts = columns["offset_s"] is not None or columns["duration_s"] is not None
    drums_only = columns["pitch"] is None and columns["part"] is not None and not lasts
    if columns["onset_s"] is None or not (drums_only or (columns["pitch"] is not None and lasts)):
        found = ", ".join(header) or f"no header, but '{table.first}'"
        raise SideInformationError(
            f"{path} needs columns start, pitch and duration or end, or start and label for drums; it has {found}"
        )
    places = [(ours, place) for ours, place in columns.items() if place is not None]
    rows = [
        {ours: cells[place] for ours, place in places if place < len(cells) and _is_told(ours, cells[place])}
        for cells in table.rows
    ]
    notes: list[WrittenNote] = []
    try:
        scale = _velocity_scale([number(row["velocity"]) for row in rows if "velocity" in row])
        for row in rows:
            onset_s = number(row["onset_s"])
            if "offset_s" in row:
                end_s = number(row["offset_s"])
            else:
                end_s = onset_s + (number(row["duration_s"]) if lasts else SHORTEST_S)
            velocity = max(1, min(127, round(scale * number(row["velocity"])))) if "velocity" in row else 64
            pitch = _drum_key(row) if drums_only else _midi_pitch(row["pitch"])
            part = row.get("part", "").strip()
            named = drum_name(pitch) if name_drums and not part and pitch == pitch else part
            notes.append(WrittenNote(onset_s, end_s, pitch, velocity, named))
    except KeyError as error:
        raise SideInformationError(f"{path}: note {len(notes) + 1} has no value for {error}") from error
    except (ValueError, OverflowError) as error:
        raise SideInformationError(f"{path}: note {len(notes) + 1}: {error}") from error
    return Contents(notes)


def _is_onsets(table: Table) -> bool:
    """Whether a table without a header is one of times and names."""
    return table.header is None and all(len(cells) == 2 and drum_key(cells[1]) is not None for cells in table.rows)


def _is_told(column: str, cell: str) -> bool:
    """Whether a cell holds something; only a velocity may be told to be missing."""
    return bool(cell) and not (column == "velocity" and is_missing(cell))


def _midi_pitch(cell: str) -> float:
    pitch = number(cell)
    if pitch > _HIGHEST_MIDI_PITCH and pitch % 1:
        raise ValueError(f"a pitch of {cell} is above {_HIGHEST_MIDI_PITCH} and seems to be in Hz; give MIDI pitch")
    return pitch


def _drum_key(row: Mapping[str, str]) -> float:
    """The key of the drum that a row without a pitch names."""
    key = drum_key(row["part"])
    if key is None:
        raise ValueError(
            f"'{row['part'][:40]}' is none of the drums {', '.join(DRUMS[:_MOST_NAMES])} ...; name it so, or give a "
            "column pitch"
        )
    return key


def _velocity_scale(velocities: list[float]) -> float:
    """To 127; a CSV file has its velocities all from 0 to 1 or all from 0 to 127."""
    return 127 if max(velocities, default=0) <= 1 else 1
