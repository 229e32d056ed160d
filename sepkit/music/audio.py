"""Audio: samples and their rate, read from and written to files.

Samples are float32 of shape ``(channels, samples)``, at full scale ±1 by convention but never clipped or
rescaled.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import AudioError, SamplesError, WriteError
from sepkit.files import atomic_path

SUFFIXES = frozenset(
    [".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf", ".w64", ".rf64"]
)
"""How the names of files end that `Audio.read` can be expected to read."""

_BLOCK = 1 << 20
_WAV_LIMIT_BYTES = 0xFFFF0000


@dataclass(frozen=True, eq=False)
class Audio:
    """Frozen samples at one sample rate.

    Parameters
    ----------
    samples : ndarray [shape=(channels, samples)]
        Floating point, finite, at least one sample. Float32 is not copied: the view that
        `Audio` keeps is read-only, and the caller's array stays the caller's.
    sample_rate : int
        In Hz.

    Raises
    ------
    SamplesError
        If the samples are one-dimensional, empty, of integers, NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from sepkit import Audio
    >>> audio = Audio(np.zeros((2, 44100), np.float32), 44100)
    >>> audio.channels, audio.duration_s
    (2, 1.0)
    """

    samples: NDArray[np.float32]
    sample_rate: int

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples)
        given = f"given {samples.dtype} of shape {samples.shape}"
        if samples.ndim != 2:
            raise SamplesError(f"samples need shape (channels, samples), {given}; for mono use samples[np.newaxis, :]")
        if not np.issubdtype(samples.dtype, np.floating):
            raise SamplesError(f"samples need a floating-point type, {given}; divide integers by their full scale")
        if samples.size == 0:
            raise SamplesError(f"samples need at least one channel and one sample, {given}")
        rate = self.sample_rate
        is_number = isinstance(rate, (int, float, np.integer, np.floating)) and not isinstance(rate, bool)
        if not (is_number and rate >= 1 and rate % 1 == 0):
            raise SamplesError(f"sample_rate needs a positive whole number of Hz, given {rate!r}")
        with np.errstate(over="ignore"):
            view = samples.astype(np.float32, copy=False).view()
        if not np.isfinite(view).all():
            raise SamplesError(
                f"samples need to be finite, {given} with NaN, infinite or too large values; repair them first"
            )
        view.flags.writeable = False
        object.__setattr__(self, "samples", view)
        object.__setattr__(self, "sample_rate", int(self.sample_rate))

    def __reduce__(self) -> tuple[type[Audio], tuple[NDArray[np.float32], int]]:
        return Audio, (self.samples, self.sample_rate)

    def __repr__(self) -> str:
        return f"Audio({self.channels} x {self.length} samples, {self.sample_rate} Hz, {self.duration_s:.2f} s)"

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[0])

    @property
    def length(self) -> int:
        """Number of samples in each channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.length / self.sample_rate

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Audio:
        """Read a file of any format that libsndfile knows (WAV, FLAC, OGG, MP3, AIFF ...).

        Raises
        ------
        AudioError
            If the file is missing, not audio, empty, or holds NaN.
        """
        path = Path(path)
        with open_sound(path) as file:
            data, sample_rate = file.read(dtype="float32", always_2d=True), file.samplerate
        if data.size == 0:
            raise AudioError(f"{path} holds no samples")
        try:
            return cls(np.ascontiguousarray(data.T), sample_rate)
        except SamplesError as error:
            raise AudioError(f"{path}: {error}") from error

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write WAV (32-bit float) or FLAC (24-bit), by the path's suffix, atomically.

        Equal samples give equal bytes. WAV beyond 4 GiB becomes RF64, which WAV readers know.

        Raises
        ------
        AudioError
            If the suffix is another, or FLAC would clip.
        WriteError
            If the disk refuses; nothing is left then.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in (".wav", ".flac"):
            raise AudioError(f"cannot write audio as '{path.name}': the name needs to end in .wav or .flac")
        if suffix == ".flac" and np.abs(self.samples).max() > 1:
            raise AudioError(f"{path.name} would clip: FLAC ends at full scale 1 and the peak is above it; write .wav")
        with atomic_path(path) as temporary:
            self._encode(temporary, suffix)

    def _encode(self, path: Path, suffix: str) -> None:
        import soundfile

        if suffix == ".flac":
            container, subtype = "FLAC", "PCM_24"
        else:
            container = "WAV" if self.samples.nbytes < _WAV_LIMIT_BYTES else "RF64"
            subtype = "FLOAT"
        try:
            with soundfile.SoundFile(path, "w", self.sample_rate, self.channels, subtype, format=container) as file:
                for start in range(0, self.length, _BLOCK):
                    file.write(self.samples[:, start : start + _BLOCK].T)
            # libsndfile can lose the end of a file on a full disk without an error: read the last sample back.
            with soundfile.SoundFile(path) as file:
                complete = file.frames == self.length
                file.seek(self.length - 1)
                complete = complete and len(file.read(1)) == 1
        except (soundfile.SoundFileError, AssertionError) as error:
            raise WriteError(str(path), "the disk did not take all of it; free some space") from error
        if not complete:
            raise WriteError(str(path), "the file came out short; free some space")
        if container == "WAV":
            _clear_timestamp(path)

    def resample(self, sample_rate: int) -> Audio:
        """The same sound at another sample rate (soxr, high quality); length is rounded up.

        Returns `self` when the rate is already the one asked for.

        Raises
        ------
        AudioError
            If `sample_rate` is not a positive whole number of Hz.
        """
        if sample_rate < 1 or sample_rate % 1:
            raise AudioError(f"sample_rate needs a positive whole number of Hz, given {sample_rate!r}")
        if sample_rate == self.sample_rate:
            return self
        import soxr

        # Under older NumPy soxr cannot tell how the view of a single sample lies in memory.
        frames = self.samples.T if self.length > 1 else self.samples.T.copy()
        resampled = soxr.resample(frames, self.sample_rate, sample_rate, quality="HQ").T
        length = -(-self.length * sample_rate // self.sample_rate)
        return Audio(fit_length(np.ascontiguousarray(resampled), length), sample_rate)

    def mixdown(self) -> Audio:
        """The mean of the channels, as one channel."""
        if self.channels == 1:
            return self
        return Audio(self.samples.mean(axis=0, keepdims=True), self.sample_rate)


def fit_length(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Cut or zero-pad the end so that there are `length` samples [shape=(channels, length)]."""
    if samples.shape[1] >= length:
        return samples[:, :length]
    return np.pad(samples, ((0, 0), (0, length - samples.shape[1])))


def _clear_timestamp(path: Path) -> None:
    """Zero the time of writing that libsndfile puts into the PEAK chunk, so that equal samples give equal bytes."""
    with open(path, "r+b") as file:
        position = file.read(128).find(b"PEAK")
        if position >= 0:
            file.seek(position + 12)
            file.write(bytes(4))


@contextmanager
def open_sound(path: Path) -> Iterator[Any]:
    """Open a file of audio as a `soundfile.SoundFile`.

    Raises
    ------
    AudioError
        If the file is missing or not audio, also when that shows only while it is read.
    """
    import soundfile

    if not path.is_file():
        raise AudioError(f"no such audio file: {path}")
    # As bytes, because a name on a Unix disk need not be text; Windows knows only text.
    name = path if os.name == "nt" else os.fsencode(path)
    try:
        with soundfile.SoundFile(name) as file:
            yield file
    except (soundfile.SoundFileError, OSError) as error:
        reason = getattr(error, "error_string", str(error)).rstrip(". ")
        raise AudioError(f"cannot read {path} as audio: {reason}; give a WAV, FLAC, OGG, MP3 or AIFF file") from error
