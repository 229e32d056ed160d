"""Notes from MusicXML files, through partitura (``pip install "sepkit[musicxml]"``)."""

from __future__ import annotations

import io
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import SideInformationError
from sepkit.music.files.musicxml_document import bars, make_plain, parsed, part_names
from sepkit.music.files.repeats import playing_order
from sepkit.music.mend import WrittenNote

Times = NDArray[np.float64]

_USUAL_BPM = 120
_VELOCITY = 64


class _Sounding(NamedTuple):
    """A note with ties joined: the bar it begins in, and times in quarter notes as written."""

    bar: int
    onset: float
    offset: float
    pitch: int
    part: str
    staff: int


def read_musicxml(path: Path, parts: str) -> tuple[list[WrittenNote], tuple[str, ...]]:
    """Read the notes as they are played: repeats are repeated, and instruments that transpose sound where they do.

    Parameters
    ----------
    path : Path
    parts : str
        ``"track"``: the parts; ``"instrument"``: their General MIDI instruments; ``"staff"``: their staves.

    Returns
    -------
    written : list of WrittenNote
    remarks : tuple of str

    Raises
    ------
    SideInformationError
        If the file is damaged, or partitura is not installed.
    """
    # partitura warns of every slur that it cannot match, and already on import.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import partitura
        except (ImportError, OSError) as error:
            raise SideInformationError(
                f'reading {path.name} needs partitura ({error}); install it with: pip install "sepkit[musicxml]"'
            ) from error
        try:
            document = parsed(path)
            make_plain(document)
            names = part_names(document, by_instrument=parts == "instrument")
            xml = io.BytesIO()
            document.write(xml, encoding="utf-8")
            score = partitura.load_musicxml(io.BytesIO(xml.getvalue()))
            timed = [_Timeline(part) for part in score.parts if part.measures]
            bar_lines = _common_bar_lines([part.bar_lines for part in timed])
            notes = [note for part in timed for note in part.soundings(bar_lines, names[part.id])]
            marks = dict(sorted(mark for part in timed for mark in part.tempo_marks(bar_lines)))
            # Parts that the list of parts lacks are not read, and may be longer.
            order = playing_order(bars(document)[: len(bar_lines) - 1])
        # The parser has no error of its own, and raises anything.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise SideInformationError(f"cannot read {path} as MusicXML: {reason}") from error
    if parts == "staff":
        notes = _by_staff(notes)
    remarks = []
    if order != sorted(set(order)):
        remarks.append(f"repeats are played out: {len(order)} bars instead of the {len(bar_lines) - 1} written ones")
    if not marks:
        remarks.append(f"there are no tempo marks: a quarter note lasts {60 / _USUAL_BPM} s")
    return _played(notes, order, bar_lines, _clock(marks, bar_lines[-1])), tuple(remarks)


class _Timeline:
    """A part of partitura, in quarter notes since its beginning, upbeat or not."""

    def __init__(self, part: Any) -> None:
        self.id, self._part, self._quarters = part.id, part, part.quarter_map
        self.bar_lines = self._at([bar.start.t for bar in part.measures] + [part.measures[-1].end.t])

    def soundings(self, bar_lines: Times, name: str) -> list[_Sounding]:
        from partitura.score import Transposition

        notes = self._part.notes_tied
        shifts = [(shift.start.t, shift.chromatic or 0) for shift in self._part.iter_all(Transposition)]
        semitones = [next((by for since, by in reversed(shifts) if since <= note.start.t), 0) for note in notes]
        begun, onsets = self._common(bar_lines, [note.start.t for note in notes], "right")
        _, offsets = self._common(bar_lines, [note.end_tied.t for note in notes], "left")
        return [
            _Sounding(bar, onset, max(onset, offset), note.midi_pitch + by, name, note.staff)
            for bar, onset, offset, note, by in zip(
                begun.tolist(), onsets.tolist(), offsets.tolist(), notes, semitones, strict=True
            )
        ]

    def tempo_marks(self, bar_lines: Times) -> list[tuple[float, float]]:
        """Where in quarter notes, and how many of them a minute."""
        from partitura.score import Tempo

        marks = [mark for mark in self._part.iter_all(Tempo) if mark.bpm > 0]
        _, places = self._common(bar_lines, [mark.start.t for mark in marks], "right")
        bpm = [6e7 / mark.microseconds_per_quarter for mark in marks]
        return list(zip(places.tolist(), bpm, strict=True))

    def _at(self, ticks: list[int]) -> Times:
        return np.asarray(self._quarters(ticks) - self._quarters([0]), dtype=np.float64)

    def _common(
        self, bar_lines: Times, ticks: list[int], side: Literal["left", "right"]
    ) -> tuple[NDArray[np.intp], Times]:
        """The bars of some ticks, and their places where all parts share their bar lines."""
        places = self._at(ticks)
        bar = np.clip(np.searchsorted(self.bar_lines, places, side) - 1, 0, len(self.bar_lines) - 2)
        return bar, bar_lines[bar] + places - self.bar_lines[bar]


def _common_bar_lines(parts: list[Times]) -> Times:
    """Bar lines at which no part is late: some files leave out rests at the end of a bar.

    Returns
    -------
    bar_lines : ndarray [shape=(bars + 1,)]
        In quarter notes, with the end of the last bar.
    """
    lengths = np.zeros((len(parts), max(map(len, parts), default=1) - 1))
    for row, bar_lines in zip(lengths, parts, strict=True):
        row[: len(bar_lines) - 1] = np.diff(bar_lines)
    return np.concatenate([[0.0], np.cumsum(lengths.max(axis=0, initial=0))])


def _by_staff(notes: list[_Sounding]) -> list[_Sounding]:
    """Staves as parts: the hands of a piano by their names if it is alone."""
    staves = {name: sorted({note.staff for note in notes if note.part == name}) for name in {n.part for n in notes}}
    hands = len(staves) == 1 and len(*staves.values()) == 2

    def named(note: _Sounding) -> str:
        own = staves[note.part]
        if hands:
            return ("right", "left")[own.index(note.staff)]
        return note.part if len(own) == 1 else f"{note.part}-staff{note.staff}"

    return [note._replace(part=named(note)) for note in notes]


def _clock(marks: dict[float, float], end: float) -> Callable[[float], float]:
    """What turns quarter notes as written into seconds, if they were played once."""
    # What comes before the first mark goes at its tempo too: mostly it is an upbeat.
    first = next(iter(marks.values()), _USUAL_BPM)
    tempi = {0.0: first, **{place: bpm for place, bpm in marks.items() if place < end}}
    places = np.array([*tempi, end])
    places_s = np.concatenate([[0.0], np.cumsum(np.diff(places) * 60 / np.array(list(tempi.values())))])
    return lambda place: float(np.interp(place, places, places_s))


def _played(
    notes: list[_Sounding], order: list[int], bar_lines: Times, clock: Callable[[float], float]
) -> list[WrittenNote]:
    """The notes of each bar as often as it is played, at the tempo that is written there."""
    begun: dict[int, list[_Sounding]] = defaultdict(list)
    for note in notes:
        begun[note.bar].append(note)
    played, elapsed_s = [], 0.0
    for bar in order:
        shift_s = elapsed_s - clock(bar_lines[bar])
        played += [
            WrittenNote(shift_s + clock(note.onset), shift_s + clock(note.offset), note.pitch, _VELOCITY, note.part)
            for note in begun[bar]
        ]
        elapsed_s = shift_s + clock(bar_lines[bar + 1])
    return played
