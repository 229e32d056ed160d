"""Options of the denoisers of the prior `diffusion`, and of their training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sepkit.config import Config
from sepkit_flow_sgld.flow_options import Dilations, Levels
from sepkit_flow_sgld.training_config import SourceTrainingConfig

_WINDOW = Field(
    default=1024,
    ge=8,
    le=1 << 16,
    multiple_of=4,
    description="Of the Fourier transform of a spectral denoiser, in samples.",
)
Periods = tuple[Annotated[int, Field(ge=2, le=16_384)], Annotated[int, Field(ge=2, le=16_384)]]


class DenoiserOptions(Config):
    """What both kinds have, as a checkpoint records it."""

    data_std: float = Field(gt=1e-12, le=1e12, description="Root of the mean square of the signals without noise.")
    levels: Levels = Field(description="Lowest and highest noise level that it is for, over data_std.")
    width: int = Field(ge=1, le=4096, description="Channels within the networks.")

    @model_validator(mode="after")
    def _levels_rise(self) -> DenoiserOptions:
        if self.levels[0] >= self.levels[1]:
            raise ValueError(f"levels need to rise, given {self.levels[0]:g} and {self.levels[1]:g}")
        return self


class PeriodicDenoiserOptions(DenoiserOptions):
    """Options of a denoiser of steady pitched sounds."""

    kind: Literal["periodic"] = "periodic"
    periods: Periods = Field(description="Shortest and longest period, in samples.")
    candidates: int = Field(ge=1, le=1000, description="Periods that are attended to.")
    timbre: int = Field(ge=1, le=1024, description="Numbers that describe a sound's timbre.")

    @model_validator(mode="after")
    def _periods_rise(self) -> PeriodicDenoiserOptions:
        if self.periods[0] > self.periods[1]:
            raise ValueError(f"periods must not fall, given {self.periods[0]} and {self.periods[1]}")
        return self


class SpectralDenoiserOptions(DenoiserOptions):
    """Options of a denoiser of recordings."""

    kind: Literal["spectral"]
    window: int = _WINDOW
    dilations: Dilations = Field(description="Distances in frames at which the layers look.")


class DiffusionTrainingConfig(SourceTrainingConfig):
    """Options of the denoisers and of their training, the same for every source."""

    kind: Literal["periodic", "spectral"] = Field(
        default="periodic",
        description="periodic: of steady pitched sounds, seen as a whole. spectral: gains on spectra, for recordings.",
    )
    steps: int = Field(default=600, ge=1, le=100_000_000, description="Number of gradient steps, at most.")
    learning_rate: float = Field(default=3e-3, gt=0, le=1, description="Of Adam, after the warm-up.")
    batch: int = Field(default=8, ge=1, le=100_000, description="Number of segments in a step.")
    segment: int = Field(
        default=14_700, ge=16, le=10_000_000, description="Length of a segment in samples; it is seen as a whole."
    )
    lowest: float = Field(
        default=0.004, gt=0, le=100, description="Lowest standard deviation of the noise, over that of the stems."
    )
    highest: float = Field(
        default=20.0, gt=0, le=1e4, description="Highest standard deviation of the noise, over that of the stems."
    )
    filter_db: float = Field(
        default=0.0, ge=0, le=40, description="Every segment goes through a filter whose gains spread by so many dB."
    )
    clutter: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of segments beside which tones sound that are no instrument's: what is learned is then to "
        "keep the source beside others, and no longer the gradient of a density.",
    )
    lowest_hz: float = Field(
        default=26.0, gt=0, le=1e5, description="Of the fundamental frequencies that a periodic denoiser hears."
    )
    highest_hz: float = Field(default=1150.0, gt=0, le=1e5, description="Likewise.")
    candidates: int = Field(
        default=4, ge=1, le=1000, description="Periods of a periodic denoiser, of those that fit the excerpt."
    )
    timbre: int = Field(
        default=8, ge=1, le=1024, description="Numbers that describe a sound's timbre to a periodic denoiser."
    )
    window: int = _WINDOW
    dilations: Dilations = Field(
        default=(1, 2, 4), description="Distances in frames at which the layers of a spectral denoiser look."
    )
    width: int = Field(default=48, ge=1, le=4096, description="Channels within the networks.")

    @model_validator(mode="after")
    def _pitches_rise(self) -> DiffusionTrainingConfig:
        if self.lowest_hz >= self.highest_hz:
            raise ValueError(f"lowest_hz needs to be below highest_hz, given {self.lowest_hz:g}, {self.highest_hz:g}")
        return self
