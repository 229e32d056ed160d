"""MIDI files as events, read so that damage costs no more than what is damaged.

Of all that a file can hold only messages of channels, tempi, ports, names and texts concern notes. The rest is stepped
over without a look inside, so that a key signature of 18 flats, an alien chunk or a wrong length costs nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sepkit.errors import SideInformationError, reason_of
from sepkit.opening import composed, opened

META, TEXT, NAME, PORT, TEMPO, END = 0xFF, 0x01, 0x03, 0x21, 0x51, 0x2F

_MOST_BYTES = 10_000_000
_LONGEST_WRAPPING = 4096
"""Before the header may stand that of RIFF, or of an old Macintosh."""

_USUAL_LENGTHS = {0x00: 2, 0x20: 1, PORT: 1, END: 0, TEMPO: 3, 0x54: 5, 0x58: 4, 0x59: 2}
_SYSTEM_EXCLUSIVE, _ESCAPE = 0xF0, 0xF7
_SYSTEM_LENGTHS = {0xF1: 1, 0xF2: 2, 0xF3: 1}
"""Bytes after other messages of the system, which no file should have; the others have none."""


class Event(NamedTuple):
    """A message of a channel, or a meta event whose first byte is its kind, and its ticks since the beginning."""

    tick: int
    status: int
    data: bytes

    @property
    def kind(self) -> int:
        """The message, whatever its channel."""
        return self.status & 0xF0

    @property
    def channel(self) -> int:
        """From 0."""
        return self.status & 0x0F


@dataclass
class Track:
    """The events of a track.

    Attributes
    ----------
    number : int
        From 1.
    events : list of Event
    end : int
        The tick at which it ends.
    fault : str
        Why it could not be read further, or empty.
    clipped : int
        How many messages have a value above 127, which is read as 127.
    """

    number: int
    events: list[Event] = field(default_factory=list)
    end: int = 0
    fault: str = ""
    clipped: int = 0

    def meta(self, kind: int) -> Iterable[tuple[int, bytes]]:
        """Ticks and contents of all meta events of a kind."""
        return ((event.tick, event.data[1:]) for event in self.events if event.status == META and event.data[0] == kind)

    @property
    def title(self) -> str:
        """Its name: mostly UTF-8, or else the Latin-1 that MIDI itself knows."""
        raw = next((name for _, name in self.meta(NAME)), b"")
        try:
            text = raw.decode()
        except UnicodeError:
            text = raw.decode("latin-1")
        return composed("".join(character if character.isprintable() else " " for character in text).strip())

    @property
    def port(self) -> int:
        """What it is connected to."""
        return next((port[0] for _, port in self.meta(PORT) if port), 0)


@dataclass(frozen=True)
class MidiFile:
    """A file of format 0, 1 or 2.

    Attributes
    ----------
    format : int
    division : int
        Ticks a quarter note; if negative, minus the frames a second in the upper byte and ticks a frame in the lower.
    tracks : tuple of Track
    promised : int
        How many tracks the file says that it has.
    """

    format: int
    division: int
    tracks: tuple[Track, ...]
    promised: int


def read_file(path: Path) -> MidiFile:
    """Read all tracks that are there.

    Raises
    ------
    SideInformationError
        If the file cannot be read, is too large, is no MIDI file, or says nothing of how long a tick is.
    """
    with opened(path, "score", SideInformationError) as file:
        try:
            data = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise SideInformationError(f"cannot read {path} as MIDI: {reason_of(error)}") from error
    if len(data) > _MOST_BYTES:
        raise SideInformationError(f"cannot read {path} as MIDI: it is larger than {_MOST_BYTES // 1_000_000} MB")
    start = data.find(b"MThd", 0, _LONGEST_WRAPPING)
    if start < 0:
        raise SideInformationError(f"cannot read {path} as MIDI: it has no header MThd; is it another kind of file?")
    if len(data) < start + 14:
        raise SideInformationError(f"cannot read {path} as MIDI: the file ends too early, within its header")
    length, format_, promised, division = struct.unpack(">IHHh", data[start + 4 : start + 14])
    if division == 0 or (division < 0 and division & 0xFF == 0):
        raise SideInformationError(f"cannot read {path} as MIDI: its header gives ticks no length")
    return MidiFile(format_, division, tuple(_tracks(data, start + 14, start + 8 + length)), promised)


def _tracks(data: bytes, at: int, stop: int) -> Iterable[Track]:
    """The tracks after the header, which is read up to `at` and says that it ends at `stop`."""
    number = 0
    while (at := stop if stop >= at and _begins_chunk(data, stop) else data.find(b"MTrk", at)) >= 0:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        at, stop = at + 8, at + 8 + length
        if kind == b"MTrk":
            number += 1
            track, at = _track(number, data, at, stop)
            yield track


def _begins_chunk(data: bytes, at: int) -> bool:
    return at + 8 <= len(data) and all(32 <= byte < 127 for byte in data[at : at + 4])


def _track(number: int, data: bytes, at: int, stop: int) -> tuple[Track, int]:
    """Read events to the end mark, whatever the length of the track is said to be; where it ended."""
    track, running = Track(number), 0
    try:
        while data[at : at + 4] != b"MTrk" and not (at == stop and (at == len(data) or _begins_chunk(data, at))):
            delta, at = _number(data, at)
            track.end += delta
            status = data[at]
            if status >= 0x80:
                at += 1
            elif running:
                status = running
            else:
                raise ValueError("a message has no status")
            if status == META:
                kind = data[at]
                length, at = _number(data, at + 1)
                if at + length > len(data):
                    length = _USUAL_LENGTHS.get(kind, length)
                content, at = _block(data, at, length)
                if kind == END:
                    if stop > len(data):
                        track.fault = f"promises {stop - at} bytes more, for which the file ends too early"
                    break
                track.events.append(Event(track.end, META, bytes([kind]) + content))
            elif status in (_SYSTEM_EXCLUSIVE, _ESCAPE):
                length, at = _number(data, at)
                _, at = _block(data, at, length)
            elif status > _SYSTEM_EXCLUSIVE:
                at += _SYSTEM_LENGTHS.get(status, 0)
            else:
                running = status
                content, at = _block(data, at, 1 if status & 0xE0 == 0xC0 else 2)
                if not content.isascii():
                    track.clipped += 1
                    content = bytes(min(byte, 127) for byte in content)
                track.events.append(Event(track.end, status, content))
    except IndexError:
        track.fault = "is cut: the file ends too early"
    except ValueError as error:
        track.fault = f"is damaged, and what follows in it is left out: {error}"
    return track, min(at, len(data))


def _block(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if at + length > len(data):
        raise IndexError
    return data[at : at + length], at + length


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = 0
    for place in range(at, at + 4):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    raise ValueError("a number has more than four bytes")
