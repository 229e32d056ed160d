"""Options of a training of `nae`."""

from __future__ import annotations

from pydantic import Field

from sepkit.spectral_config import SpectralConfig
from sepkit.training.config import TrainingConfig
from sepkit_nae.config import Widths


class NAETraining(SpectralConfig, TrainingConfig):
    """Options of the model, of what it is shown, and of the descent."""

    steps: int = Field(default=600, ge=1, le=100_000_000, description="Number of gradient steps, at most.")
    ema: float = Field(
        default=0.99, ge=0, lt=1, description="Decay of the moving average of the weights that is kept; 0: no average."
    )
    rank: int = Field(default=16, ge=1, le=2000, description="Number of atoms of each source.")
    encoder_hidden: Widths = Field(
        default=(256,), description="Widths of hidden layers that the encoder has beside the direct one."
    )
    context_frames: int = Field(
        default=0, ge=0, le=50, description="The encoder sees so many frames before and after each."
    )
    beta: float = Field(
        default=1.0,
        ge=0,
        le=3,
        description="Divergence between magnitudes and output: 2 Euclidean, 1 Kullback-Leibler, 0 Itakura-Saito.",
    )
    sample_rate: int | None = Field(
        default=None, ge=1, le=1_000_000, description="In Hz; by default that of the first recording."
    )
    crops: int = Field(default=16, ge=1, le=10_000, description="Number of mixtures in a batch, each mixed anew.")
    crop_frames: int = Field(default=32, ge=1, le=100_000, description="Length of each, in frames.")
    gain_db: float = Field(
        default=6.0, ge=0, le=60, description="Every stem is made louder or softer at random by up to so many dB."
    )
