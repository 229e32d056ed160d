"""Options of the methods on dictionaries of tones."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sepkit.config import Config


class ToneConfig(Config):
    """Spectra on a logarithmic axis, and how the harmonics of an instrument are learned from them."""

    tones: int = Field(
        default=1,
        ge=1,
        le=16,
        description="At most so many tones of each instrument sound at once while it is learned: 1 for winds.",
    )
    harmonics: int = Field(default=25, ge=2, le=100, description="Number of partials of a tone.")
    spectrogram: Literal["mel", "pursuit"] = Field(
        default="mel",
        description="How spectra come onto the logarithmic axis of frequency. mel: smoothed; pursuit: every peak is "
        "found and drawn anew, which is sharper at low frequencies and takes a hundred times as long.",
    )
    window_s: float = Field(
        default=0.557,
        gt=0,
        le=4,
        description="Gaussian window in seconds, 12 of its standard deviations. Smoothed spectra have twice as long "
        "ones from 100 to 200 Hz, and four times as long ones below.",
    )
    hop_s: float = Field(
        default=0.0232, gt=0, le=1, description="Seconds between frames, at most an eighth of the window."
    )
    low_hz: float = Field(
        default=50.0, ge=10, le=2000, description="Lowest frequency that is looked at, in Hz; no tone lies below."
    )
    high_hz: float = Field(
        default=20_480.0, gt=100, le=100_000, description="Highest frequency that is looked at, in Hz."
    )
    exponent: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Magnitudes are compared as this power: the smaller, the more quiet ones count.",
    )
    iterations: int = Field(
        default=300, ge=1, le=1_000_000, description="Steps of learning, with twice as many instruments."
    )
    settle: int = Field(
        default=150,
        ge=0,
        le=1_000_000,
        description="Steps of learning thereafter, with those instruments that are kept.",
    )
    batch: int = Field(
        default=8, ge=1, le=1000, description="Random spectra in each step; twice as many while it settles."
    )
    prune_every: int = Field(
        default=75,
        ge=1,
        le=100_000,
        description="Steps after which the half of the instruments that sounded least gives way to new random ones.",
    )
    learning_rate: float = Field(default=5e-3, gt=0, le=1, description="Of Adam.")

    @model_validator(mode="after")
    def _can_be(self) -> ToneConfig:
        if self.iterations < self.prune_every:
            raise ValueError(
                f"iterations={self.iterations} end before any instrument is chosen, which is after "
                f"prune_every={self.prune_every}"
            )
        if self.high_hz < 2 * self.low_hz:
            raise ValueError(f"high_hz={self.high_hz:g} needs to be an octave above low_hz={self.low_hz:g} at least")
        return self


class SparsePursuitConfig(ToneConfig):
    """Options of sparse pursuit with a dictionary that is learned from the mixture."""

    instruments: int = Field(
        default=2, ge=1, le=16, description="Number of instruments, where neither sources nor weights name them."
    )
    starts: int = Field(
        default=4,
        ge=1,
        le=100,
        description="Dictionaries that are learned from different random starts. The one that explains the spectra "
        "best is used.",
    )
    resynthesis: Literal["mask", "tones"] = Field(
        default="mask",
        description="mask: the mixture is shared out in proportion to the tones. tones: they are drawn as they are, "
        "with the mixture's phases, and all else goes to the residual.",
    )


class BeurlingLassoConfig(ToneConfig):
    """Options of Beurling LASSO with a given dictionary."""

    sparsity: float = Field(
        default=0.3,
        gt=0,
        lt=1,
        description="What a unit of total variation costs, as a share of the cost at which nothing would be found.",
    )
    steps: int = Field(default=60, ge=5, le=100_000, description="At most so many proximal steps.")
    inner: int = Field(default=10, ge=1, le=10_000, description="Iterations of the projection in each step.")
    gap: float = Field(
        default=0.02, gt=0, lt=1, description="Stop when the duality gap is below this share of the cost everywhere."
    )
    resynthesis: Literal["mask", "tones"] = Field(
        default="mask",
        description="mask: the mixture is shared out in proportion to the sources. tones: of the mixture only what the "
        "sources explain is, and all else goes to the residual.",
    )
    finer: int = Field(default=2, ge=1, le=16, description="Places for tones in each bin of the logarithmic axis.")
