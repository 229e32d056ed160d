"""Chained MP3: recordings joined end to end in one file, of which decoders read the first alone.

The first frame of a recording may hold, in place of sound, a table by Xing or LAME: how many frames there are, after
which decoders end, and how many bytes.
"""

from __future__ import annotations

import itertools
import struct
from typing import BinaryIO

_LAYER_III = 0b01
_MPEG_1 = 0b11
_MONO = 0b11
_TABLES = b"Xing", b"Info"
_HAS_FRAMES, _HAS_BYTES = 1, 2
_ID3, _ID3_HEADER_BYTES = b"ID3", 10
_OLD_ID3, _OLD_ID3_BYTES = b"TAG", 128
_TABLE_BYTES = 64


def links(file: BinaryIO) -> list[tuple[int, int]]:
    """Where each of the chained recordings starts and ends, in bytes; one for the whole file where it is no chain."""
    size = file.seek(0, 2)
    starts = [0]
    while (end := _end(file, starts[-1])) is not None:
        # A tag of the first version stands at the end of its recording.
        end += _OLD_ID3_BYTES if _at(file, end, len(_OLD_ID3)) == _OLD_ID3 else 0
        # Not whatever follows is a recording: tables may count less than there is.
        if _end(file, end) is None:
            break
        starts.append(end)
    return list(itertools.pairwise([*starts, size]))


def _end(file: BinaryIO, start: int) -> int | None:
    """The byte at which a recording ends by its table; None where it has none, or there is no recording."""
    tag = _at(file, start, _ID3_HEADER_BYTES)
    if tag.startswith(_ID3) and len(tag) == _ID3_HEADER_BYTES:
        start += _ID3_HEADER_BYTES + sum(byte << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
    frame = _at(file, start, _TABLE_BYTES)
    if len(frame) < _TABLE_BYTES or frame[0] != 0xFF or frame[1] < 0xE0 or (frame[1] >> 1) & 3 != _LAYER_III:
        return None
    mono = frame[3] >> 6 == _MONO
    side_bytes = (17 if mono else 32) if (frame[1] >> 3) & 3 == _MPEG_1 else (9 if mono else 17)
    name, flags, _, count = struct.unpack_from(">4sIII", frame, 4 + side_bytes)
    known = flags & _HAS_FRAMES and flags & _HAS_BYTES
    return start + count if name in _TABLES and known and count else None


def _at(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)
