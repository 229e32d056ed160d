"""Options of the training of priors, and of flows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from sepkit.training.config import TrainingConfig
from sepkit_flow_sgld.flow_options import MOST_BINS, Dilations, Frames, Steps, Widths


class SourceTrainingConfig(TrainingConfig):
    """Options that every training of a prior has which learns from one source at a time."""

    batch: int = Field(default=8, ge=1, le=100_000, description="Number of segments in a step.")
    segment: int = Field(default=4096, ge=1, le=10_000_000, description="Length of a segment in samples.")
    gain_db: float = Field(
        default=2.0, ge=0, le=40, description="Every segment is made louder or softer by up to so many decibels."
    )
    lowest: float = Field(
        default=0.01, gt=0, le=100, description="Lowest standard deviation of the noise, over that of the stems."
    )
    highest: float = Field(
        default=5.0, gt=0, le=1e4, description="Highest standard deviation of the noise, over that of the stems."
    )
    sample_rate: int | None = Field(
        default=None, ge=1, le=384_000, description="Rate in Hz that is learned at; by default that of the first track."
    )
    memory_minutes: float = Field(
        default=60.0, gt=0, le=1e5, description="Of longer data, stretches of every track so long in all are used."
    )

    @model_validator(mode="after")
    def _range_rises(self) -> SourceTrainingConfig:
        if self.lowest >= self.highest:
            raise ValueError(f"lowest needs to be below highest, given {self.lowest} and {self.highest}")
        return self


class FlowTrainingConfig(SourceTrainingConfig):
    """Options of the flows and of their training, the same for every source."""

    steps: int = Field(default=4000, ge=1, le=100_000_000, description="Number of gradient steps, at most.")
    start: Path | None = Field(
        default=None,
        description="Folder with the weights of another source to start from, of a flow of the same size; by default "
        "they are drawn.",
    )
    kind: Literal["waveform", "spectral"] = Field(
        default="waveform",
        description="waveform: a flow on samples. spectral: one on the MDCT, for recordings, whose spectra fall by "
        "many decibels; it has one scale, and is slower at the same width.",
    )
    frames: Frames = Field(
        default=(32,),
        description="Samples of a frame at each scale of a waveform flow, each a multiple of the one before.",
    )
    bins: int = Field(
        default=512, ge=2, le=MOST_BINS, multiple_of=2, description="Bins of the MDCT of a spectral flow; even."
    )
    widths: Widths = Field(default=(48,), description="Channels within the networks of each scale.")
    flow_steps: Steps = Field(default=(6,), description="Flow steps at each scale.")
    dilations: Dilations = Field(
        default=(1, 2, 4, 8),
        description="Distances to which the layers of a network look: in frames, or in bins of a spectral flow.",
    )
    embedding: int = Field(
        default=16, ge=1, le=4096, description="Channels that describe the noise level to a waveform flow."
    )

    @model_validator(mode="after")
    def _consistent(self) -> FlowTrainingConfig:
        if self.kind == "spectral" and not len(self.widths) == len(self.flow_steps) == 1:
            raise ValueError("widths and flow_steps need one number each: spectral flows have one scale")
        if self.kind == "waveform" and not len(self.frames) == len(self.widths) == len(self.flow_steps):
            raise ValueError("frames, widths and flow_steps need one number for every scale")
        if any(b % a for a, b in zip(self.frames, self.frames[1:], strict=False)):
            raise ValueError(f"frames need to be each a multiple of the one before, given {self.frames}")
        frame = self.bins if self.kind == "spectral" else self.frames[-1]
        if self.segment < frame:
            raise ValueError(f"segment needs at least one frame of {frame} samples, given {self.segment}")
        return self
