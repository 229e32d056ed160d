"""Options of the method `flow-vae` and of its training."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from sepkit.config import Config
from sepkit.training.config import TrainingConfig
from sepkit_flow_sgld.flow_options import Dilations, Levels


class EncoderOptions(Config):
    """Options of the network, as a checkpoint of it records them."""

    sources: int = Field(ge=1, le=1000, description="Number of stems.")
    frame: int = Field(ge=1, le=4096, description="Samples that the network sees as one.")
    width: int = Field(ge=1, le=4096, description="Channels within the network.")
    dilations: Dilations = Field(description="Distances, in frames, to which its layers look.")
    levels: Levels = Field(description="Lowest and highest noise level.")

    @model_validator(mode="after")
    def _levels_rise(self) -> EncoderOptions:
        if self.levels[0] > self.levels[1]:
            raise ValueError(f"levels must not fall, given {self.levels[0]:g} and {self.levels[1]:g}")
        return self


class FlowVAEConfig(Config):
    """Options of separation by a trained variational posterior."""

    estimate: Literal["mean", "sample"] = Field(
        default="mean", description="mean: the mean of the posterior. sample: a draw from it."
    )
    level: float | None = Field(
        default=None,
        gt=0,
        le=1000,
        description="Noise level of the posterior, as a multiple of the mixture's root mean square; by default the "
        "lowest that was trained.",
    )


class FlowVAETrainingConfig(TrainingConfig):
    """Options of the training of a variational posterior on mixtures alone."""

    steps: int = Field(default=3000, ge=1, le=100_000_000, description="Number of gradient steps, at most.")
    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="Of Adam, after the warm-up.")
    priors: Path | None = Field(
        default=None, description="Folder of flows, as sepkit train flow writes it; by default the toy waveforms'."
    )
    batch: int = Field(default=8, ge=1, le=10_000, description="Excerpts of mixtures in a step.")
    excerpt: int = Field(default=4096, ge=64, le=10_000_000, description="Samples of an excerpt.")
    lowest: float = Field(
        default=0.05, gt=0, le=1000, description="Lowest noise level, as a multiple of the mixture's root mean square."
    )
    highest: float = Field(default=1.0, gt=0, le=1000, description="Highest noise level, likewise.")
    frame: int = Field(default=16, ge=1, le=4096, description="Samples that the network sees as one.")
    width: int = Field(default=64, ge=1, le=4096, description="Channels within the network.")
    dilations: Dilations = Field(
        default=(1, 2, 4, 8, 16, 32, 64), description="Distances, in frames, to which its layers look."
    )

    @model_validator(mode="after")
    def _range_rises(self) -> FlowVAETrainingConfig:
        if self.lowest > self.highest:
            raise ValueError(f"lowest needs to be at most highest, given {self.lowest:g} and {self.highest:g}")
        return self
