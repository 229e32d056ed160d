"""Encoding: the forms in which sound is written, with dither where bits are lost and tags where there is place.

Dither is of triangular density, two steps wide: what quantising adds is then noise whose mean and power do not depend
on the music.

References
----------
S. P. Lipshitz, R. A. Wannamaker, J. Vanderkooy, "Quantization and dither: a theoretical survey", J. Audio Eng. Soc.
40(5), 1992.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import AudioError, ConfigError, WriteError
from sepkit.music.recordings.wav import chunks

FORMATS = {
    "wav": ("FLOAT", "PCM_16", "PCM_24"),
    "flac": ("PCM_24", "PCM_16"),
    "ogg": ("VORBIS",),
    "mp3": ("MPEG_LAYER_III",),
    "npy": ("FLOAT",),
}
"""What can be written, and how samples are in it; the first is the one that is taken."""

TAGS = ("title", "artist", "album", "tracknumber", "date", "genre", "comment", "copyright", "license")
"""What is kept of what a file says of its music, by libsndfile's names."""

_BITS = {"PCM_16": 16, "PCM_24": 24}
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_WAV_LIMIT_BYTES = 0xFFFF0000
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Encoding:
    """A kind of file and of the samples in it.

    Parameters
    ----------
    format : str
        ``"wav"``, ``"flac"``, ``"ogg"`` or ``"mp3"``, which is also how names of files end; or ``"npy"``, the array
        itself, for programs that map it into memory.
    subtype : str, optional
        ``"FLOAT"``, ``"PCM_24"``, ``"PCM_16"`` ...; by default what keeps most.

    Raises
    ------
    ConfigError
        If there is no such format, or it has no such samples.
    """

    format: str
    subtype: str

    def __init__(self, format: str, subtype: str | None = None) -> None:
        if format not in FORMATS:
            raise ConfigError(f"cannot write '{format}'; there are {', '.join(FORMATS)}")
        if subtype is not None and subtype not in FORMATS[format]:
            raise ConfigError(f"{format} is not written as {subtype}, but as {' or '.join(FORMATS[format])}")
        object.__setattr__(self, "format", format)
        object.__setattr__(self, "subtype", subtype or FORMATS[format][0])

    @property
    def ends_at_full_scale(self) -> bool:
        """Whether samples beyond ±1 cannot be written, or are cut by players."""
        return self.subtype != "FLOAT"

    @property
    def step(self) -> float:
        """The distance of two neighbouring values; 0 where values are no integers."""
        return 2.0 ** (1 - _BITS[self.subtype]) if self.subtype in _BITS else 0.0


