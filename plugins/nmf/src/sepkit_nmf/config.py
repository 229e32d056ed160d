"""Options of the method `nmf`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sepkit.spectral_config import MaskExponent, SpectralConfig

MOST_ATOMS = 2000

Unexplained = Annotated[
    Literal["auto", "residual", "share"],
    Field(
        description="What no note of a score explains stays in the residual, or is shared among what sounds at that "
        "time or sounded last, for scores of all that is heard; auto: shared if it is less than a tenth of the energy."
    ),
]
"""An option of methods that are informed by a score; see `sepkit_nmf.unexplained`."""


def fastest_solver(beta: float) -> str:
    """The solver that lowers this divergence the fastest."""
    if beta == 2:
        return "hals"
    return "mue" if 1 <= beta < 2 else "mu"


class NMFConfig(SpectralConfig):
    """Options of nonnegative matrix factorisation."""

    rank: int | None = Field(
        default=None,
        ge=1,
        le=MOST_ATOMS,
        description="Number of atoms: in all for blind separation, for each source when templates are learned from "
        "examples or labelled. By default 8 in all without source names, otherwise 16 for each source.",
    )
    beta: float = Field(
        default=1.0,
        ge=0,
        le=3,
        description="Divergence between spectrogram and model: 2 Euclidean, 1 Kullback-Leibler, 0 Itakura-Saito.",
    )
    solver: Literal["auto", "mu", "mue", "hals"] = Field(
        default="auto",
        description="mu: multiplicative updates, any beta; mue: extrapolated, beta from 1 to 2; hals: hierarchical "
        "alternating least squares, beta 2; auto: the fastest for this beta.",
    )
    iterations: int = Field(default=200, ge=0, le=100_000, description="At most so many iterations.")
    tolerance: float = Field(
        default=1e-4,
        ge=0,
        lt=1,
        description="Stop when the cost fell by less than this fraction over ten iterations; 0: never.",
    )
    init: Literal["random", "nndsvd"] = Field(default="random", description="Start of what is not given otherwise.")
    start: Path | None = Field(
        default=None,
        description="A NumPy .npz file with 'templates' (bins, atoms), 'activations' (atoms, frames) or both to start "
        "from, such as the variables.npz of an earlier run.",
    )
    fix: Literal["auto", "none", "templates", "activations"] = Field(
        default="auto",
        description="What stays as it was given: templates learned from examples stay fixed under auto, those of start "
        "do not.",
    )
    mask_exponent: MaskExponent = 1.0
    precision: Literal["float32", "float64"] = Field(
        default="float32", description="Floating-point type of the factorisation."
    )

    @model_validator(mode="after")
    def _solver_fits_beta(self) -> NMFConfig:
        if self.solver == "hals" and self.beta != 2:
            raise ValueError(f"solver hals needs beta 2, given {self.beta:g}; use mu or mue, or leave it to auto")
        if self.solver == "mue" and not 1 <= self.beta <= 2:
            raise ValueError(f"solver mue needs beta from 1 to 2, given {self.beta:g}; use mu, or leave it to auto")
        if self.fix == "activations" and self.start is None:
            raise ValueError("fix=activations needs activations that are given by start")
        return self

    @property
    def chosen_solver(self) -> str:
        """The solver that ``auto`` stands for."""
        if self.solver != "auto":
            return self.solver
        return fastest_solver(self.beta)
