"""What kinds of flows there are, and the options that each is made with: what a checkpoint of one records."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sepkit.config import Config

Dilations = Annotated[tuple[Annotated[int, Field(ge=1, le=100_000)], ...], Field(min_length=1, max_length=64)]
Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=100_000)], ...], Field(min_length=1, max_length=16)]
Steps = Annotated[tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(min_length=1, max_length=16)]
Frames = Annotated[tuple[Annotated[int, Field(ge=2, le=100_000)], ...], Field(min_length=1, max_length=16)]
Levels = tuple[Annotated[float, Field(gt=0, le=1e4)], Annotated[float, Field(gt=0, le=1e4)]]
MOST_BINS = 4096
"""The basis of the MDCT grows with the square of its bins."""


class FlowOptions(Config):
    """What both kinds have."""

    data_std: float = Field(gt=1e-12, le=1e12, description="Root of the mean square of the signals without noise.")
    dilations: Dilations = Field(description="Distances to which the layers of a network look.")
    levels: Levels = Field(description="Lowest and highest noise level that it is for, over data_std.")

    @model_validator(mode="after")
    def _levels_rise(self) -> FlowOptions:
        if self.levels[0] >= self.levels[1]:
            raise ValueError(f"levels need to rise, given {self.levels[0]:g} and {self.levels[1]:g}")
        return self


class WaveformFlowOptions(FlowOptions):
    """Options of a flow on samples."""

    kind: Literal["waveform"] = "waveform"
    frames: Frames = Field(description="Samples of a frame at each scale, finest first.")
    widths: Widths = Field(description="Channels within the networks of each scale.")
    steps: Steps = Field(description="Flow steps at each scale.")
    embedding: int = Field(ge=1, le=4096, description="Channels that describe the noise level.")

    @model_validator(mode="after")
    def _one_of_each_for_every_scale(self) -> WaveformFlowOptions:
        if not len(self.frames) == len(self.widths) == len(self.steps):
            raise ValueError("frames, widths and steps need one number for every scale")
        if any(after % before for before, after in zip(self.frames, self.frames[1:], strict=False)):
            raise ValueError("every frame needs to be a multiple of the one before")
        return self


class SpectralFlowOptions(FlowOptions):
    """Options of a flow on the MDCT."""

    kind: Literal["spectral"]
    bins: int = Field(ge=2, le=MOST_BINS, multiple_of=2, description="Coefficients of a frame of the MDCT.")
    steps: int = Field(ge=1, le=1000, description="Couplings.")
    width: int = Field(ge=1, le=100_000, description="Channels within their networks.")
