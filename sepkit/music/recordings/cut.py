"""How many bytes of samples a header announces, for kinds of files that libsndfile reads as far as they go, silently.

References
----------
IBM and Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991 (WAV).
EBU Tech 3306, "RF64: an extended file format for audio", 2009.
Apple, "Audio Interchange File Format: AIFF", version 1.3, 1989.
Sonic Foundry, "Wave64", 2000.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from sepkit.music.recordings import wav
from sepkit.music.recordings.wav import Chunk, chunks

_UNKNOWN = 0x7FFF0000
"""Sizes from here on are written by programs that do not know how much will come."""
_IN_DS64 = 0xFFFFFFFF
_W64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
_W64_HEADER_BYTES = 40
_SSND_HEADER_BYTES = 8


def cut_off(file: BinaryIO) -> tuple[int, int] | None:
    """How many bytes of samples the header announces and how many there are, where these are fewer.

    None for other kinds of files too.
    """
    samples = _samples(file)
    if samples is None:
        return None
    there = file.seek(0, 2) - samples.start
    return (samples.size, there) if 0 < there < samples.size else None


def _samples(file: BinaryIO) -> Chunk | None:
    """Where the samples are, by the header; None where it does not tell."""
    file.seek(0)
    head = file.read(_W64_HEADER_BYTES)
    if wav.is_wav(head):
        return _known(_first(chunks(file), b"data"))
    if head[:4] in (b"RF64", b"BW64"):
        return _rf64(file)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        sound = _known(_first(chunks(file, order=">"), b"SSND"))
        return sound and Chunk(sound.name, sound.start + _SSND_HEADER_BYTES, sound.size - _SSND_HEADER_BYTES)
    if head.startswith(_W64_RIFF):
        return _first(_w64_chunks(file), _W64_DATA)
    if head[:4] in (b".snd", b"dns.") and len(head) >= 12:
        start, size = struct.unpack(">II" if head[:1] == b"." else "<II", head[4:12])
        return _known(Chunk(b"", start, size))
    return None


def _first(found: Iterator[Chunk], name: bytes) -> Chunk | None:
    return next((chunk for chunk in found if chunk.name == name), None)


def _known(samples: Chunk | None) -> Chunk | None:
    return samples if samples and samples.size < _UNKNOWN else None


def _rf64(file: BinaryIO) -> Chunk | None:
    """The size of what is too large for a chunk's header stands in a chunk of its own."""
    large = None
    for chunk in chunks(file):
        if chunk.name == b"ds64":
            file.seek(chunk.start + 8)
            content = file.read(8)
            large = struct.unpack("<Q", content)[0] if len(content) == 8 else None
        elif chunk.name == b"data":
            size = large if chunk.size == _IN_DS64 else chunk.size
            return None if size is None else Chunk(chunk.name, chunk.start, size)
    return None


def _w64_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Names of 16 bytes, sizes that count the header, places that are multiples of eight."""
    place, end = _W64_HEADER_BYTES, file.seek(0, 2)
    for _ in range(wav.MOST_CHUNKS):
        if place + 24 > end:
            return
        file.seek(place)
        header = file.read(24)
        name, size = struct.unpack("<16sQ", header)
        yield Chunk(name, place + 24, size - 24)
        place += max(24, -(-size // 8) * 8)
