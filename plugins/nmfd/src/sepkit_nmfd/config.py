"""Options of the method `nmfd`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sepkit.spectral_config import MaskExponent, SpectralConfig


class NMFDConfig(SpectralConfig):
    """Options of nonnegative matrix factor deconvolution."""

    template_s: float = Field(
        default=0.093,
        gt=0,
        le=5,
        description="Length of the templates in seconds, rounded to whole hops; what sounds for longer is a template "
        "that is activated again.",
    )
    rank: int | None = Field(
        default=None,
        ge=1,
        le=200,
        description="Number of templates for each source; each pitch or drum key of a score has so many. By default 1; "
        "3 in all where nothing names sources.",
    )
    adapt: Literal["free", "semi-fixed", "fixed"] = Field(
        default="free",
        description="What becomes of templates learned from examples: free starts from them, semi-fixed lets go of "
        "them more and more, fixed keeps them.",
    )
    frozen: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        description="Sources whose templates stay as they were learned from examples, whatever adapt says.",
    )
    decay_s: float = Field(
        default=0.04,
        gt=0,
        le=10,
        description="Activations that start at the onsets of a score fall to 1/e in so many seconds.",
    )
    percussive: bool = Field(
        default=False,
        description="Take apart but the percussive part of the mixture, as the method hpss finds it: for drums among "
        "other instruments. What is harmonic stays in the residual.",
    )
    restore: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Restore the attacks of drums with so many iterations of Griffin and Lim: nothing sounds before "
        "its onset then. Needs a score whose onsets are exact to milliseconds; 0: keep the phases of the mixture.",
    )
    beta: float = Field(
        default=1.0,
        ge=0,
        le=3,
        description="Divergence between spectrogram and model: 2 Euclidean, 1 Kullback-Leibler, 0 Itakura-Saito.",
    )
    solver: Literal["auto", "mu", "mue"] = Field(
        default="auto", description="mu: multiplicative updates; mue: extrapolated, beta from 1 to 2; auto: the faster."
    )
    iterations: int = Field(default=30, ge=0, le=100_000, description="At most so many iterations.")
    tolerance: float = Field(
        default=1e-4,
        ge=0,
        lt=1,
        description="Stop when the cost fell by less than this fraction over ten iterations; 0: never.",
    )
    mask_exponent: MaskExponent = 2.0

    @model_validator(mode="after")
    def _solver_fits_beta(self) -> NMFDConfig:
        if self.solver == "mue" and not 1 <= self.beta <= 2:
            raise ValueError(f"solver mue needs beta from 1 to 2, given {self.beta:g}; use mu, or leave it to auto")
        return self

    @property
    def chosen_solver(self) -> str:
        """The solver that ``auto`` stands for."""
        if self.solver != "auto":
            return self.solver
        return "mue" if 1 <= self.beta <= 2 else "mu"
