"""Options of the methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from sepkit.config import Config
from sepkit.spectral_config import MaskExponent, Overlap, SpectralConfig, Window


class MaskConfig(SpectralConfig):
    """The transform, and how its bins are shared out."""

    mask: Literal["soft", "binary"] = Field(
        default="soft", description="soft: a bin is shared out by mask_exponent; binary: it goes to the louder one."
    )
    mask_exponent: MaskExponent = 1.0

    @property
    def exponent(self) -> float:
        """Of the masks; infinite for binary ones."""
        return float("inf") if self.mask == "binary" else self.mask_exponent


class VoiceConfig(MaskConfig):
    """What methods for voice and accompaniment share."""

    voice_from_hz: float = Field(
        default=100.0, ge=0, le=2000, description="What lies below, in Hz, is all of the accompaniment."
    )
    span_s: float = Field(
        default=30.0,
        ge=2,
        le=600,
        description="Longer recordings are modelled in spans of so many seconds that fade into one another.",
    )


class RPCAConfig(VoiceConfig):
    """Options of robust principal component analysis."""

    sparsity: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="Weight of the sparse part, in units of 1 / sqrt(longer side of the spectrogram): with more of it "
        "less is voice.",
    )
    tolerance: float = Field(
        default=3e-3,
        ge=1e-9,
        lt=1,
        description="Stop when both parts miss the spectrogram by less than this fraction of it.",
    )
    iterations: int = Field(default=100, ge=1, le=10_000, description="At most so many iterations.")


class MelodyRange(RPCAConfig):
    """Where the melody is looked for: in the sparse part of the spectrogram."""

    lowest_hz: float = Field(default=80.0, ge=20, le=2000, description="F0 of the voice is never lower.")
    highest_hz: float = Field(default=800.0, ge=50, le=5000, description="F0 of the voice is never higher.")

    @model_validator(mode="after")
    def _range_is_one(self) -> MelodyRange:
        if self.lowest_hz >= self.highest_hz:
            raise ValueError(f"lowest_hz {self.lowest_hz:g} is not below highest_hz {self.highest_hz:g}")
        return self


class MelodyConfig(MelodyRange):
    """Options of the source-filter model of a lead voice."""

    window_s: Window = 0.093
    overlap: Overlap = 8
    mask_exponent: MaskExponent = 2.0
    rank: int = Field(default=30, ge=1, le=500, description="Templates of the accompaniment, in a span.")
    filters: int = Field(default=10, ge=1, le=100, description="Filters of the voice, of which each moment has a mix.")
    unvoiced: float = Field(
        default=0.03, ge=0, le=1, description="Level of noise in the voice beside its partials; 0: it is voiced alone."
    )
    updates: int = Field(default=30, ge=1, le=10_000, description="Updates of the model.")


class RPCAMelodyConfig(MelodyRange):
    """Options of robust PCA and melody together."""

    partials_exponent: float = Field(
        default=0.5, ge=0, le=4, description="Of the mask of partials: less is wider; 0 is robust PCA alone."
    )
    sparse_exponent: float = Field(
        default=0.5, ge=0, le=4, description="Of the mask of the sparse part; 0 is the partials alone."
    )


class REPETConfig(VoiceConfig):
    """Options of the repeating pattern extraction technique."""

    adaptive: bool = Field(
        default=False, description="The period may change: it is found again and again around every moment."
    )
    period_s: float | None = Field(
        default=None, gt=0, le=60, description="The period in seconds; by default it is found in the beat spectrum."
    )
    shortest_s: float = Field(default=0.8, gt=0, le=60, description="No period that is found is shorter, in seconds.")
    longest_s: float = Field(
        default=8.0,
        gt=0,
        le=60,
        description="No longer period is found, in seconds; nor than a quarter of a span.",
    )
    context_s: float = Field(
        default=10.0, ge=1, le=120, description="Of the adaptive form: seconds in which each local period is found."
    )
    repetitions: int = Field(
        default=5, ge=3, le=101, description="Of the adaptive form: neighbouring periods of which the median is taken."
    )

    @model_validator(mode="after")
    def _periods_in_order(self) -> REPETConfig:
        if self.shortest_s > self.longest_s:
            raise ValueError(f"shortest_s {self.shortest_s:g} is above longest_s {self.longest_s:g}; swap them")
        return self


class REPETSIMConfig(VoiceConfig):
    """Options of REPET-SIM."""

    frames: int = Field(default=100, ge=2, le=1000, description="At most so many similar frames make the median.")
    apart_s: float = Field(
        default=0.1, ge=0, le=10, description="Similar frames are at least so many seconds apart from one another."
    )
    similarity: float = Field(
        default=0.0, ge=0, le=1, description="Least cosine similarity of a frame that counts as similar."
    )
    online: bool = Field(
        default=False, description="Compare a frame with those of the past memory_s alone, as for live sound."
    )
    memory_s: float = Field(default=10.0, ge=0.5, le=120, description="Of the online form: seconds remembered.")


class FT2DConfig(VoiceConfig):
    """Options of separation in the two-dimensional Fourier transform."""

    neighbourhood: int = Field(
        default=25,
        ge=3,
        le=1001,
        description="Peaks of the transform are the highest of so many points along the rate of repetition.",
    )
    threshold: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="Least height of a peak above the lowest of its neighbourhood, in standard deviations of the "
        "transform's magnitudes.",
    )


class HPSSConfig(MaskConfig):
    """Options of harmonic-percussive separation."""

    harmonic_s: float = Field(
        default=0.36,
        gt=0,
        le=10,
        description="Length of the kernel over time in seconds: what is shorter is percussive.",
    )
    percussive_hz: float = Field(
        default=670.0,
        gt=0,
        le=20_000,
        description="Width of the kernel over frequency in Hz: what is narrower is harmonic.",
    )
    kernel: Literal["median", "hann"] = Field(
        default="median", description="How a kernel smooths: by the median, or by a weighted mean."
    )
    iterations: int = Field(
        default=1,
        ge=1,
        le=100,
        description="1 is median filtering as of 2010; more smooth each estimate again: kernel additive modelling.",
    )
    separation_factor: float = Field(
        default=1.0,
        ge=1,
        le=100,
        description="A part has to be so many times as strong as the other one; what is neither is the residual, "
        "a stem that there is not with 1.",
    )
    mask_exponent: MaskExponent = 2.0


class CentreConfig(SpectralConfig):
    """Options of centre extraction."""

    exponent: float = Field(
        default=1.0,
        gt=0,
        le=20,
        description="Of the channels' similarity as a mask: more keeps less in the centre.",
    )


class SpatialConfig(SpectralConfig):
    """What methods for any places in the stereo image share."""

    count: int = Field(default=3, ge=2, le=20, description="Number of stems where no sources are named.")


class DUETConfig(SpatialConfig):
    """Options of the degenerate unmixing estimation technique."""

    mask: Literal["binary", "soft"] = Field(
        default="binary", description="binary: a bin goes to the most likely source; soft: it is shared out."
    )
    largest_attenuation: float = Field(
        default=2.0,
        gt=0,
        le=20,
        description="Of the histogram: symmetric attenuation a - 1/a, where a is the level of the right channel over "
        "that of the left.",
    )
    largest_delay_s: float = Field(
        default=1e-4, gt=0, le=0.01, description="Of the histogram: delay of one channel behind the other in seconds."
    )
    attenuations: int = Field(default=50, ge=3, le=1000, description="Classes of attenuation in the histogram.")
    delays: int = Field(default=50, ge=3, le=1000, description="Classes of delay in the histogram.")
    amplitude_weight: float = Field(
        default=1.0, ge=0, le=4, description="Exponent p of the bins' weights: the product of the channels' magnitudes."
    )
    frequency_weight: float = Field(default=0.0, ge=-4, le=4, description="Exponent q of the weights: the frequency.")


class PROJETConfig(SpatialConfig):
    """Options of projection-based separation."""

    projections: int = Field(default=10, ge=3, le=100, description="Directions on which the channels are projected.")
    directions: int = Field(default=30, ge=3, le=500, description="Panning directions that a source is spread over.")
    exponent: float = Field(default=1.0, gt=0, le=2, description="Of the magnitudes that are modelled: 2 is power.")
    iterations: int = Field(default=100, ge=1, le=10_000, description="Updates of the panning of all sources.")
    updates: int = Field(default=10, ge=1, le=1000, description="Updates of the spectra for the panning found.")


class Member(Config):
    """One method of an ensemble."""

    method: str = Field(min_length=1, description="Name of an installed method.")
    weight: float = Field(default=1.0, gt=0, le=1e6, description="Weight of its stems in the mean, beside the others.")
    config: dict[str, Any] = Field(default_factory=dict, description="Its options.")
    weights: Path | None = Field(
        default=None,
        description="Trained weights of the method: a folder, a file, or the name of published ones; null for those "
        "that it comes with, if any.",
    )


class EnsembleConfig(Config):
    """Options of an ensemble."""

    members: tuple[Member, ...] = Field(
        default=(Member(method="melody", weight=3), Member(method="repet-sim")),
        min_length=1,
        max_length=50,
        description="The methods, each with its weight and its options.",
    )
    combine: Literal["mean", "median"] = Field(
        default="mean", description="mean: by the members' weights; median: of every sample, without weights."
    )

    @model_validator(mode="after")
    def _weights_are_used(self) -> EnsembleConfig:
        if self.combine == "median" and len({member.weight for member in self.members}) > 1:
            raise ValueError("a median has no weights: leave them out, or combine by mean")
        return self
