"""Sizes of network, transform and training that go together."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

OUTPUTS = ("pdf", "amplitude", "width", "offset", "gamma_shape", "gamma_rate", "direct_re", "direct_im", "on")
"""What the network gives for every instrument in every bin."""


@dataclass(frozen=True)
class Size:
    """One size.

    Attributes
    ----------
    sample_rate : int
        In Hz.
    window_length : int
        Of the Fourier transform, in samples; half as many bins are kept.
    hop, training_hop : int
        Samples between frames to separate, and between those to learn from.
    harmonics : int
        H.
    strides, channels : tuple of int
        Of the contracting layers; the product of the strides is the number of bins.
    head : int
        Channels of the last layers.
    scales : tuple of float
        By which the `OUTPUTS` are multiplied at first.
    on_bias : float
        Added to the scaled output `on`.
    rate_bias : float
        Logarithm of the rate of the Gamma distribution at which its scaled output is 0.
    extreme : float
        Logarithms of shape and rate of the Gamma distribution stay within this distance of their start.
    explored : int
        K, the tones that are tried for each one.
    coldest : float
        The smallest power of the probabilities with which they are drawn.
    rooted : bool
        Whether the network sees sign(x) sqrt|x| of its input x.
    batch, at_once, steps : int
        Frames of a training step, how many of them are worked on at once, and number of steps by default.
    learning_rate, dictionary_learning_rate, momentum : float
        Of AdaMax; the momentum is its first beta.
    """

    sample_rate: int
    window_length: int
    hop: int
    training_hop: int
    harmonics: int
    strides: tuple[int, ...]
    channels: tuple[int, ...]
    head: int
    scales: tuple[float, ...]
    on_bias: float
    rate_bias: float
    extreme: float
    explored: int
    coldest: float
    rooted: bool
    batch: int
    at_once: int
    steps: int
    learning_rate: float
    dictionary_learning_rate: float
    momentum: float

    @property
    def bins(self) -> int:
        """Number of frequency bins."""
        return self.window_length // 2

    @property
    def deviation(self) -> float:
        """Standard deviation of the Gaussian window, in samples."""
        return _DEVIATION_S * self.sample_rate

    @property
    def width(self) -> float:
        """Standard deviation of a partial in the spectrum, in bins."""
        return self.window_length / (2 * math.pi * self.deviation)


_DEVIATION_S = 1024 / 48_000

SIZES = {
    "paper": Size(
        sample_rate=44_100,
        window_length=12_288,
        hop=512,
        training_hop=128,
        harmonics=25,
        strides=(4, 4, 4, 4, 4, 3, 2),
        channels=(80, 160, 240, 320, 400, 480, 560),
        head=80,
        scales=(1e4, 1, 3, 1, 30, 30, 1, 1, 1e3),
        on_bias=500,
        rate_bias=math.log(1_000),
        extreme=30,
        explored=3,
        coldest=0.01,
        rooted=False,
        batch=12,
        at_once=4,
        steps=70_000,
        learning_rate=1e-3,
        dictionary_learning_rate=1e-4,
        momentum=0.99,
    ),
    "small": Size(
        sample_rate=8_000,
        window_length=1_024,
        hop=128,
        training_hop=16,
        harmonics=16,
        strides=(4, 4, 4, 4, 2),
        channels=(24, 32, 48, 64, 64),
        head=24,
        scales=(10, 1, 1, 1, 1, 1, 1, 1, 10),
        on_bias=5,
        rate_bias=math.log(100_000),
        extreme=3,
        explored=2,
        coldest=0.3,
        rooted=True,
        batch=8,
        at_once=8,
        steps=1_000,
        learning_rate=2e-3,
        dictionary_learning_rate=1e-3,
        momentum=0.9,
    ),
}


def sized(name: str, harmonics: int) -> Size:
    """The size of that name, with at most so many harmonics."""
    size = SIZES[name]
    return replace(size, harmonics=min(size.harmonics, harmonics))
