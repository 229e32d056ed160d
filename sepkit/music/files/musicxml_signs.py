"""The signs of repeats and jumps in a MusicXML score; what stands in one part holds for all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from sepkit.music.files.musicxml_tempo import quoted
from sepkit.music.files.repeats import Bar

_SIGNS = ("segno", "coda", "dacapo", "dalsegno", "tocoda", "fine")
_MOST_TIMES = 99
_ROUNDS = re.compile(r"(\d{1,2})(?:\s*-\s*(\d{1,2}))?")
_JUMP = re.compile(r"\b(?:D\.? ?C\.?|D\.? ?S\.?|da capo|dal segno)(?!\w)", re.IGNORECASE)


def bars(parts: Sequence[Sequence[Element]]) -> list[Bar]:
    """The signs of each bar.

    Parameters
    ----------
    parts : sequence of sequence of Element
        The measures of each part.
    """
    found, bracket, rounds, last_round = [], 0, frozenset[int](), 0
    for measures in _together(parts):
        repeats = [repeat for measure in measures for repeat in measure.iterfind("barline/repeat")]
        marks = {mark.get("type"): mark for measure in measures for mark in measure.iterfind("barline/ending")}
        if "start" in marks:
            # A bracket without a number is the next one.
            bracket, rounds = bracket + 1, _rounds(marks["start"].get("number", "")) or frozenset({last_round + 1})
        last_round = max(rounds, default=0)
        found.append(
            Bar(
                begins=any(repeat.get("direction") == "forward" for repeat in repeats),
                times=max((_times(r) for r in repeats if r.get("direction") == "backward"), default=1),
                endings=rounds,
                bracket=bracket if rounds else 0,
                signs=_jumps(measures),
            )
        )
        if {"stop", "discontinue"} & marks.keys():
            rounds = frozenset()
    return found


def unplayed_signs(parts: Sequence[Sequence[Element]]) -> list[str]:
    """Remarks on signs that are not followed, one sentence each."""
    remarks = []
    for number, measures in enumerate(_together(parts), 1):
        words = ["".join(part.itertext()) for m in measures for part in m.iterfind("direction/direction-type/words")]
        jumps = [quoted(text) for text in words if _JUMP.search(text)]
        if jumps and not _jumps(measures) & {"dacapo", "dalsegno"}:
            remarks.append(f"{jumps[0]} in bar {number} is not followed: the file does not say how it sounds")
        if any(m.find("attributes/measure-style/measure-repeat[@type='start']") is not None for m in measures):
            remarks.append(f"the bars that repeat those before bar {number} by a sign are read as they are written")
        if any(line.get("location") == "middle" for m in measures for line in m.iterfind("barline[repeat]")):
            remarks.append(f"the repeat in the middle of bar {number} is played as if it stood at its end")
    return remarks


def _together(parts: Sequence[Sequence[Element]]) -> list[list[Element]]:
    """The measures of all parts, bar by bar."""
    return [
        [measures[number] for measures in parts if number < len(measures)]
        for number in range(max(map(len, parts), default=0))
    ]


def _jumps(measures: Sequence[Element]) -> frozenset[str]:
    sounds = [sound for measure in measures for sound in measure.iter("sound")]
    return frozenset(sign for sound in sounds for sign in _SIGNS if sound.get(sign))


def _times(repeat: Element) -> int:
    times = repeat.get("times", "")
    return min(int(times), _MOST_TIMES) if times.isdecimal() and len(times) < 9 else 2


def _rounds(number: str) -> frozenset[int]:
    """The rounds that a bracket such as ``1, 2`` or ``1-3`` stands for."""
    spans = [(int(first), int(last or first)) for first, last in _ROUNDS.findall(number)]
    return frozenset(round_ for first, last in spans for round_ in range(first, last + 1))
