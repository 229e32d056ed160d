"""Options that every training by gradient descent has."""

from __future__ import annotations

from pydantic import Field

from sepkit.config import Config


class TrainingConfig(Config):
    """Options of a training by gradient descent; those of a trainer extend them and may have other defaults."""

    steps: int = Field(default=2000, ge=1, le=100_000_000, description="Number of gradient steps, at most.")
    learning_rate: float = Field(default=2e-3, gt=0, le=1, description="Of Adam, after the warm-up.")
    warmup: int = Field(default=50, ge=0, description="Number of steps over which the learning rate rises from zero.")
    decay_from: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="Fraction of the steps after which the learning rate falls, to a fiftieth at the end; 1: never.",
    )
    clip_norm: float = Field(
        default=1.0, ge=0, description="Largest norm of the gradient; larger gradients are scaled down. 0: no limit."
    )
    ema: float = Field(
        default=0.995, ge=0, lt=1, description="Decay of the moving average of the weights that is kept; 0: no average."
    )
    validate_every: int = Field(default=100, ge=1, description="Number of steps between validations.")
    patience: int = Field(
        default=0, ge=0, description="Stop after so many validations without a better one; 0: train to the end."
    )
    save_every: int = Field(
        default=50, ge=1, description="Number of steps after which the state is saved, to go on from after a kill."
    )
