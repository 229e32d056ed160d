"""Short-time Fourier transform and soft masks.

Frames are centred: frame ``p`` is centred on sample ``p * hop``, and every frame that touches the signal is there, from
a few before its start to a few after its end. With that, synthesis through the canonical dual window reconstructs
exactly at every sample, however short the signal is. Spectra have shape ``(..., bins, frames)``, complex64 for float32
samples.

References
----------
Gröchenig, "Foundations of Time-Frequency Analysis", 2001 (dual windows).
Liutkus and Badeau, "Generalized Wiener filtering with fractional power spectrograms", ICASSP 2015 (soft masks).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sepkit import large
from sepkit.errors import ConfigError

_BLOCK_VALUES = 1 << 21
_LONGEST_WINDOW = 1 << 20
_LONG = 1 << 20
"""In samples. SciPy transforms four times as fast as NumPy, and takes a third of a second to import."""
_LEAST_COVER = 1e-3
"""Samples that all windows nearly miss come back from float32 spectra with large errors."""


@dataclass(frozen=True)
class STFT:
    """A short-time Fourier transform and its inverse.

    Parameters
    ----------
    window_length : int
        In samples; also the length of the Fourier transform.
    hop : int
        In samples.
    window : str or tuple
        Any window that `scipy.signal.get_window` knows, periodic.

    Raises
    ------
    ConfigError
        If window and hop do not allow reconstruction.

    Examples
    --------
    >>> import numpy as np
    >>> stft = STFT(1024, 256)
    >>> x = np.random.default_rng(0).standard_normal((2, 5000)).astype(np.float32)
    >>> spectrum = stft.forward(x)
    >>> bool(np.allclose(stft.inverse(spectrum, 5000), x, atol=1e-5))
    True
    """

    window_length: int = 2048
    hop: int = 512
    window: str | tuple[Any, ...] = "hann"

    def __post_init__(self) -> None:
        if self.window_length < 1 or self.hop < 1:
            raise ConfigError(f"window_length and hop need to be positive, given {self.window_length} and {self.hop}")
        squares = self._shifted_squares
        if squares.min() <= _LEAST_COVER * squares.max():
            raise ConfigError(
                f"a {self.window} window of {self.window_length} with hop {self.hop} loses samples; use a smaller hop"
            )

    @classmethod
    def of_duration(
        cls, window_s: float, overlap: int, sample_rate: int, window: str | tuple[Any, ...] = "hann"
    ) -> STFT:
        """The transform whose window is nearest to `window_s` among the powers of two, hopping by 1/`overlap` of it.

        Raises
        ------
        ConfigError
            If the window is longer than a million samples.
        """
        if window_s * sample_rate > _LONGEST_WINDOW:
            window = f"a window of {window_s:g} s has {window_s * sample_rate:.0f} samples at {sample_rate} Hz"
            raise ConfigError(f"{window}, and {_LONGEST_WINDOW} are the most; take a shorter one")
        window_length = max(overlap, 2 ** round(math.log2(max(1.0, window_s * sample_rate))))
        return cls(window_length, window_length // overlap, window)

    @property
    def bins(self) -> int:
        """Number of frequency bins."""
        return self.window_length // 2 + 1

    def frames(self, length: int) -> int:
        """Number of frames for a signal of `length` samples."""
        return -(-(length + self.window_length // 2) // self.hop) - self._first

    def bins_hz(self, sample_rate: int) -> NDArray[np.float64]:
        """Centre frequency of every bin [shape=(bins,)]."""
        return np.arange(self.bins, dtype=np.float64) * (sample_rate / self.window_length)

    def frames_s(self, length: int, sample_rate: int) -> NDArray[np.float64]:
        """Centre time of every frame [shape=(frames,)]; the first ones lie before zero."""
        frames = np.arange(self.frames(length), dtype=np.float64) + self._first
        return frames * (self.hop / sample_rate)

    def forward(self, samples: NDArray[np.floating], frames: slice | None = None) -> NDArray[np.complexfloating]:
        """Spectrum of `samples`.

        Parameters
        ----------
        samples : ndarray [shape=(..., samples)]
        frames : slice, optional
            Only these frames; the whole signal need not be transformed at once.

        Returns
        -------
        spectrum : ndarray [shape=(..., bins, frames)]
            A transposed view: frames lie contiguously.
        """
        start, stop = self._bounds(frames, samples.shape[-1])
        first = (start + self._first) * self.hop - self.window_length // 2
        last = first + (stop - start - 1) * self.hop + self.window_length
        segment = _take(samples, first, last)
        framed = np.lib.stride_tricks.sliding_window_view(segment, self.window_length, axis=-1)[..., :: self.hop, :]
        windowed = framed * self._analysis.astype(samples.dtype, copy=False)
        spectrum = _transforms(samples.shape[-1]).rfft(windowed, axis=-1)
        # NumPy before 2 transforms in double precision whatever it is given.
        return np.swapaxes(spectrum.astype(np.result_type(samples.dtype, np.complex64), copy=False), -1, -2)

    def inverse(self, spectrum: NDArray[np.complexfloating], length: int) -> NDArray[np.floating]:
        """Samples of a spectrum by overlap-add with the canonical dual window.

        Parameters
        ----------
        spectrum : ndarray [shape=(..., bins, frames)]
        length : int
            Number of samples wanted; `frames(length)` frames are needed.

        Returns
        -------
        samples : ndarray [shape=(..., length)]
        """
        if spectrum.shape[-2:] != (self.bins, self.frames(length)):
            wanted = (self.bins, self.frames(length))
            raise ValueError(f"{length} samples need {wanted} bins and frames, given {spectrum.shape[-2:]}")
        dtype = np.zeros(0, spectrum.dtype).real.dtype
        return self.synthesize(lambda block: spectrum[..., block], (*spectrum.shape[:-2], length), dtype=dtype)

    def synthesize(
        self,
        spectra: Callable[[slice], NDArray[np.complexfloating]],
        shape: tuple[int, ...],
        *,
        dtype: DTypeLike = np.float32,
        steps: Callable[[int], Iterator[int]] | None = None,
        block: int | None = None,
    ) -> NDArray[np.floating]:
        """Samples of spectra that are made block by block and so are never there as a whole.

        Parameters
        ----------
        spectra : callable
            Gives for a slice of frames the spectra [shape=(..., bins, frames)]; called once for each block.
        shape : tuple of int
            Of the samples, the last axis being time.
        dtype : dtype
            Of the samples.
        steps : callable, optional
            Wraps the loop over blocks, as ``functools.partial(run.steps, stage=...)`` does.
        block : int, optional
            Frames of each block; by default as many as keep it within a few megabytes.

        Returns
        -------
        samples : ndarray [shape=(..., samples)]
        """
        samples = large.zeros(shape, dtype)
        blocks = list(self.blocks(shape[-1], copies=math.prod(shape[:-1]), size=block))
        for index in (steps or range)(len(blocks)):
            self._overlap_add(spectra(blocks[index]), samples, blocks[index].start)
        return samples

    def magnitude(self, samples: NDArray[np.floating]) -> NDArray[np.floating]:
        """Magnitude spectrogram [shape=(..., bins, frames)], without ever holding the whole complex spectrum."""
        frames = self.frames(samples.shape[-1])
        magnitude = large.empty((*samples.shape[:-1], frames, self.bins), samples.dtype)
        for block in self.blocks(samples.shape[-1]):
            spectrum = np.swapaxes(self.forward(samples, block), -1, -2)
            np.abs(spectrum, out=magnitude[..., block, :])
        return np.swapaxes(magnitude, -1, -2)

    def filter(
        self,
        samples: NDArray[np.floating],
        masks: Callable[[slice], NDArray[np.floating]],
        sources: int,
        *,
        steps: Callable[[int], Iterator[int]] | None = None,
    ) -> NDArray[np.floating]:
        """Filter by time-varying masks, block by block.

        Parameters
        ----------
        samples : ndarray [shape=(..., samples)]
            One channel, or several that share the masks.
        masks : callable
            Gives for a slice of frames the masks [shape=(sources, bins, frames)]; called once for each block.
        sources : int
        steps : callable, optional
            As of `synthesize`.

        Returns
        -------
        filtered : ndarray [shape=(sources, ..., samples)]
        """
        channel_axes = tuple(range(1, samples.ndim))

        def masked(block: slice) -> NDArray[np.complexfloating]:
            shared: NDArray[np.floating] = np.expand_dims(masks(block), channel_axes)
            return shared * self.forward(samples, block)

        return self.synthesize(masked, (sources, *samples.shape), dtype=samples.dtype, steps=steps)

    def blocks(self, length: int, copies: int = 1, size: int | None = None) -> Iterator[slice]:
        """Slices of `size` frames; by default as many as keep `copies` spectra of each within a few megabytes."""
        frames = self.frames(length)
        size = size or max(1, _BLOCK_VALUES // (self.window_length * copies))
        yield from large.paced(slice(start, min(start + size, frames)) for start in range(0, frames, size))

    @cached_property
    def _analysis(self) -> NDArray[np.float32]:
        return periodic_window(self.window, self.window_length).astype(np.float32)

    @cached_property
    def _shifted_squares(self) -> NDArray[np.float64]:
        """Sum of the squared window over all shifts by the hop [shape=(hop,)]."""
        square = self._analysis.astype(np.float64) ** 2
        shifted: NDArray[np.float64] = np.pad(square, (0, -len(square) % self.hop)).reshape(-1, self.hop).sum(axis=0)
        return shifted

    @cached_property
    def _synthesis(self) -> NDArray[np.float32]:
        squares = np.resize(self._shifted_squares, self.window_length)
        return (self._analysis / squares).astype(np.float32)

    @property
    def _first(self) -> int:
        """Index of the first frame that touches sample 0 (zero or negative)."""
        return -((self.window_length - self.window_length // 2 - 1) // self.hop)

    def _bounds(self, frames: slice | None, length: int) -> tuple[int, int]:
        start, stop, _ = (frames or slice(None)).indices(self.frames(length))
        return start, stop

    def _overlap_add(self, spectrum: NDArray[np.complexfloating], samples: NDArray[np.floating], start: int) -> None:
        """Add the frames of `spectrum`, the first of which is frame `start`, to `samples` in place."""
        transforms = _transforms(samples.shape[-1])
        pieces = transforms.irfft(np.swapaxes(spectrum, -1, -2), n=self.window_length, axis=-1)
        pieces = pieces.astype(spectrum.real.dtype, copy=False)
        pieces *= self._synthesis.astype(pieces.dtype, copy=False)
        count, hop = pieces.shape[-2], self.hop
        rows = -(-self.window_length // hop)
        added = np.zeros((*pieces.shape[:-2], count + rows - 1, hop), pieces.dtype)
        for row in range(rows):
            piece = pieces[..., row * hop : (row + 1) * hop]
            added[..., row : row + count, : piece.shape[-1]] += piece
        flat = added.reshape(*added.shape[:-2], -1)
        first = (start + self._first) * hop - self.window_length // 2
        low, high = max(first, 0), min(first + flat.shape[-1], samples.shape[-1])
        samples[..., low:high] += flat[..., low - first : high - first]


def _transforms(length: int) -> ModuleType:
    """The Fourier transforms for signals of so many samples: what gains little by SciPy's is spared its import."""
    if length < _LONG:
        return np.fft
    import scipy.fft

    return scipy.fft  # type: ignore[no-any-return]


