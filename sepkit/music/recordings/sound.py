"""Recordings in files of any kind, from start to end or in any order.

What a header says of the length is not relied on: it is unknown in FLAC that went through a pipe, missing where a
recorder lost power, and tells of the first link only in a chain of Ogg or MP3. Recordings are decoded until they end.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import AudioError, reason_of
from sepkit.music.recordings import media, sndfile
from sepkit.music.recordings.stream import Stream
from sepkit.opening import opened

_KNOWN = "a WAV, FLAC, OGG, MP3 or AIFF file"
_HEADERLESS = (".raw", ".pcm", ".vox", ".gsm")
_ITEM_BYTES = np.dtype(np.float32).itemsize


@contextmanager
def streamed(path: Path) -> Iterator[Stream]:
    """Open a recording to decode it from its start.

    Raises
    ------
    AudioError
        If the file is missing or not audio, also when that shows only while it is decoded.
    """
    with opened(path, "audio file", AudioError) as file, ExitStack() as files:
        with _named(path):
            stream = _decoded(file, files)
        yield replace(stream, blocks=_naming(stream, path))


class Sound(ABC):
    """A recording whose samples can be had in any order.

    Attributes
    ----------
    channels, sample_rate, length : int
    missing : str
        What to say of a recording that was cut off; empty for others.
    """

    channels: int
    sample_rate: int
    length: int
    missing: str = ""

    @abstractmethod
    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Samples from `start` to before `stop`, both within the recording [shape=(channels, samples)]."""


@contextmanager
def opened_sound(path: Path) -> Iterator[Sound]:
    """Open a recording to read its samples in any order.

    Where a format does not allow that, it is decoded to a temporary file first.

    Raises
    ------
    AudioError
        If the file is missing, not audio, or cut off.
    """
    with opened(path, "audio file", AudioError) as file, ExitStack() as files:
        with _named(path):
            sound = _in_place(file, files) or _spooled(_decoded(file, files), files)
        if sound.missing:
            raise AudioError(f"cannot use {path}: it {sound.missing}")
        yield sound


class _InPlace(Sound):
    def __init__(self, file: Any) -> None:
        self._file = file
        self.channels, self.sample_rate, self.length = file.channels, file.samplerate, file.frames

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        return sndfile.read_at(self._file, start, stop)


class _Spooled(Sound):
    def __init__(self, file: Any, channels: int, sample_rate: int, length: int, missing: str) -> None:
        self._file = file
        self.channels, self.sample_rate, self.length, self.missing = channels, sample_rate, length, missing

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        self._file.seek(start * self.channels * _ITEM_BYTES)
        return np.fromfile(self._file, np.float32, (stop - start) * self.channels).reshape(-1, self.channels).T


def _decoded(file: BinaryIO, files: ExitStack) -> Stream:
    container = media.container(file)
    return sndfile.decode(file, files) if container is None else media.decode(file, container, files)


def _in_place(file: BinaryIO, files: ExitStack) -> Sound | None:
    """The recording where its file itself can be read in any order; what is wrong with others shows in decoding."""
    if media.container(file) is not None or sndfile.is_cut_off(file):
        return None
    with ExitStack() as attempt:
        try:
            sound = attempt.enter_context(sndfile.open_sndfile(file))
            _ = Stream(sound.channels, sound.samplerate, None, iter(()))
        except AudioError:
            return None
        if not sndfile.seeks_exactly(sound):
            return None
        files.push(attempt.pop_all())
        return _InPlace(sound)


def _spooled(stream: Stream, files: ExitStack) -> Sound:
    file = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    length = 0
    try:
        for block in stream.blocks:
            np.ascontiguousarray(block.T).tofile(file)
            length += block.shape[1]
    except OSError as error:
        raise AudioError(f"no room to decode it in {tempfile.gettempdir()}: {error.strerror or error}") from error
    return _Spooled(file, stream.channels, stream.sample_rate, length, stream.missing(length))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Add to what decoders complain of which file it is about, and what would do."""
    try:
        yield
    except (AudioError, OSError) as error:
        if path.suffix.lower() in _HEADERLESS:
            reason, remedy = "it has no header that tells its rate and channels", "; convert it to WAV first"
        else:
            reason, remedy = reason_of(error), "" if media.INSTALL in str(error) else f"; give {_KNOWN}"
        raise AudioError(f"cannot read {path} as audio: {reason}{remedy}") from error


def _naming(stream: Stream, path: Path) -> Iterator[NDArray[np.float32]]:
    with _named(path):
        yield from stream.blocks
