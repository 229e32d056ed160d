"""Chained Ogg: recordings joined end to end in one file, as internet radio leaves them.

References
----------
RFC 3533, "The Ogg Encapsulation Format Version 0", 2003.
"""

from __future__ import annotations

import itertools
from typing import BinaryIO

MAGIC = b"OggS"
_VERSION = b"\0"
_HEADER_BYTES = 27
_BEGINS = 2
_ENDS = 4
_SEARCH_BYTES = 1 << 16


def links(file: BinaryIO) -> list[tuple[int, int]]:
    """Where each of the chained recordings starts and ends, in bytes."""
    starts: list[int] = []
    beginning = False
    size = file.seek(0, 2)
    place = 0
    while place < size:
        file.seek(place)
        header = file.read(_HEADER_BYTES)
        if not header.startswith(MAGIC + _VERSION):
            place = _next_page(file, place + 1, size)
            continue
        if len(header) < _HEADER_BYTES:
            break
        begins = bool(header[5] & _BEGINS)
        # The streams that sound together, such as sound and picture, all begin before any goes on.
        if begins and not beginning:
            starts.append(place)
        beginning = begins
        lengths = file.read(header[26])
        place += _HEADER_BYTES + len(lengths) + sum(lengths)
    starts.append(size)
    return list(itertools.pairwise(starts))


def is_cut_off(file: BinaryIO) -> bool:
    """Whether the last page is not there whole, or not marked as the last."""
    size = file.seek(0, 2)
    begin = max(0, size - 2 * _SEARCH_BYTES)
    file.seek(begin)
    tail = file.read()
    place = tail.rfind(MAGIC + _VERSION)
    header = tail[place : place + _HEADER_BYTES] if place >= 0 else b""
    if len(header) < _HEADER_BYTES:
        return True
    lengths = tail[place + _HEADER_BYTES : place + _HEADER_BYTES + header[26]]
    whole = len(lengths) == header[26] and place + _HEADER_BYTES + len(lengths) + sum(lengths) <= len(tail)
    return not (whole and header[5] & _ENDS)


def _next_page(file: BinaryIO, place: int, size: int) -> int:
    while place < size:
        file.seek(place)
        block = file.read(_SEARCH_BYTES)
        found = block.find(MAGIC)
        if found >= 0:
            return place + found
        place += max(1, len(block) - len(MAGIC) + 1)
    return size
