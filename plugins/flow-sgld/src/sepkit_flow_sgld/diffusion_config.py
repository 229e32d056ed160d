"""Options of the denoisers of the prior `diffusion`, and of their training."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from sepkit.config import Config
from sepkit_flow_sgld.flow_options import Levels
from sepkit_flow_sgld.training_config import SourceTrainingConfig

Periods = tuple[Annotated[int, Field(ge=2, le=16_384)], Annotated[int, Field(ge=2, le=16_384)]]


class DenoiserOptions(Config):
    """Options of a denoiser, as a checkpoint of it records them."""

    data_std: float = Field(gt=1e-12, le=1e12, description="Root of the mean square of the signals without noise.")
    levels: Levels = Field(description="Lowest and highest noise level that it is for, over data_std.")
    periods: Periods = Field(description="Shortest and longest period, in samples.")
    candidates: int = Field(ge=1, le=1000, description="Periods that are attended to.")
    width: int = Field(ge=1, le=4096, description="Channels within the networks.")
    timbre: int = Field(ge=1, le=1024, description="Numbers that describe a sound's timbre.")

    @model_validator(mode="after")
    def _ranges_rise(self) -> DenoiserOptions:
        if self.levels[0] >= self.levels[1]:
            raise ValueError(f"levels need to rise, given {self.levels[0]:g} and {self.levels[1]:g}")
        if self.periods[0] > self.periods[1]:
            raise ValueError(f"periods must not fall, given {self.periods[0]} and {self.periods[1]}")
        return self


class DiffusionTrainingConfig(SourceTrainingConfig):
    """Options of the denoisers and of their training, the same for every source."""

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
    lowest_hz: float = Field(default=26.0, gt=0, le=1e5, description="Of the fundamental frequencies that are heard.")
    highest_hz: float = Field(default=1150.0, gt=0, le=1e5, description="Likewise.")
    candidates: int = Field(
        default=4, ge=1, le=1000, description="Periods that are attended to, of those that fit the excerpt."
    )
    width: int = Field(default=48, ge=1, le=4096, description="Channels within the networks.")
    timbre: int = Field(default=8, ge=1, le=1024, description="Numbers that describe a sound's timbre.")

    @model_validator(mode="after")
    def _pitches_rise(self) -> DiffusionTrainingConfig:
        if self.lowest_hz >= self.highest_hz:
            raise ValueError(f"lowest_hz needs to be below highest_hz, given {self.lowest_hz:g}, {self.highest_hz:g}")
        return self
