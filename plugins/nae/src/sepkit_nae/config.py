"""Options of the method `nae`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sepkit.config import Config
from sepkit.spectral_config import MaskExponent, Overlap
from sepkit_nmf.config import Unexplained

Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=10_000)], ...], Field(max_length=8)]


class NAEConfig(Config):
    """Options of nonnegative autoencoders."""

    window_s: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Window of the Fourier transform in seconds, rounded to a power of two samples; by default 0.046, "
        "and 0.093 beside a score of which no part plays chords.",
    )
    overlap: Overlap = 4
    rule: Literal["multiplicative", "projected", "relu"] = Field(
        default="multiplicative",
        description="How outputs stay nonnegative. multiplicative: updates that keep signs and never raise the cost; "
        "projected: Adam, negative weights set to zero; relu: Adam, weights of any sign under ReLUs.",
    )
    rank: int | None = Field(
        default=None,
        ge=1,
        le=2000,
        description="Number of atoms without a score. By default 8 without source names, otherwise 16 for each source.",
    )
    rest_rank: int = Field(
        default=8, ge=1, le=500, description="Number of free atoms for each source that is no part of the score."
    )
    beta: float = Field(
        default=1.0,
        ge=0,
        le=3,
        description="Divergence between spectrogram and output: 2 Euclidean, 1 Kullback-Leibler, 0 Itakura-Saito.",
    )
    iterations: int = Field(default=200, ge=1, le=100_000, description="At most so many iterations.")
    tolerance: float = Field(
        default=1e-4,
        ge=0,
        lt=1,
        description="Multiplicative rule: stop when the cost fell by less than this fraction over ten iterations; 0: "
        "never.",
    )
    learning_rate: float = Field(
        default=0.05,
        gt=0,
        le=1,
        description="Of Adam, for the rules projected and relu: a step as a part of the weights' root mean square.",
    )
    context_frames: int = Field(
        default=0, ge=0, le=50, description="The encoder sees so many frames before and after each (a convolution)."
    )
    encoder_hidden: Widths = Field(
        default=(), description="Widths of hidden layers that the encoder has beside the direct one; rule relu only."
    )
    decoder_hidden: Widths = Field(
        default=(), description="Widths of hidden layers that refine what the templates give; rule relu only."
    )
    inference: Literal["encoder", "refit"] = Field(
        default="encoder",
        description="Trained weights: where activations come from. encoder: the trained encoder, in one pass; refit: "
        "fitted to the mixture, with beta, iterations and tolerance. Window and atoms are those of the weights.",
    )
    mask_exponent: MaskExponent = 2.0
    unexplained: Unexplained = "auto"

    @model_validator(mode="after")
    def _hidden_layers_fit_the_rule(self) -> NAEConfig:
        if (self.encoder_hidden or self.decoder_hidden) and self.rule != "relu":
            raise ValueError(f"hidden layers need rule relu, given {self.rule}; leave them out, or set rule=relu")
        return self
