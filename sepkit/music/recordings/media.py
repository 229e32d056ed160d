"""Decoding through PyAV, which brings FFmpeg's libraries: MP4, Matroska, WMA, the sound of video.

It is asked only for containers that are recognised by how they begin, and told which one: FFmpeg's own guessing also
knows playlists, which name other files.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import AudioError
from sepkit.music.recordings.stream import Stream

INSTALL = "pip install 'sepkit[media]'"

_HEAD_BYTES = 400
_BY_START = (
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf", "WMA or WMV"),
    (0, b"\x1a\x45\xdf\xa3", "matroska", "Matroska or WebM"),
    (8, b"AVI ", "avi", "AVI"),
    (0, b"FLV\x01", "flv", "Flash video"),
    (0, b"\x00\x00\x01\xba", "mpeg", "MPEG"),
    (0, b"#!AMR", "amr", "AMR"),
    (0, b"wvpk", "wv", "WavPack"),
    (0, b"MAC ", "ape", "Monkey's Audio"),
    (0, b"TTA1", "tta", "True Audio"),
    (0, b"DSD ", "dsf", "DSD"),
    (0, b"\x0b\x77", "ac3", "AC-3"),
)
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_TS_PACKET_BYTES = 188


def container(file: BinaryIO) -> tuple[str, str] | None:
    """The container that a file begins like, by FFmpeg's name for it and by people's; None if it is none of these."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head[4:8] in _BOXES:
        return "mp4", "MP4"
    if head[: 2 * _TS_PACKET_BYTES + 1 : _TS_PACKET_BYTES] == b"GGG":
        return "mpegts", "MPEG transport stream"
    if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xF6 == 0xF0:
        return "aac", "AAC"
    for place, start, format_name, name in _BY_START:
        if head[place:].startswith(start):
            return format_name, name
    return None


def decode(file: BinaryIO, container: tuple[str, str], files: ExitStack) -> Stream:
    """The recording in a container, or the first one where there are several.

    Parameters
    ----------
    file : binary file
    container : tuple of str
        As the function of this name gives it.
    files : ExitStack
        Closes what is opened on the way.

    Raises
    ------
    AudioError
        If PyAV is not installed, or cannot read it; also from the blocks.
    """
    format_name, name = container
    try:
        import av
    except ImportError as error:
        raise AudioError(f"{name} needs the package 'av': {INSTALL}") from error
    file.seek(0)
    try:
        opened: Any = files.enter_context(av.open(_Readable(file), format=format_name, metadata_errors="replace"))
        if not opened.streams.audio:
            raise AudioError(f"this {name} file holds no sound")
        frames = opened.decode(opened.streams.audio[0])
        # Only what is decoded tells the rate for certain: that of HE-AAC is twice what its header says.
        first = next(frames, None)
    except (av.FFmpegError, ValueError, OSError, RuntimeError) as error:
        raise AudioError(_reason(error)) from error
    if first is None:
        raise AudioError("it holds no samples")
    return Stream(*_kind(first), None, _blocks(itertools.chain([first], frames), _kind(first)))


class _Readable:
    """A file for PyAV, which prints what is raised on the way back from FFmpeg: places that are none are no error."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError:
            return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):
            return -1

    def tell(self) -> int:
        return self._file.tell()


def _blocks(frames: Iterator[Any], kind: tuple[int, int]) -> Iterator[NDArray[np.float32]]:
    import av

    try:
        resampler = av.AudioResampler(format="fltp")
        for frame in frames:
            if _kind(frame) != kind:
                both = f"{kind[0]} channel(s) at {kind[1]} Hz, then {_kind(frame)[0]} at {_kind(frame)[1]} Hz"
                raise AudioError(f"it joins recordings of different kinds, {both}; convert it to WAV")
            # Times do not matter here, and of those that jump the resampler would make an error.
            frame.pts = None
            for planar in resampler.resample(frame):
                yield np.array(planar.to_ndarray(), np.float32)
    except (av.FFmpegError, ValueError, OSError, RuntimeError) as error:
        raise AudioError(_reason(error)) from error


def _kind(frame: Any) -> tuple[int, int]:
    """Channels and rate."""
    return len(frame.layout.channels), frame.sample_rate


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())
