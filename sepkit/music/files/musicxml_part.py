"""The bars of one part of a MusicXML score: notes and tempi in quarter notes since the beginning of their bar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree.ElementTree import Element

from sepkit.music.files.musicxml_tempo import QUARTERS, dotted, quoted, tempo_mark

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_LONGEST = 1e6
_ROUNDING = 9


class BarNote(NamedTuple):
    """A note as it is written, at the pitch at which it sounds."""

    onset: float
    offset: float
    pitch: float
    staff: int
    tied_from: bool
    tied_on: bool


@dataclass
class Bar:
    """What a part has in one bar.

    Attributes
    ----------
    notes : list of BarNote
        By onset.
    length : float
        Up to where there is anything, rests too; 0 if there is nothing.
    nominal : float
        The length that its time signature says; 0 if there is none.
    tempi : list of (float, float)
        Places, which may lie beyond the bar, and quarter notes a minute.
    """

    notes: list[BarNote] = field(default_factory=list)
    length: float = 0.0
    nominal: float = 0.0
    tempi: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class Unread:
    """What could not be read of a score, and in which bars, counted from 1."""

    tempi: list[tuple[int, str]] = field(default_factory=list)
    notes: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    numbers: list[tuple[int, str]] = field(default_factory=list)


def read_bars(measures: Iterable[Element], drum_keys: Mapping[str, int], unread: Unread) -> list[Bar]:
    """Read the bars of a part.

    Parameters
    ----------
    measures : iterable of Element
    drum_keys : mapping of str to int
        MIDI keys by the identifiers of instruments.
    unread : Unread
        Where to say what cannot be read.
    """
    reader = _Reader(drum_keys, unread)
    return [reader.bar(measure) for measure in measures]


class _Reader:
    """A part up to some place in it."""

    def __init__(self, drum_keys: Mapping[str, int], unread: Unread) -> None:
        self._drum_keys, self._unread = drum_keys, unread
        self._number, self._divisions, self._nominal = 0, 1.0, 0.0
        self._transpositions: dict[str | None, tuple[float, ...]] = {None: (0.0,)}
        self._bar, self._place, self._onset = Bar(), 0.0, 0.0

    def bar(self, measure: Element) -> Bar:
        self._number += 1
        self._bar, self._place, self._onset = Bar(), 0.0, 0.0
        for element in measure:
            if element.tag == "note":
                self._note(element)
            elif element.tag == "backup":
                self._move(-self._quarters(element))
            elif element.tag == "forward":
                self._move(self._quarters(element))
            elif element.tag == "attributes":
                self._attributes(element)
            elif element.tag in ("direction", "sound"):
                self._direction(element)
        self._bar.nominal = self._nominal
        self._bar.notes.sort(key=lambda note: note.onset)
        return self._bar

    def _move(self, quarters: float) -> None:
        self._place = max(0.0, round(self._place + quarters, _ROUNDING))
        self._bar.length = max(self._bar.length, self._place)

    def _attributes(self, attributes: Element) -> None:
        divisions = self._value(attributes.findtext("divisions"), 0.0)
        self._divisions = divisions if divisions > 0 else self._divisions
        for time in attributes.iter("time"):
            counts = [self._value(count, 0.0) for count in (time.findtext("beats") or "").split("+") if count.strip()]
            beat_type = self._value(time.findtext("beat-type"), 0.0)
            self._nominal = 4 * sum(counts) / beat_type if beat_type > 0 else 0.0
        for transpose in attributes.iter("transpose"):
            octaves = self._value(transpose.findtext("octave-change"), 0.0, signed=True)
            semitones = self._value(transpose.findtext("chromatic"), 0.0, signed=True) + 12 * octaves
            doubled = [semitones + (12 if double.get("above") == "yes" else -12) for double in transpose.iter("double")]
            if transpose.get("number") is None:
                self._transpositions = {}
            self._transpositions[transpose.get("number")] = (semitones, *doubled[:1])

    def _direction(self, element: Element) -> None:
        mark = tempo_mark(element)
        if mark.unread:
            self._unread.tempi.append((self._number, mark.unread))
        if mark.quarters is None:
            return
        # What is printed elsewhere need not sound elsewhere.
        shifts = [e for e in element if e.tag == "offset" and (element.tag == "sound" or e.get("sound") == "yes")]
        shifts += element.findall("sound/offset")
        shift = sum(self._value(offset.text, 0.0, signed=True) for offset in shifts) / self._divisions
        self._bar.tempi.append((self._place + shift, mark.quarters))

    def _note(self, note: Element) -> None:
        there: dict[str, Element] = {}
        for child in note:
            there.setdefault(child.tag, child)
        quarters = 0.0 if "grace" in there else self._quarters(note)
        if "chord" not in there:
            self._onset = self._place
            self._move(quarters)
        if "rest" in there or "cue" in there:
            return
        staff = there["staff"].text if "staff" in there else "1"
        pitches = self._pitches(there, staff)
        if not pitches:
            self._unread.notes.append(self._number)
            return
        ties = [tie.get("type") for tie in note if tie.tag == "tie"] or [tie.get("type") for tie in note.iter("tied")]
        offset = round(self._onset + quarters, _ROUNDING)
        self._bar.length = max(self._bar.length, offset)
        number = int(staff) if staff and staff.isdecimal() and len(staff) < 4 else 1
        self._bar.notes += [
            BarNote(self._onset, offset, pitch, number, "stop" in ties, "start" in ties) for pitch in pitches
        ]

    def _quarters(self, element: Element) -> float:
        """How long something lasts, by its duration or else as it is written."""
        text = element.findtext("duration")
        quarters = self._value(text, math.nan) / self._divisions
        if math.isfinite(quarters) and quarters < _LONGEST:
            return quarters
        if element.tag != "note":
            return 0.0
        self._unread.lengths.append(self._number)
        kind = QUARTERS.get((element.findtext("type") or "").strip(), 0.0)
        return dotted(kind, sum(child.tag == "dot" for child in element))

    def _pitches(self, there: Mapping[str, Element], staff: str | None) -> list[float]:
        """Where a note sounds: an instrument may double it; nowhere if that cannot be read."""
        if "unpitched" in there:
            instrument = there["instrument"].get("id") if "instrument" in there else None
            if instrument is not None and instrument in self._drum_keys:
                return [float(self._drum_keys[instrument])]
            written = _pitch(there["unpitched"], "display-step", "display-octave", default=("B", "4"))
            return [] if written is None else [written]
        written = _pitch(there["pitch"], "step", "octave") if "pitch" in there else None
        if written is None:
            return []
        alter = self._value(there["pitch"].findtext("alter"), 0.0, signed=True)
        own = self._transpositions.get(staff) or self._transpositions.get(None) or (0.0,)
        return [written + alter + semitones for semitones in own]

    def _value(self, text: str | None, default: float, *, signed: bool = False) -> float:
        """A number, or `default` where there is none; what is none is said to be unread."""
        if not text or not text.strip():
            return default
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            value = math.nan
        if abs(value) < math.inf and (signed or value >= 0):
            return value
        self._unread.numbers.append((self._number, quoted(text)))
        return default


def _pitch(element: Element, step: str, octave: str, default: tuple[str, str] = ("", "")) -> float | None:
    name = (element.findtext(step) or default[0]).strip().upper()
    number = (element.findtext(octave) or default[1]).strip()
    if name not in _STEPS or not (number.isdecimal() and len(number) < 3):
        return None
    return 12.0 * (int(number) + 1) + _STEPS[name]
