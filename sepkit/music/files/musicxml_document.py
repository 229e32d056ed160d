"""The document of a MusicXML file, in the subset of MusicXML that partitura hears."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

from sepkit.music.files.names import distinct, general_midi_name
from sepkit.music.files.repeats import Bar

_QUARTERS = {"breve": 8, "whole": 4, "half": 2, "quarter": 1, "eighth": 1 / 2, "16th": 1 / 4, "32nd": 1 / 8}
_STEPS = ("C", "C", "D", "D", "E", "F", "F", "G", "G", "A", "A", "B")
_SIGNS = ("segno", "coda", "dacapo", "dalsegno", "tocoda", "fine")
_MOST_TIMES = 99


def parsed(path: Path) -> Any:
    """The element tree of ``.musicxml``, ``.xml`` or ``.mxl``."""
    from lxml import etree

    # Files come from strangers: nothing is expanded and nothing fetched.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    if not zipfile.is_zipfile(path):
        return etree.parse(str(path), parser)
    with zipfile.ZipFile(path) as archive:
        with archive.open("META-INF/container.xml") as container:
            root = etree.parse(container, parser).find(".//{*}rootfile")
        with archive.open(root.get("full-path")) as score:
            return etree.parse(score, parser)


def make_plain(document: Any) -> None:
    """Write what sounds in ways that partitura reads, and take out what does not sound.

    Octaves of a transposition become semitones, metronome marks become tempi, drums get the key that plays them,
    quarter tones the semitone below, and cues and signs in front of notes go.
    """
    for transpose in document.iter("transpose"):
        semitones = int(transpose.findtext("chromatic", "0")) + 12 * int(transpose.findtext("octave-change", "0"))
        _put(transpose, "chromatic", str(semitones))
    for direction in document.iter("direction"):
        _play_metronome(direction)
    keys = {e.get("id"): e.findtext("midi-unpitched") for e in document.iter("midi-instrument")}
    for note in list(document.iter("note")):
        if note.find("cue") is not None:
            _silence(note)
        elif note.find("unpitched") is not None:
            _pitch_drum(note, keys)
        # Semitones are in <alter>; the sign may say less, or be one that no semitone has.
        for sign in note.findall("accidental"):
            note.remove(sign)
        for alter in note.iter("alter"):
            alter.text = str(int(float(alter.text) // 1))


def part_names(document: Any, *, by_instrument: bool) -> dict[str, str]:
    """Names of the parts by their identifiers.

    Parameters
    ----------
    document : lxml.etree.ElementTree
    by_instrument : bool
        Their General MIDI instruments where the file says so; else each part has a name of its own.
    """
    parts = document.findall("part-list/score-part")
    titles = {part.get("id"): " ".join(part.findtext("part-name", "").split()) or part.get("id") for part in parts}
    if not by_instrument:
        return dict(zip(titles, distinct(titles.values()), strict=True))
    for part in parts:
        channel, program = part.findtext("midi-instrument/midi-channel"), part.findtext("midi-instrument/midi-program")
        if channel == "10" or program:
            titles[part.get("id")] = general_midi_name(int(program or 1) - 1, drums=channel == "10")
    return titles


def bars(document: Any) -> list[Bar]:
    """The signs of repeats and jumps; what stands in one part holds for all."""
    parts = [part.findall("measure") for part in document.findall("part")]
    found, brackets, endings = [], 0, frozenset[int]()
    for number in range(max(map(len, parts), default=0)):
        measures = [part[number] for part in parts if number < len(part)]
        repeats = [repeat for measure in measures for repeat in measure.iterfind("barline/repeat")]
        marks = {mark.get("type"): mark for measure in measures for mark in measure.iterfind("barline/ending")}
        if "start" in marks:
            brackets, endings = brackets + 1, frozenset(map(int, re.findall(r"\d+", marks["start"].get("number", ""))))
        found.append(
            Bar(
                begins=any(repeat.get("direction") == "forward" for repeat in repeats),
                times=max(
                    [min(int(r.get("times", 2)), _MOST_TIMES) for r in repeats if r.get("direction") == "backward"],
                    default=1,
                ),
                endings=endings,
                bracket=brackets if endings else 0,
                signs=frozenset(
                    sign
                    for measure in measures
                    for sound in measure.iter("sound")
                    for sign in _SIGNS
                    if sound.get(sign)
                ),
            )
        )
        if {"stop", "discontinue"} & marks.keys():
            endings = frozenset()
    return found


def _put(parent: Any, tag: str, text: str) -> None:
    child = parent.find(tag)
    if child is None:
        child = parent.makeelement(tag)
        parent.append(child)
    child.text = text


def _play_metronome(direction: Any) -> None:
    mark = direction.find("direction-type/metronome")
    beats = mark.findtext("per-minute", "") if mark is not None else ""
    if not beats.replace(".", "", 1).isdecimal() or direction.find("sound[@tempo]") is not None:
        return
    beat = _QUARTERS.get(mark.findtext("beat-unit"), 1) * (1.5 if mark.find("beat-unit-dot") is not None else 1)
    direction.append(direction.makeelement("sound", tempo=str(float(beats) * beat)))


def _silence(note: Any) -> None:
    """A cue is a note that others play: it leaves its time behind."""
    if note.find("chord") is not None or note.find("duration") is None:
        note.getparent().remove(note)
        return
    note.tag = "forward"
    for child in list(note):
        if child.tag != "duration":
            note.remove(child)


def _pitch_drum(note: Any, keys: dict[str, str | None]) -> None:
    """Give a drum the key that plays it, as MIDI does, or else the pitch of its place on the staff."""
    unpitched, instrument = note.find("unpitched"), note.find("instrument")
    key = None if instrument is None else keys.get(instrument.get("id"))
    step, octave = unpitched.findtext("display-step", "B"), unpitched.findtext("display-octave", "4")
    alter = 0
    for child in list(unpitched):
        unpitched.remove(child)
    if key is not None:
        # MusicXML counts keys from 1.
        octaves, semitone = divmod(int(key) - 1, 12)
        step, octave = _STEPS[semitone], str(octaves - 1)
        alter = int(semitone in (1, 3, 6, 8, 10))
    unpitched.tag = "pitch"
    for tag, text in (("step", step), ("alter", str(alter)), ("octave", octave)):
        _put(unpitched, tag, text)
