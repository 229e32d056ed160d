"""Options of the methods `score-nmf` and `score-nmf-tutorial`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from sepkit.config import Config
from sepkit.spectral_config import MaskExponent, Overlap, SpectralConfig
from sepkit_nmf.config import Unexplained


class FactorizationConfig(Config):
    """What all factorisations informed by a score have in common."""

    transients: bool = Field(
        default=False,
        description="Give every pitch a second template, free in frequency, that sounds at onsets only: for struck and "
        "plucked strings whose score is exact.",
    )
    rest_rank: int = Field(
        default=8, ge=1, le=500, description="Number of free atoms for each source that is no part of the score."
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
    start: Path | None = Field(
        default=None,
        description="A NumPy .npz file with 'templates' (bins, atoms), 'activations' (atoms, frames) or both to start "
        "from, such as the variables.npz of an earlier run; what it lacks starts as the score says.",
    )
    iterations: int = Field(default=60, ge=0, le=100_000, description="At most so many iterations.")
    tolerance: float = Field(
        default=1e-4,
        ge=0,
        lt=1,
        description="Stop when the cost fell by less than this fraction over ten iterations; 0: never.",
    )
    mask_exponent: MaskExponent = 2.0
    unexplained: Unexplained = "auto"

    @model_validator(mode="after")
    def _solver_fits_beta(self) -> FactorizationConfig:
        if self.solver == "mue" and not 1 <= self.beta <= 2:
            raise ValueError(f"solver mue needs beta from 1 to 2, given {self.beta:g}; use mu, or leave it to auto")
        return self

    @property
    def chosen_solver(self) -> str:
        """The solver that ``auto`` stands for."""
        if self.solver != "auto":
            return self.solver
        return "mue" if 1 <= self.beta <= 2 else "mu"


class ScoreNMFConfig(FactorizationConfig):
    """Options of score-informed nonnegative matrix factorisation.

    When notes may sound, and how strongly templates and activations are held, say its default statements.
    """

    window_s: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Window of the Fourier transform in seconds, rounded to a power of two samples; by default 0.093, "
        "and 0.046 if any part plays chords, as pianos do.",
    )
    overlap: Overlap = 4
    shared_envelope: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How far each iteration moves the partials of a part's pitches towards the spectral envelope that "
        "they share, as a fraction of the way; by default 0.05, and 0 for parts that play chords.",
    )
    shared_level: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How far each iteration moves the notes of a part towards the level that they share, as a fraction "
        "of the way; by default 0.1, and 0 for parts that play chords.",
    )

    cents: float = Field(
        default=50.0,
        gt=0,
        le=600,
        description="How far from a partial a note's template may have energy, in cents; two bins it always may.",
    )
    inharmonicity: float | None = Field(
        default=None,
        ge=0,
        le=0.01,
        description="Stiffness B of the strings: partial m lies at m f0 sqrt(1 + B m²). Pianos: 0.0001 to 0.001. By "
        "default what fits the recording best if any part plays chords, and else 0.",
    )


class TutorialConfig(FactorizationConfig, SpectralConfig):
    """Options of score-informed nonnegative matrix factorisation as in the tutorial."""

    unexplained: Unexplained = "residual"

    before_s: float = Field(default=0.2, ge=0, le=60, description="A note may sound so many seconds before its onset.")
    after_s: float = Field(default=0.2, ge=0, le=60, description="A note may sound so many seconds after its offset.")
    transient_before_s: float = Field(
        default=0.1, ge=0, le=60, description="A transient may begin so many seconds before its note's onset."
    )
    transient_after_s: float = Field(
        default=0.1, ge=0, le=60, description="A transient may last so many seconds after its note's onset."
    )
