"""Audio: samples and their rate, read from and written to files.

Samples are float32 of shape ``(channels, samples)``, at full scale ±1 by convention but never clipped or
rescaled.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.errors import AudioError, SamplesError
from sepkit.files import atomic_path
from sepkit.music.encoding import Encoding, encode
from sepkit.music.origin import Origin
from sepkit.music.recordings.stream import MOST_CHANNELS, RATES_HZ
from sepkit.opening import as_spelt

_LIBSNDFILE = (
    ".wav",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".aif",
    ".aiff",
    ".aifc",
    ".au",
    ".caf",
    ".w64",
    ".rf64",
)
_PYAV = (".m4a", ".aac", ".wma", ".mka", ".wv", ".ape")
SUFFIXES = frozenset(_LIBSNDFILE + _PYAV)
"""How the names of files end that `Audio.read` can be expected to read; the last six need PyAV."""

LOUDEST = 1e10
"""Largest value of a sample: beyond any recording, even of integers taken for floats; its power is a float32."""


@dataclass(frozen=True, eq=False)
class Audio:
    """Frozen samples at one sample rate.

    Parameters
    ----------
    samples : ndarray [shape=(channels, samples)]
        Floating point, finite, within ±1e10, at least one sample, and no more channels than samples or than 64, so
        that what is transposed is not taken for thousands of channels. Float32 is not copied: the view that
        `Audio` keeps is read-only, and the caller's array stays the caller's.
    sample_rate : int
        In Hz, up to 768 kHz.
    remarks : tuple of str
        What was wrong with the file that it was read from, one sentence each.
    origin : Origin, optional
        The file that it was read from.

    Raises
    ------
    SamplesError
        If the samples are one-dimensional, transposed, empty, of integers, NaN, infinite or beyond ±1e10, or the rate
        is none of a recording.

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
    remarks: tuple[str, ...] = ()
    origin: Origin | None = None

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples)
        given = f"given {samples.dtype} of shape {samples.shape}"
        if samples.ndim == 1:
            raise SamplesError(
                f"samples need shape (channels, samples), {given}; for mono use Audio.mono(samples, rate)"
            )
        if samples.ndim != 2:
            raise SamplesError(f"samples need shape (channels, samples), {given}")
        if not np.issubdtype(samples.dtype, np.floating):
            raise SamplesError(f"samples need a floating-point type, {given}; divide integers by their full scale")
        if samples.size == 0:
            raise SamplesError(f"samples need at least one channel and one sample, {given}")
        channels, length = samples.shape
        if channels > MOST_CHANNELS or channels > length > 1:
            most = f"no more channels than samples, {MOST_CHANNELS} at most"
            raise SamplesError(
                f"samples need shape (channels, samples) with {most}, {given}; transpose them: samples.T"
            )
        # Low rates are unusual in memory and damage in the header of a file; high ones cost memory in both.
        rate, highest = self.sample_rate, RATES_HZ[1]
        is_number = isinstance(rate, (int, float, np.integer, np.floating)) and not isinstance(rate, bool)
        if not (is_number and 1 <= rate <= highest and rate % 1 == 0):
            raise SamplesError(f"sample_rate needs a whole number of Hz from 1 to {highest}, given {rate!r}")
        with np.errstate(over="ignore"):
            view = (samples if samples.dtype == np.float32 else large.copied(samples, np.float32)).view()
        extremes = [(view[:, span].max(), -view[:, span].min()) for span in large.spans(length)]
        # Of NumPy, which tells of a NaN among them.
        peak = float(np.max(extremes))
        if not peak <= LOUDEST:
            wrong = f"with a peak of {peak:.3g}" if np.isfinite(peak) else "with NaN, infinite or too large values"
            raise SamplesError(
                f"samples need to be finite and within ±{LOUDEST:g}, where full scale is 1, {given} {wrong}; "
                "repair them first"
            )
        view.flags.writeable = False
        object.__setattr__(self, "samples", view)
        object.__setattr__(self, "sample_rate", int(self.sample_rate))

    def __reduce__(self) -> tuple[type[Audio], tuple[NDArray[np.float32], int, tuple[str, ...], Origin | None]]:
        return Audio, (self.samples, self.sample_rate, self.remarks, self.origin)

    def __repr__(self) -> str:
        return f"Audio({self.channels} x {self.length} samples, {self.sample_rate} Hz, {self.duration_s:.2f} s)"

    def _repr_html_(self) -> str:
        """A player, for notebooks."""
        from sepkit.plots.player import player_html

        return player_html(self)

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

    @property
    def energies(self) -> NDArray[np.float64]:
        """Sum of the squared samples of every channel [shape=(channels,)]."""
        total: NDArray[np.float64] = np.zeros(self.channels)
        for span in large.spans(self.length):
            total += np.square(self.samples[:, span], dtype=np.float64).sum(axis=1)
        return total

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Audio:
        """Read a file of any format that libsndfile knows (WAV, FLAC, OGG, MP3, AIFF ...) to its end.

        Where that comes before the header says, the remarks of the result tell so.

        MP4, Matroska, WMA and the sound of video need PyAV (``pip install "sepkit[media]"``). A pipe is read through a
        temporary file.

        Raises
        ------
        AudioError
            If the file is missing, not audio, empty, or holds NaN.
        """
        from sepkit.music.recordings.sound import streamed

        path = Path(path)
        with streamed(path) as stream:
            samples = large.joined(stream.blocks)
        if samples is None:
            raise AudioError(f"{path} {stream.missing(0) or 'holds no samples'}")
        missing = stream.missing(samples.shape[1])
        try:
            remarks = (f"the recording {missing}",) if missing else ()
            return cls(samples, stream.sample_rate, remarks, Origin.of(as_spelt(path)))
        except SamplesError as error:
            raise AudioError(f"{path}: {error}") from error

    @classmethod
    def mono(cls, samples: NDArray[np.floating], sample_rate: int) -> Audio:
        """One channel, from samples without an axis for channels.

        Parameters
        ----------
        samples : ndarray [shape=(samples,)]
        sample_rate : int
            In Hz.

        Raises
        ------
        SamplesError
            As of `Audio`.

        Examples
        --------
        >>> Audio.mono(np.zeros(44100, np.float32), 44100)
        Audio(1 x 44100 samples, 44100 Hz, 1.00 s)
        """
        samples = np.asarray(samples)
        if samples.ndim != 1:
            raise SamplesError(
                f"mono samples need shape (samples,), given {samples.dtype} of shape {samples.shape}; "
                "for channels use Audio(samples, rate) with samples of shape (channels, samples)"
            )
        return cls(samples[np.newaxis], sample_rate)

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
        if suffix == ".flac" and max(self.samples.max(), -self.samples.min()) > 1:
            raise AudioError(f"{path.name} would clip: FLAC ends at full scale 1 and the peak is above it; write .wav")
        with atomic_path(path) as temporary:
            encode(self.samples, self.sample_rate, temporary, Encoding(suffix[1:]))

    def resample(self, sample_rate: int, length: int | None = None) -> Audio:
        """The same sound at another sample rate (soxr, high quality).

        Returns `self` when rate and length are already those asked for.

        Parameters
        ----------
        sample_rate : int
        length : int, optional
            Number of samples wanted, by cutting the end or adding zeros; by default as many as the sound lasts, rounded
            up.

        Raises
        ------
        AudioError
            If `sample_rate` is another one and no whole number of Hz from 1 to 768 kHz.
        """
        if sample_rate == self.sample_rate:
            return self if length in (None, self.length) else Audio(fit_length(self.samples, length), sample_rate)
        lowest, highest = RATES_HZ
        if not lowest <= sample_rate <= highest or sample_rate % 1:
            raise AudioError(
                f"sample_rate needs a whole number of Hz from {lowest} to {highest}, given {sample_rate!r}"
            )
        length = length or -(-self.length * sample_rate // self.sample_rate)
        import soxr

        stream = soxr.ResampleStream(self.sample_rate, sample_rate, self.channels, dtype="float32", quality="HQ")
        resampled, done = large.zeros((self.channels, length)), 0
        for span in large.spans(self.length):
            block = np.ascontiguousarray(self.samples[:, span].T)
            piece = stream.resample_chunk(block, last=span.stop == self.length)[: length - done]
            resampled[:, done : done + len(piece)] = piece.T
            done += len(piece)
        return Audio(resampled, sample_rate)

    def mixdown(self) -> Audio:
        """The mean of the channels, as one channel."""
        if self.channels == 1:
            return self
        mean = large.empty((1, self.length))
        for span in large.spans(self.length):
            self.samples[:, span].mean(axis=0, keepdims=True, out=mean[:, span])
        return Audio(mean, self.sample_rate)


def fit_length(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Cut or zero-pad the end so that there are `length` samples [shape=(channels, length)]."""
    if samples.shape[1] >= length:
        return samples[:, :length]
    fitted = large.zeros((samples.shape[0], length), samples.dtype)
    fitted[:, : samples.shape[1]] = samples
    return fitted
