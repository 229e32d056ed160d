"""Scores: notes in seconds, read from MIDI and CSV, written as MIDI."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

from sepkit.errors import SideInformationError
from sepkit.files import atomic_path

_TICKS_PER_BEAT = 4800
"""At 120 beats a minute: a tenth of a millisecond, finer than any onset is known."""

_COLUMNS = {
    "onset_s": ("onset_s", "start", "onset", "start_s"),
    "offset_s": ("offset_s", "end", "offset", "end_s"),
    "duration_s": ("duration_s", "duration"),
    "pitch": ("pitch", "midi_pitch"),
    "velocity": ("velocity",),
    "part": ("part", "label", "instrument"),
}


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
        The voice, instrument or hand that plays it.
    """

    onset_s: float
    offset_s: float
    pitch: float
    velocity: int = 64
    part: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.onset_s < self.offset_s < float("inf"):
            raise SideInformationError(
                f"a note needs 0 <= onset < offset in seconds, given {self.onset_s} and {self.offset_s}"
            )
        if not 0 <= self.pitch <= 127:
            raise SideInformationError(f"a note needs a MIDI pitch from 0 to 127, given {self.pitch}")
        if not 1 <= self.velocity <= 127:
            raise SideInformationError(f"a note needs a velocity from 1 to 127, given {self.velocity}")


@dataclass(frozen=True)
class Score:
    """Notes of one piece, sorted by onset.

    Examples
    --------
    >>> from sepkit import Note, Score
    >>> Score([Note(0.5, 1.0, 60, part="left"), Note(0.0, 0.5, 72, part="right")]).parts
    ('right', 'left')
    """

    notes: tuple[Note, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(sorted(self.notes)))

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts, in the order in which they enter."""
        return tuple(dict.fromkeys(note.part for note in self.notes))

    def part(self, name: str) -> Score:
        """The notes of one part."""
        return Score(tuple(note for note in self.notes if note.part == name))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Score:
        """Read MIDI (``.mid``, ``.midi``) or CSV with a header row.

        A CSV has columns ``start`` and ``duration`` or ``end`` in seconds, ``pitch``, and optionally ``velocity`` and
        ``label``, ``instrument`` or ``part``, separated by ``;`` or ``,``.

        Raises
        ------
        SideInformationError
            If the file is missing, damaged or holds no notes.
        """
        path = Path(path)
        if not path.is_file():
            raise SideInformationError(f"no such score: {path}")
        if path.suffix.lower() in (".mid", ".midi"):
            notes = _read_midi(path)
        elif path.suffix.lower() == ".csv":
            notes = _read_csv(path)
        else:
            raise SideInformationError(f"cannot read {path.name} as a score: give a .mid, .midi or .csv file")
        if not notes:
            raise SideInformationError(f"{path} holds no notes")
        return cls(tuple(notes))

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write as MIDI, one track a part, atomically. Fractions of a semitone are rounded away."""
        import pretty_midi

        midi = pretty_midi.PrettyMIDI(resolution=_TICKS_PER_BEAT)
        for part in self.parts:
            instrument = pretty_midi.Instrument(program=0, name=part.encode().decode("latin-1"))
            instrument.notes = [
                pretty_midi.Note(note.velocity, round(note.pitch), note.onset_s, note.offset_s)
                for note in self.part(part).notes
            ]
            midi.instruments.append(instrument)
        with atomic_path(Path(path)) as temporary:
            midi.write(str(temporary))


def _read_midi(path: Path) -> list[Note]:
    import pretty_midi

    try:
        midi = pretty_midi.PrettyMIDI(str(path))
    # The MIDI parser has no error of its own: a damaged file ends in any of these.
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise SideInformationError(f"cannot read {path} as MIDI: {error or type(error).__name__}") from error
    notes, names = [], set[str]()
    for index, instrument in enumerate(midi.instruments, 1):
        name = _as_text(instrument.name).strip() or f"track{index}"
        if name in names:
            name = f"{name}-{index}"
        names.add(name)
        notes += [
            Note(float(note.start), float(note.end), float(note.pitch), max(1, int(note.velocity)), name)
            for note in instrument.notes
            if note.end > note.start
        ]
    return notes


def _as_text(name: str) -> str:
    """A name as it was meant: mostly UTF-8, which the parser has read as Latin-1, the little that MIDI itself knows."""
    try:
        return name.encode("latin-1").decode()
    except UnicodeError:
        return name


def _read_csv(path: Path) -> list[Note]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header = file.readline()
            delimiter = ";" if ";" in header else ","
            names = [name.strip().strip('"').lower() for name in header.split(delimiter)]
            columns = {ours: next((n for n in theirs if n in names), None) for ours, theirs in _COLUMNS.items()}
            rows = [
                {ours: row[theirs] for ours, theirs in columns.items() if theirs and row[theirs]}
                for row in csv.DictReader(file, fieldnames=names, delimiter=delimiter)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SideInformationError(f"cannot read {path} as a score: {error}") from error
    if not (columns["onset_s"] and columns["pitch"] and (columns["offset_s"] or columns["duration_s"])):
        raise SideInformationError(f"{path} needs columns start, pitch and duration or end; it has {', '.join(names)}")
    notes = []
    try:
        velocities = _midi_velocities([float(row.get("velocity", 64)) for row in rows])
        for row, velocity in zip(rows, velocities, strict=True):
            onset_s = float(row["onset_s"])
            end_s = float(row["offset_s"]) if "offset_s" in row else onset_s + float(row["duration_s"])
            notes.append(Note(onset_s, end_s, float(row["pitch"]), velocity, row.get("part", "").strip()))
    except KeyError as error:
        raise SideInformationError(f"{path}: note {len(notes) + 1} has no value for {error}") from error
    except (ValueError, OverflowError, SideInformationError) as error:
        raise SideInformationError(f"{path}: note {len(notes) + 1}: {error}") from error
    return notes


def _midi_velocities(velocities: list[float]) -> list[int]:
    """Velocities from 1 to 127; a CSV file has them all from 0 to 1 or all from 0 to 127."""
    scale = 127 if max(velocities, default=0) <= 1 else 1
    return [max(1, min(127, round(scale * velocity))) for velocity in velocities]
