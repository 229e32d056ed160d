"""How large networks are, and which bins they hear together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sepkit.spectral import STFT
from sepkit_interleaved.config import NetworkOptions, SizeName


@dataclass(frozen=True)
class Size:
    """Widths of a network.

    Attributes
    ----------
    channels : int
        That it hears at once; with 1 all channels share a mask.
    hidden, layers : int
        Of the encoder.
    backbone : str
        What follows its first layer: bidirectional LSTM or GRU, or dilated convolutions.
    band_octaves : float
        Least width of a band of bins that are heard together; with 0 every bin is by itself.
    heard_hz : float
        The network does not hear what lies above.
    """

    channels: int
    hidden: int
    layers: int
    backbone: Literal["lstm", "gru", "convolutions"]
    band_octaves: float = 0.0
    heard_hz: float = float("inf")


SIZES: dict[SizeName, Size] = {
    "full": Size(channels=2, hidden=512, layers=3, backbone="lstm", heard_hz=16_000),
    "small": Size(channels=1, hidden=128, layers=7, backbone="convolutions", band_octaves=1 / 64),
    "tiny": Size(channels=1, hidden=96, layers=1, backbone="gru", band_octaves=1 / 16),
}


@dataclass(frozen=True)
class Bands:
    """Neighbouring bins that are heard together, and masked alike.

    Attributes
    ----------
    edges : tuple of int
        First bin of every band, and the number of bins.
    """

    edges: tuple[int, ...]

    @classmethod
    def of(cls, bins: int, octaves: float) -> Bands:
        """Bands that are at least so wide, and at least one bin."""
        edges = [0]
        while edges[-1] < bins:
            edges.append(max(edges[-1] + 1, round(edges[-1] * 2**octaves)))
        return cls((*edges[:-1], bins))

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def of_bins(self) -> NDArray[np.intp]:
        """The band of every bin [shape=(bins,)]."""
        return np.repeat(np.arange(len(self)), np.diff(self.edges))

    def mean(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Means over the bins of every band [shape=(..., bins)]; bins above the last are left out."""
        if len(self) == self.edges[-1]:
            return values[..., : len(self)]
        widths = np.diff(self.edges).astype(values.dtype)
        return np.asarray(np.add.reduceat(values[..., : self.edges[-1]], self.edges[:-1], axis=-1) / widths)


@dataclass(frozen=True)
class Plan:
    """Everything that the shapes of a network follow from.

    Attributes
    ----------
    size : Size
    stft : STFT
    heard, masked : Bands
        What the encoder hears, and what the decoders give masks for.
    """

    size: Size
    stft: STFT
    heard: Bands
    masked: Bands

    @classmethod
    def of(cls, options: NetworkOptions, sample_rate: int) -> Plan:
        """The plan of a network for recordings of one rate."""
        size = SIZES[options.size]
        stft = STFT.of_duration(options.window_s, options.overlap, sample_rate)
        masked = Bands.of(stft.bins, size.band_octaves)
        audible = int(np.searchsorted(stft.bins_hz(sample_rate), size.heard_hz, side="right"))
        heard = masked if audible >= stft.bins else Bands.of(audible, size.band_octaves)
        return cls(size, stft, heard, masked)
