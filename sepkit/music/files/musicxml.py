"""Notes from MusicXML files, as they are played."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from xml.etree.ElementTree import Element

from sepkit.errors import SideInformationError
from sepkit.music.files.contents import Contents
from sepkit.music.files.musicxml_file import DocumentError, parsed
from sepkit.music.files.musicxml_part import Bar, BarNote, Unread, read_bars
from sepkit.music.files.musicxml_signs import bars, unplayed_signs
from sepkit.music.files.names import distinct, general_midi_name
from sepkit.music.files.repeats import playing_order
from sepkit.music.mend import WrittenNote

_USUAL_BPM = 120.0
_VELOCITY = 64
_MOST_NOTES = 1_000_000
_SAME_PLACE = 1e-6
"""In quarter notes: no note is shorter, and sums of rounded lengths are closer."""
_MOST_TOLD, _LONGEST_TEXT = 3, 40


def read_musicxml(path: Path, parts: str) -> Contents:
    """Read the notes as they are played: repeats are repeated, and instruments that transpose sound where they do.

    Parameters
    ----------
    path : Path
    parts : str
        ``"track"``: the parts; ``"instrument"``: their General MIDI instruments; ``"staff"``: their staves.

    Returns
    -------
    contents : Contents

    Raises
    ------
    SideInformationError
        If the file is no MusicXML, or larger than any score.
    """
    try:
        root = parsed(path)
        measures = _measures(root)
    except DocumentError as error:
        raise SideInformationError(f"cannot read {path} as MusicXML: {error}") from error
    unread = Unread()
    keys = _drum_keys(root)
    music = [read_bars(own, keys, unread) for _, own in measures]
    lengths = _common_lengths(music)
    lines = [0.0, *accumulate(lengths)]
    signs = [own for _, own in measures]
    order = playing_order(bars(signs))
    if sum(len(part[bar].notes) for part in music for bar in order if bar < len(part)) > _MOST_NOTES:
        raise SideInformationError(f"cannot read {path} as MusicXML: it has more than {_MOST_NOTES:,} notes as played")
    titles = _names(root, [one for one, _ in measures], by_instrument=parts == "instrument")
    names = _voices(titles, music, by_staff=parts == "staff")
    # Where several stand at one place, the last holds.
    marks = {
        round(max(0.0, lines[number] + place), 6): quarters
        for part in music
        for number, bar in enumerate(part)
        for place, quarters in bar.tempi
    }
    clock = _Clock(dict(sorted(marks.items())))
    written = [note for part, own in zip(music, names, strict=True) for note in _played(part, own, order, lines, clock)]
    remarks = [*_told(unread), *unplayed_signs(signs)]
    if order != sorted(set(order)):
        remarks.insert(0, f"repeats are played out: {len(order)} bars instead of the {len(lengths)} written ones")
    remarks += _remarks_on_tempo(marks, bool(unread.tempi))
    if parts != "staff":
        remarks += _remark_on_staves(music)
    return Contents(written, tuple(remarks), tuple(marks.values()))


def _measures(root: Element) -> list[tuple[str, list[Element]]]:
    """The identifier and the measures of each part, which may be grouped by measures.

    Raises
    ------
    DocumentError
        If the document holds no score.
    """
    if root.tag == "score-partwise":
        return [(part.get("id", ""), part.findall("measure")) for part in root.findall("part")]
    if root.tag == "score-timewise":
        parts: dict[str, list[Element]] = {}
        for number, measure in enumerate(root.findall("measure")):
            for part in measure.findall("part"):
                own = parts.setdefault(part.get("id", ""), [])
                own += [Element("measure") for _ in range(number - len(own))]
                own.append(part)
        return list(parts.items())
    raise DocumentError(f"its root is <{root.tag[:_LONGEST_TEXT]}>, not <score-partwise> or <score-timewise>")


def _drum_keys(root: Element) -> dict[str, int]:
    """The MIDI keys of instruments that are drums; MusicXML counts keys from 1."""
    instruments = root.iterfind("part-list/score-part/midi-instrument")
    keys = {instrument.get("id", ""): instrument.findtext("midi-unpitched", "").strip() for instrument in instruments}
    return {one: int(key) - 1 for one, key in keys.items() if key.isdecimal() and len(key) < 4}


def _names(root: Element, identifiers: Sequence[str], *, by_instrument: bool) -> list[str]:
    """The names of the parts, or those of their General MIDI instruments where the file says so."""
    listed = {part.get("id"): part for part in root.iterfind("part-list/score-part")}
    titles = []
    for one in identifiers:
        part = listed.get(one, Element("score-part"))
        title = " ".join(part.findtext("part-name", "").split()) or one
        channel = part.findtext("midi-instrument/midi-channel", "").strip()
        program = part.findtext("midi-instrument/midi-program", "").strip()
        if by_instrument and (channel == "10" or (program.isdecimal() and 1 <= int(program[:4]) <= 128)):
            title = general_midi_name(int(program[:4] or 1) - 1 if channel != "10" else 0, drums=channel == "10")
        titles.append(title)
    return titles if by_instrument else distinct(titles)


def _common_lengths(music: Sequence[Sequence[Bar]]) -> list[float]:
    """Lengths at which no part is late: some files leave out rests at the end of a bar, or all that a bar holds."""
    together = [[part[n] for part in music if n < len(part)] for n in range(max(map(len, music), default=0))]
    return [max(bar.length for bar in bars_) or max(bar.nominal for bar in bars_) for bars_ in together]


def _voices(names: Sequence[str], music: Sequence[Sequence[Bar]], *, by_staff: bool) -> list[dict[int, str]]:
    """What to call the notes on each staff of each part: the hands of a piano by their names if it is alone."""
    staves = [sorted({note.staff for bar in part for note in bar.notes}) for part in music]
    if not by_staff:
        return [dict.fromkeys(own, name) for own, name in zip(staves, names, strict=True)]
    sounding = [own for own in staves if own]
    if len(sounding) == 1 and len(sounding[0]) == 2:
        return [dict(zip(own, ("right", "left"), strict=False)) for own in staves]
    return [
        {staff: name if len(own) == 1 else f"{name}-staff{staff}" for staff in own}
        for own, name in zip(staves, names, strict=True)
    ]


class _Clock:
    """What turns quarter notes as written into seconds, if they were played once.

    Parameters
    ----------
    marks : dict of float to float
        Quarter notes a minute by rising place. What comes before the first goes at its tempo: mostly it is an upbeat.
    """

    def __init__(self, marks: dict[float, float]) -> None:
        first = next(iter(marks.values()), _USUAL_BPM)
        tempi = {0.0: first, **marks}
        self._places, self._bpm = list(tempi), list(tempi.values())
        spans = zip(self._places, self._places[1:], self._bpm, strict=False)
        self._places_s = [0.0, *accumulate((end - begin) * 60 / bpm for begin, end, bpm in spans)]

    def __call__(self, place: float) -> float:
        last = bisect_right(self._places, place) - 1
        return self._places_s[last] + (place - self._places[last]) * 60 / self._bpm[last]


def _played(
    part: Sequence[Bar], names: dict[int, str], order: Sequence[int], lines: Sequence[float], clock: _Clock
) -> list[WrittenNote]:
    """The notes of a part as often as their bars are played, at the tempo that is written there, with ties joined.

    A tie is joined to what is played next and not to what is written next, which it may be another.
    """
    played: list[WrittenNote] = []
    open_ties: dict[float, list[tuple[int, float]]] = defaultdict(list)
    elapsed = elapsed_s = 0.0
    for number in order:
        begin, end = lines[number], lines[number + 1]
        shift_s = elapsed_s - clock(begin)
        for note in part[number].notes if number < len(part) else ():
            offset_s = shift_s + clock(begin + note.offset)
            index = _continued(note, open_ties[note.pitch], elapsed) if note.tied_from else None
            if index is None:
                index = len(played)
                onset_s = shift_s + clock(begin + note.onset)
                played.append(WrittenNote(onset_s, offset_s, note.pitch, _VELOCITY, names[note.staff]))
            else:
                played[index] = played[index]._replace(offset_s=max(offset_s, played[index].onset_s))
            if note.tied_on:
                open_ties[note.pitch].append((index, elapsed + note.offset))
        elapsed, elapsed_s = elapsed + end - begin, shift_s + clock(end)
    return played


def _continued(note: BarNote, ties: list[tuple[int, float]], elapsed: float) -> int | None:
    """Which of the notes that are tied on ends where this one begins; it is taken out of `ties`."""
    onset = elapsed + note.onset
    ties[:] = [tie for tie in ties if tie[1] > onset - _SAME_PLACE]
    for place, (index, offset) in enumerate(ties):
        if abs(offset - onset) < _SAME_PLACE:
            del ties[place]
            return index
    return None


def _told(unread: Unread) -> list[str]:
    """Remarks on what could not be read."""
    remarks = []
    for what, places in (("tempi", unread.tempi), ("numbers", unread.numbers)):
        texts = [f"{text} in bar {bar}" for bar, text in dict.fromkeys(places)]
        more = f" and {len(texts) - _MOST_TOLD} more" if len(texts) > _MOST_TOLD else ""
        if texts:
            remarks.append(f"{what} that could not be read are passed over: {', '.join(texts[:_MOST_TOLD])}{more}")
    if unread.notes:
        remarks.append(f"{_count(unread.notes)} without a pitch that can be read, left out")
    if unread.lengths:
        remarks.append(
            f"{_count(unread.lengths)} without a duration that can be read, as long as the kind of note says"
        )
    return remarks


def _count(places: Sequence[int]) -> str:
    if len(places) == 1:
        return f"1 note in bar {places[0]} is"
    return f"{len(places)} notes, the first in bar {min(places)}, are"


def _remarks_on_tempo(marks: dict[float, float], unread: bool) -> list[str]:
    if not marks:
        lack = "no tempo mark could be read" if unread else "there are no tempo marks"
        return [f"{lack}: a quarter note lasts {60 / _USUAL_BPM} s"]
    first = min(marks)
    if first > 0:
        return [f"the first tempo mark comes after {first:g} quarter notes, which go at its tempo too"]
    return []


def _remark_on_staves(music: Sequence[Sequence[Bar]]) -> list[str]:
    sounding = [staves for part in music if (staves := {note.staff for bar in part for note in bar.notes})]
    if len(sounding) != 1 or len(sounding[0]) < 2:
        return []
    hint = f"the only part is written on {len(sounding[0])} staves; parts='staff' (--parts staff) makes a part of each"
    return [hint]