def encode(
    samples: NDArray[np.float32],
    sample_rate: int,
    path: Path,
    encoding: Encoding,
    *,
    tags: Mapping[str, str] | None = None,
    dither: np.random.Generator | None = None,
) -> None:
    """Write a file; equal samples, tags and dither give equal bytes, in all formats but Ogg.

    Parameters
    ----------
    samples : ndarray [shape=(channels, samples)]
        Within ±1 unless they are written as floats.
    sample_rate : int
        In Hz.
    path : Path
        It is written to at once: atomic is what the caller makes it.
    encoding : Encoding
    tags : mapping of str to str, optional
        By the names in `TAGS`.
    dither : numpy.random.Generator, optional
        Where it comes from; without one, samples that lie between two integers are rounded.

    Raises
    ------
    AudioError
        If such a file knows no such rate, or not so many channels.
    WriteError
        If the disk refuses.
    """
    if encoding.format == "npy":
        np.save(path, np.ascontiguousarray(samples))
        return
    import soundfile

    channels, length = samples.shape
    container = encoding.format.upper()
    if encoding.format == "wav" and samples.nbytes >= _WAV_LIMIT_BYTES:
        container = "RF64"
    if encoding.format == "mp3" and sample_rate not in _MP3_RATES:
        rates = ", ".join(map(str, _MP3_RATES))
        raise AudioError(f"MP3 knows {rates} Hz and not {sample_rate}; write flac or wav")
    if not soundfile.check_format(container, encoding.subtype) or (encoding.format == "mp3" and channels > 2):
        raise AudioError(f"cannot write {channels} channel(s) as {encoding.format} ({encoding.subtype}); write wav")
    # libsndfile does not tell why a file cannot be made.
    path.touch()
    place = _for_libsndfile(path)
    try:
        file = soundfile.SoundFile(place, "w", sample_rate, channels, encoding.subtype, format=container)
    except soundfile.SoundFileError as error:
        if _is_possible(sample_rate, channels, encoding.subtype, container):
            raise WriteError(str(path), "the disk did not take it; free some space") from error
        reason = f"{channels} channel(s) at {sample_rate} Hz as {encoding.format} ({encoding.subtype})"
        raise AudioError(f"cannot write {reason}: libsndfile does not take that; write wav") from error
    try:
        with file:
            for name, text in (tags or {}).items():
                setattr(file, name, text)
            blocks = [samples[:, start : start + _BLOCK] for start in range(0, length, _BLOCK)]
            if not any(_loses_bits(block, encoding) for block in blocks):
                dither = None
            for block in blocks:
                file.write(_quantised(block, encoding, dither).T)
        # libsndfile can lose the end of a file on a full disk without an error: read the last sample back.
        with soundfile.SoundFile(place) as file:
            complete = file.frames >= length
            file.seek(length - 1)
            complete = complete and len(file.read(1)) == 1
    except (soundfile.SoundFileError, AssertionError) as error:
        raise WriteError(str(path), "the disk did not take all of it; free some space") from error
    if not complete:
        raise WriteError(str(path), "the file came out short; free some space")
    if container == "WAV":
        _clear_timestamp(path)


def _for_libsndfile(path: Path) -> str | bytes:
    """A path as its Python side takes one that is no text, such as old names on a disk of another encoding."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def _is_possible(sample_rate: int, channels: int, subtype: str, container: str) -> bool:
    """Whether it is not for the format that a file cannot be made."""
    import soundfile

    try:
        soundfile.SoundFile(io.BytesIO(), "w", sample_rate, channels, subtype, format=container).close()
    except soundfile.SoundFileError:
        return False
    return True


def _loses_bits(samples: NDArray[np.float32], encoding: Encoding) -> bool:
    """Whether there are values between two integers."""
    if not encoding.step:
        return False
    exact = samples / np.float32(encoding.step)
    return bool(np.any(exact != np.rint(exact)))


def _quantised(samples: NDArray[np.float32], encoding: Encoding, dither: np.random.Generator | None) -> NDArray[Any]:
    """As integers where the file has such: libsndfile itself would scale by a step less than full scale."""
    if not encoding.step:
        return samples
    bits = _BITS[encoding.subtype]
    exact = samples / np.float64(encoding.step)
    if dither is not None:
        exact += dither.random(exact.shape) - dither.random(exact.shape)
    # Full scale itself is one step above the largest integer.
    integers = np.clip(np.rint(exact), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return integers.astype(np.int16) if bits == 16 else (integers.astype(np.int32) << (32 - bits))


def read_tags(path: Path) -> dict[str, str]:
    """What a file says of its music, by the names in `TAGS`; nothing where libsndfile cannot read it."""
    import soundfile

    try:
        with soundfile.SoundFile(_for_libsndfile(path)) as file:
            found = {name: getattr(file, name) for name in TAGS}
    except (soundfile.SoundFileError, OSError, ValueError, TypeError, AssertionError, UnicodeDecodeError):
        return {}
    return {name: text for name, text in found.items() if text}


def _clear_timestamp(path: Path) -> None:
    """Zero the time of writing that libsndfile puts into the PEAK chunk, so that equal samples give equal bytes."""
    with open(path, "r+b") as file:
        for chunk in chunks(file):
            if chunk.name == b"PEAK":
                file.seek(chunk.start + 4)
                file.write(bytes(4))
                return
            if chunk.name == b"data":
                return
