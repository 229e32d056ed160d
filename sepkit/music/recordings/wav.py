"""The chunks of WAV files, for what libsndfile has no words for: headers that recorders and pipes left unfinished.

References
----------
IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

_HEADER_BYTES = 12
_LARGEST = 0xFFFFFFFF
MOST_CHUNKS = 10_000


class Chunk(NamedTuple):
    """One chunk: its name, where its content begins and how many bytes it says it has."""

    name: bytes
    start: int
    size: int


def is_wav(head: bytes) -> bool:
    """Whether a file that begins like this is WAV."""
    return head[:4] in (b"RIFF", b"RIFX") and head[8:12] == b"WAVE"


def fault(file: BinaryIO) -> str | None:
    """Why no samples can be had from a WAV file, in a few words; None if its chunks look right."""
    found = list(chunks(file))
    names = [chunk.name for chunk in found]
    if b"fmt " not in names:
        return "its header does not tell its format (no 'fmt ' chunk)"
    if b"data" not in names:
        return "its chunks do not lead to any samples (no 'data' chunk)"
    if names.index(b"data") < names.index(b"fmt "):
        return "its samples come before their format"
    if names.count(b"data") > 1:
        return f"it holds samples in {names.count(b'data')} places ('data' chunks) where one is allowed"
    file.seek(found[names.index(b"fmt ")].start)
    form = file.read(16)
    if len(form) == 16:
        channels, rate = struct.unpack(f"{_order(file)}2xHI8x", form)
        if rate == 0 or channels == 0:
            return f"its header says {channels} channel(s) at {rate} Hz"
    return None


def unfinished(file: BinaryIO) -> tuple[int, bytes] | None:
    """The size that a recorder which lost power did not write: where it belongs, and its bytes.

    None unless the last chunk is one of samples, says that it is empty, and is followed by what is no chunk.
    """
    for chunk in chunks(file):
        end = file.seek(0, 2)
        if chunk.name == b"data" and chunk.size == 0 and end > chunk.start:
            rest = list(chunks(file, chunk.start))
            whole = rest and all(_is_name(one.name) and one.start + one.size <= end for one in rest)
            if not whole:
                return chunk.start - 4, struct.pack(f"{_order(file)}I", min(end - chunk.start, _LARGEST))
    return None


def chunks(file: BinaryIO, place: int = _HEADER_BYTES, order: Literal["<", ">"] | None = None) -> Iterator[Chunk]:
    """The chunks from a place on, with integers in the order of the file's first four bytes where none is given."""
    header_form = f"{order or _order(file)}4sI"
    for _ in range(MOST_CHUNKS):
        file.seek(place)
        header = file.read(8)
        if len(header) < 8:
            return
        name, size = struct.unpack(header_form, header)
        yield Chunk(name, place + 8, size)
        place += 8 + size + size % 2


def _is_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name)


def _order(file: BinaryIO) -> str:
    file.seek(0)
    return ">" if file.read(4) == b"RIFX" else "<"
