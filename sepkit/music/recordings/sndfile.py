"""Decoding through libsndfile: WAV, FLAC, Ogg, MP3, AIFF and the like."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import AudioError
from sepkit.music.recordings import mp3, ogg, wav
from sepkit.music.recordings.cut import cut_off
from sepkit.music.recordings.quiet import quiet
from sepkit.music.recordings.stream import BLOCK_VALUES, Stream

_MOST_SAMPLES = 1 << 48
"""libsndfile gives lengths near 2^63 where a header does not tell."""
_UNKNOWN = 1 << 31
"""Lengths from here on are written by programs that do not know how much will come."""
_FEW = 16
_FLAC_FRAMES = 1 << 12
"""As many as encoders put into a block."""
_EXACT_SEEKING = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW")


def decode(file: BinaryIO, files: ExitStack) -> Stream:
    """The recording in a file, all links of it where it is a chain.

    Parameters
    ----------
    file : binary file
        With a descriptor.
    files : ExitStack
        Closes what is opened on the way.

    Raises
    ------
    AudioError
        If libsndfile cannot read it; also from the blocks.
    """
    file = files.enter_context(_mended(file))
    lacks_end = _is_ogg(file) and ogg.is_cut_off(file)
    if len(parts := ogg.links(file) if _is_ogg(file) else mp3.links(file)) > 1:
        return _chained(file, parts, lacks_end or mp3.is_cut_off(file, *parts[-1]))
    cut = cut_off(file)
    sound = files.enter_context(open_sndfile(file))
    announced = sound.frames if 0 <= sound.frames < _UNKNOWN else None
    if announced and cut:
        # libsndfile corrects what the header says by what is there, in whole frames.
        frame_bytes = max(1, cut[1] // announced)
        announced = cut[0] // frame_bytes if cut[1] // frame_bytes == announced else announced * cut[0] // cut[1]
    if announced and sound.format == "FLAC":
        return Stream(sound.channels, sound.samplerate, announced, _until_damage(sound))
    return Stream(sound.channels, sound.samplerate, announced, _blocks(sound), lacks_end)


def is_cut_off(file: BinaryIO) -> bool:
    """Whether less is there than there was, for kinds of files of which libsndfile does not tell that."""
    return ogg.is_cut_off(file) if _is_ogg(file) else cut_off(file) is not None


@contextmanager
def open_sndfile(file: BinaryIO) -> Iterator[Any]:
    """Open with `soundfile.SoundFile`, from the start of the file.

    Raises
    ------
    AudioError
    """
    import soundfile

    file.seek(0)
    with _faults(file):
        sound = soundfile.SoundFile(_handle(file), closefd=False)
    try:
        yield sound
    finally:
        with quiet():
            sound.close()


def _handle(file: BinaryIO) -> Any:
    if isinstance(file, io.BytesIO):
        return file
    name = getattr(file, "name", None)
    if isinstance(name, str) and Path(name).suffix.lower() == ".mp3":
        # Only by its name does libsndfile search a file for MP3 that begins with something else.
        return name if os.name == "nt" else os.fsencode(name)
    # By other names it would take any noise for headerless audio.
    return file.fileno()


def seeks_exactly(sound: Any) -> bool:
    """Whether samples of an open `soundfile.SoundFile` can be had in any order, and there are as many as it says."""
    if not (sound.seekable() and 0 < sound.frames < _MOST_SAMPLES and sound.subtype.startswith(_EXACT_SEEKING)):
        return False
    few = np.empty((_FEW, sound.channels), np.float32)
    try:
        with _faults(None):
            first = sound.read(out=few).tobytes()
            sound.seek(sound.frames - 1)
            last = len(sound.read(out=few))
            sound.seek(0)
            again = sound.read(out=few).tobytes()
            sound.seek(0)
    except AudioError:
        return False
    return last == 1 and again == first


def read_at(sound: Any, start: int, stop: int) -> NDArray[np.float32]:
    """Samples from `start` to before `stop` [shape=(channels, samples)].

    Raises
    ------
    AudioError
    """
    with _faults(None):
        if sound.tell() != start:
            sound.seek(start)
        piece: NDArray[np.float32] = sound.read(stop - start, dtype="float32", always_2d=True).T
    return piece


def _blocks(sound: Any, most: int = BLOCK_VALUES) -> Iterator[NDArray[np.float32]]:
    # What is read forwards only need not be sought, and FLAC of unknown length cannot be.
    sound.seekable = lambda: False
    buffer = np.empty((max(1, min(most, BLOCK_VALUES // sound.channels)), sound.channels), np.float32)
    while True:
        with _faults(None):
            block = sound.read(out=buffer)
        if len(block) == 0:
            return
        yield np.array(block.T, order="C")


def _until_damage(sound: Any) -> Iterator[NDArray[np.float32]]:
    """What there is of FLAC that was cut off: libsndfile takes the cut for damage, and gives nothing of that read."""
    count = 0
    try:
        for block in _blocks(sound, _FLAC_FRAMES):
            count += block.shape[1]
            yield block
    except AudioError:
        if count == 0:
            raise


def _chained(file: BinaryIO, parts: list[tuple[int, int]], lacks_end: bool) -> Stream:
    """The links of a chain, one after the other."""

    def link(start: int, stop: int) -> Any:
        file.seek(start)
        return open_sndfile(io.BytesIO(file.read(stop - start)))

    with link(*parts[0]) as sound:
        kind = sound.channels, sound.samplerate

    def blocks() -> Iterator[NDArray[np.float32]]:
        for part in parts:
            with link(*part) as sound:
                if (sound.channels, sound.samplerate) != kind:
                    both = f"{kind[0]} channel(s) at {kind[1]} Hz, then {sound.channels} at {sound.samplerate} Hz"
                    raise AudioError(f"it joins recordings of different kinds, {both}; take them apart")
                yield from _blocks(sound)

    return Stream(*kind, None, blocks(), lacks_end)


@contextmanager
def _mended(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, or where a recorder did not finish its header a copy with what is missing."""
    missing = wav.unfinished(file) if wav.is_wav(_head(file)) else None
    if missing is None:
        yield file
        return
    with tempfile.TemporaryFile(buffering=0) as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy)
        place, size = missing
        copy.seek(place)
        copy.write(size)
        yield copy


def _is_ogg(file: BinaryIO) -> bool:
    return _head(file).startswith(ogg.MAGIC)


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(12)


@contextmanager
def _faults(file: Any) -> Iterator[None]:
    """Turn what libsndfile and its Python side raise into one line, in the words of the header where they say more."""
    import soundfile

    try:
        with quiet():
            yield
    except (
        soundfile.SoundFileError,
        OSError,
        ValueError,
        TypeError,
        RuntimeError,
        OverflowError,
        AssertionError,
    ) as error:
        reason = (getattr(error, "error_string", None) or str(error) or type(error).__name__).rstrip(". ")
        if file is not None and wav.is_wav(_head(file)):
            reason = wav.fault(file) or reason
        elif file is not None and _is_ogg(file) and ogg.is_cut_off(file):
            reason = "it lacks the mark of its end: it was cut off or is damaged"
        raise AudioError(" ".join(reason.split())) from error