def periodic_window(name: str | tuple[Any, ...], length: int) -> NDArray[np.float64]:
    """Any window that `scipy.signal.get_window` knows [shape=(length,)]."""
    if name == "hann" and length > 1:
        # SciPy's module of signal processing takes a second to import, as long as many recordings take to separate.
        return np.asarray(0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, length + 1)[:-1]))
    import scipy.signal

    return np.asarray(scipy.signal.get_window(name, length), np.float64)


def soft_masks(magnitudes: NDArray[np.floating], exponent: float = 1.0) -> NDArray[np.floating]:
    """Generalised Wiener masks.

    Parameters
    ----------
    magnitudes : ndarray [shape=(sources, ...)]
        Nonnegative magnitude of every source.
    exponent : float
        1 shares in proportion to magnitude, 2 to power; infinity gives everything to the loudest.

    Returns
    -------
    masks : ndarray [shape=(sources, ...)]
        From 0 to 1, summing to 1 wherever any source has energy. Where none has, all are 0: there the whole mixture
        belongs to the residual, so that masks and the residual's mask always sum to 1.

    Raises
    ------
    ValueError
        If the exponent is not positive.
    """
    if not exponent > 0:
        raise ValueError(f"the exponent of soft masks needs to be positive, given {exponent}")
    loudest = magnitudes.max(axis=0)
    # Relative to the loudest, no power of a magnitude can overflow and the sum is at least 1.
    masks: NDArray[np.floating] = np.divide(magnitudes, loudest, out=np.zeros_like(magnitudes), where=loudest > 0)
    if exponent != 1:
        np.power(masks, masks.dtype.type(exponent), out=masks)
    masks /= np.maximum(masks.sum(axis=0), 1)
    return masks


def _take(samples: NDArray[np.floating], first: int, last: int) -> NDArray[np.floating]:
    """``samples[..., first:last]`` with zeros outside the signal; a view wherever it lies inside."""
    length = samples.shape[-1]
    inside = samples[..., max(first, 0) : min(last, length)]
    before, after = max(0, -first), max(0, last - max(length, first))
    if before == after == 0:
        return inside
    widths = [(0, 0)] * (samples.ndim - 1) + [(min(before, last - first), after)]
    return np.pad(inside, widths)
