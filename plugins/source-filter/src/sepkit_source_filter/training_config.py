"""Options of a training of `source-filter`."""

from __future__ import annotations

from pydantic import Field

from sepkit.training.config import TrainingConfig
from sepkit_source_filter.config import NetworkSize


class SourceFilterTraining(TrainingConfig):
    """Options of the network, of what it is shown, and of the descent."""

    steps: int = Field(default=1200, ge=1, le=100_000_000, description="Number of gradient steps, at most.")
    size: NetworkSize = Field(
        default="small", description="Of the network: small, for processors; paper, as it was published."
    )
    order: int = Field(
        default=20, ge=2, le=100, multiple_of=2, description="Of the all-pole filters: twice the number of resonances."
    )
    crops: int = Field(default=2, ge=1, le=10_000, description="Number of excerpts in a batch, all of one piece.")
    crop_s: float = Field(default=2.0, ge=0.2, le=60, description="Length of each, in seconds.")
    f0_rounds: int = Field(
        default=6,
        ge=0,
        le=1000,
        description="Rounds in which F0 is made to follow the recordings before anything is learned; 0: F0 is taken as "
        "it is.",
    )
