"""Notes as files have them, repaired into valid notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sepkit.errors import SideInformationError
from sepkit.music.note import Note
from sepkit.opening import composed

SHORTEST_S = 0.03
"""How long a note of zero length is made to last: about as long as the attack by which it is heard."""

_ROUNDING_S = 1e-3

_MENDS = {
    "pitch": ("note with a pitch outside 0 to 127 is left out", "notes with a pitch outside 0 to 127 are left out"),
    "past": ("note that ends before 0 s is left out", "notes that end before 0 s are left out"),
    "early": ("note that begins before 0 s now begins there", "notes that begin before 0 s now begin there"),
    "length": ("note of zero length now lasts 30 ms", "notes of zero length now last 30 ms"),
    "twice": ("note that occurs twice is kept once", "notes that occur twice are kept once"),
}


class WrittenNote(NamedTuple):
    """A note as a file has it: times may be negative or equal, and the pitch any number."""

    onset_s: float
    offset_s: float
    pitch: float
    velocity: int
    part: str


def mended(written: Iterable[WrittenNote]) -> tuple[tuple[Note, ...], tuple[str, ...]]:
    """Make valid notes of those that a file has.

    Returns
    -------
    notes : tuple of Note
    remarks : tuple of str
        What had to be repaired, one sentence for each kind.

    Raises
    ------
    SideInformationError
        If a note cannot be mended: it ends before it begins, or is not a number.
    """
    notes: dict[tuple[str, float, float, float], Note] = {}
    mends: dict[str, list[float]] = {kind: [] for kind in _MENDS}
    for number, (onset_s, offset_s, pitch, velocity, part) in enumerate(written, 1):
        if pitch < 0 or pitch > 127:
            mends["pitch"].append(onset_s)
            continue
        if onset_s < 0 and onset_s <= offset_s:
            if offset_s <= 0:
                mends["past"].append(onset_s)
                continue
            mends["early"].append(onset_s)
            onset_s = 0.0
        if onset_s == offset_s:
            mends["length"].append(onset_s)
            offset_s = onset_s + SHORTEST_S
        # Names that look alike are one, however their accents are coded.
        part = composed(part)
        key = (part, pitch, onset_s, offset_s)
        if key in notes:
            mends["twice"].append(onset_s)
            continue
        try:
            notes[key] = Note(onset_s, offset_s, pitch, velocity, part)
        except SideInformationError as error:
            raise SideInformationError(f"note {number}: {error}") from error
    return tuple(notes.values()), tuple(remark(times, *_MENDS[kind]) for kind, times in mends.items() if times)


def overlaps(notes: Iterable[Note]) -> tuple[str, ...]:
    """A remark on notes that begin while their part still plays their pitch, if there are any."""
    sounds_until_s: dict[tuple[str, float], float] = {}
    times_s = []
    for note in sorted(notes):
        voice = note.part, note.pitch
        until_s = sounds_until_s.get(voice, 0.0)
        # Files give times in rounded decimals.
        if note.onset_s < until_s - _ROUNDING_S:
            times_s.append(note.onset_s)
        sounds_until_s[voice] = max(until_s, note.offset_s)
    same = "while its part still plays the same pitch", "while their part still plays the same pitch"
    return (remark(times_s, f"note begins {same[0]}", f"notes begin {same[1]}"),) if times_s else ()


def remark(times_s: Sequence[float], one: str, several: str) -> str:
    """One sentence with how many notes it is about and when the first of them begins."""
    first = f"{min(times_s):.2f} s"
    return f"1 {one}, at {first}" if len(times_s) == 1 else f"{len(times_s)} {several}, the first at {first}"
