"""Options of a training of `interleaved`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sepkit.training.config import TrainingConfig
from sepkit_interleaved.config import NetworkOptions


class InterleavedTraining(NetworkOptions, TrainingConfig):
    """Options of the network, of what it is shown, of the order of the tasks, and of the descent."""

    steps: int = Field(
        default=6000,
        ge=1,
        le=100_000_000,
        description="Number of gradient steps, at most: of one task each, or of all of them with accumulate and "
        "simultaneous.",
    )
    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="Of Adam, after the warm-up.")
    mode: Literal["interleaved", "accumulate", "simultaneous", "independent"] = Field(
        default="interleaved",
        description="interleaved: the tasks take turns, a step each; accumulate: a step sums the gradients of a batch "
        "of every task; simultaneous: a step learns all targets from one batch, whose tracks need to have them all; "
        "independent: a network of its own for every target.",
    )
    order: Literal["shuffled", "cyclic"] = Field(
        default="shuffled", description="Of the tasks in a round: another one each time, or always the same."
    )
    decoder_steps: int = Field(
        default=300,
        ge=0,
        le=100_000_000,
        description="Number of steps that every decoder takes alone in the end, with the encoder as it is; its best "
        "weights are kept.",
    )
    loss: Literal["l1", "mse", "phase"] = Field(
        default="l1",
        description="Between masked mixture and target, band by band: absolute or squared difference of magnitudes; "
        "phase: absolute difference of the complex spectra.",
    )
    weights: dict[str, Annotated[float, Field(gt=0, le=1e6)]] = Field(
        default_factory=dict, description="Weight of a task's loss, by its target; 1 for those left out."
    )
    sample_rate: int = Field(default=44100, ge=4000, le=192_000, description="In Hz.")
    batch: int = Field(default=8, ge=1, le=10_000, description="Number of excerpts in a batch, each mixed anew.")
    excerpt_s: float = Field(default=6.0, ge=0.2, le=120, description="Length of each, in seconds.")
    gain_db: float = Field(
        default=6.0, ge=0, le=60, description="Every stem is made louder or softer at random by up to so many dB."
    )
    filter_db: float = Field(
        default=6.0,
        ge=0,
        le=60,
        description="Every stem is filtered at random, by up to so many dB more or less at each octave.",
    )
    remix: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Probability that a target is mixed with what sounds beside it in another track than its own.",
    )

    @property
    def network(self) -> NetworkOptions:
        """What describes the network."""
        return NetworkOptions(**self.model_dump(include=set(NetworkOptions.model_fields)))
