"""How fast a score is to be played, as MusicXML says it: by what sounds, by a metronome mark or in words."""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.etree.ElementTree import Element

QUARTERS = {
    "breve": 8.0,
    "whole": 4.0,
    "half": 2.0,
    "quarter": 1.0,
    "eighth": 1 / 2,
    "16th": 1 / 4,
    "32nd": 1 / 8,
    "64th": 1 / 16,
}
"""How many quarter notes each kind of note lasts."""

_SIGNS = {
    **dict.fromkeys("\U0001d15d\ueca2", 4.0),
    **dict.fromkeys("\U0001d157\U0001d15e\ueca3\ueca4", 2.0),
    **dict.fromkeys("♩\U0001d158\U0001d15f\ueca5\ueca6", 1.0),
    **dict.fromkeys("♪\U0001d160\ueca7\ueca8", 1 / 2),
    **dict.fromkeys("\U0001d161\ueca9\uecaa", 1 / 4),
}
"""Notes within words: Unicode's and those of music fonts (SMuFL)."""
_DOTS = ".\u00b7\U0001d16d\uecb7"

_NUMBER = r"\d+(?:[.,]\d+)?"
_RANGE = re.compile(rf"({_NUMBER})(?:\s*(?:-|\u2010|\u2011|\u2013|\u2014|~|/|\bto\b|\bbis\b)\s*({_NUMBER}))?")
_EQUATION = re.compile(rf"([{''.join(_SIGNS)}])[\U0001d165\s]*([{re.escape(_DOTS)}]?)\s*=(.*)", re.DOTALL)
_BARE_EQUATION = re.compile(r"=\D{0,8}\d")

_SLOWEST, _FASTEST = 1.0, 2000.0
_LONGEST_TEXT = 40


class TempoMark(NamedTuple):
    """A tempo in quarter notes a minute, or none and what could not be read."""

    quarters: float | None
    unread: str = ""


def tempo_mark(element: Element) -> TempoMark:
    """The tempo of a ``<direction>`` or a ``<sound>``.

    What sounds goes before what is printed, and a metronome mark before words; where one cannot be read, the next is.

    Returns
    -------
    mark : TempoMark
        Without number and text if there is none.
    """
    unread = ""
    sound = element if element.tag == "sound" else next(element.iter("sound"), None)
    if sound is not None and sound.get("tempo") is not None:
        text = sound.get("tempo", "")
        if (quarters := _quarters(text, 1)) is not None:
            return TempoMark(quarters)
        unread = quoted(text)
    for metronome in element.iter("metronome"):
        text = metronome.findtext("per-minute", "")
        if (quarters := _quarters(text, _beat(metronome))) is not None:
            return TempoMark(quarters)
        unread = unread or (quoted(text) if text.strip() else "a metronome mark without a number")
    words = " ".join("".join(word.text or "" for word in element.iter("words")).split())
    if equation := _EQUATION.search(words):
        sign, dot, text = equation.groups()
        if (quarters := _quarters(text, _SIGNS[sign] * (1.5 if dot else 1))) is not None:
            return TempoMark(quarters)
    if "=" in words and (equation or _BARE_EQUATION.search(words)):
        unread = unread or quoted(words)
    return TempoMark(None, unread)


def _beat(metronome: Element) -> float:
    """The quarter notes of the first beat unit, with its dots."""
    beat, dots = 1.0, 0
    units = [child for child in metronome if child.tag in ("beat-unit", "beat-unit-dot")]
    if units:
        beat = QUARTERS.get((units[0].text or "").strip(), 1.0)
    for unit in units[1:]:
        if unit.tag != "beat-unit-dot":
            break
        dots += 1
    return dotted(beat, dots)


def dotted(quarters: float, dots: int) -> float:
    """A note with dots, each of which adds half of what the last one did."""
    return quarters * (2 - 0.5 ** min(dots, 8))


def quoted(text: str) -> str:
    """A text of a file, short enough for a message."""
    return f"'{' '.join(text.split())[:_LONGEST_TEXT]}'"


def _quarters(text: str, beat: float) -> float | None:
    """The number in a text, or the middle of a range, as quarter notes a minute."""
    found = _RANGE.search(text)
    if found is None:
        return None
    low, high = (float(number.replace(",", ".")) for number in (found[1], found[2] or found[1]))
    quarters = (low + high) / 2 * beat
    return quarters if _SLOWEST <= quarters <= _FASTEST else None
