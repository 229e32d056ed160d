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
_ID3, _ID3_HEADER_BYTES, _ID3_HAS_FOOTER = b"ID3", 10, 0x10
_OLD_ID3, _OLD_ID3_BYTES = b"TAG", 128
_APE, _APE_HEADER_BYTES = b"APETAGEX", 32
_TABLE_BYTES = 64


def links(file: BinaryIO) -> list[tuple[int, int]]:
    """Where each of the chained recordings starts and ends, in bytes; one for the whole file where it is no chain."""
    size = file.seek(0, 2)
    starts = [0]
    # Without a table nobody knows where a recording ends: it is the last.
    while (end := _end(file, starts[-1])) is not None and _is_frame(_at(file, next_one := _behind_tags(file, end), 4)):
        starts.append(next_one)
    return list(itertools.pairwise([*starts, size]))


def is_cut_off(file: BinaryIO, start: int, stop: int) -> bool:
    """Whether a link has fewer bytes than its table says."""
    end = _end(file, start)
    return end is not None and end > stop


def _end(file: BinaryIO, start: int) -> int | None:
    """The byte at which a recording ends by its table; None where it has none, or there is no recording."""
    start = _behind_tags(file, start)
    frame = _at(file, start, _TABLE_BYTES)
    if len(frame) < _TABLE_BYTES or not _is_frame(frame):
        return None
    mono, checksum_bytes = frame[3] >> 6 == _MONO, 0 if frame[1] & 1 else 2
    side_bytes = (17 if mono else 32) if (frame[1] >> 3) & 3 == _MPEG_1 else (9 if mono else 17)
    name, flags, _, count = struct.unpack_from(">4sIII", frame, 4 + checksum_bytes + side_bytes)
    known = flags & _HAS_FRAMES and flags & _HAS_BYTES
    return start + count if name in _TABLES and known and count else None


def _behind_tags(file: BinaryIO, place: int) -> int:
    """The first byte from a place on that is of no tag."""
    while True:
        head = _at(file, place, _APE_HEADER_BYTES)
        if head.startswith(_ID3) and len(head) >= _ID3_HEADER_BYTES:
            place += _ID3_HEADER_BYTES * (2 if head[5] & _ID3_HAS_FOOTER else 1)
            place += sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        elif head.startswith(_OLD_ID3):
            place += _OLD_ID3_BYTES
        elif head.startswith(_APE) and len(head) == _APE_HEADER_BYTES:
            # Of what follows the header, its footer included.
            (size,) = struct.unpack_from("<I", head, 12)
            place += _APE_HEADER_BYTES + size
        else:
            return place


def _is_frame(head: bytes) -> bool:
    """Whether bytes begin a frame of layer III, of a known bit rate and sample rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0 or (head[1] >> 1) & 3 != _LAYER_III:
        return False
    return 0 < head[2] >> 4 < 15 and (head[2] >> 2) & 3 < 3 and (head[1] >> 3) & 3 != 1


def _at(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)
