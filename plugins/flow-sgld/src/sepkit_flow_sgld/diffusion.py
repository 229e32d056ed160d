"""The prior `diffusion`: a denoiser for every source, whose denoising is the gradient of a density.

By Tweedie's formula a density under white noise has the gradient ``(D(x; sigma) - x) / sigma²``, where D is the
expected clean signal. So a network that was trained to take noise out is a prior. It has no log density of its own.

References
----------
Vincent, "A connection between score matching and denoising autoencoders", Neural Computation 23(7), 2011.
Karras, Aittala, Aila and Laine, "Elucidating the design space of diffusion-based generative models", NeurIPS 2022.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor

from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior
from sepkit_flow_sgld.bundled import bundled_denoisers
from sepkit_flow_sgld.denoiser import DENOISERS, Denoiser
from sepkit_flow_sgld.source_density import SourceDensity, checkpoints_for, sample_rate_of

METHOD = "diffusion"
"""As which checkpoints are marked."""


class DiffusionPrior(Prior):
    """Waveforms of every source lie where a denoiser leads that was trained on that source alone.

    References
    ----------
    Karras, Aittala, Aila and Laine, "Elucidating the design space of diffusion-based generative models", NeurIPS 2022.
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    weights: Path | None = Field(
        default=None,
        description="Folder that holds one folder of weights for every source, as `sepkit train diffusion` writes it; "
        "by default that of the toy waveforms sine, square, saw and triangle; diffusion-instruments has violin, piano "
        "and bassoon at 16 kHz.",
    )

    @property
    def name(self) -> str:
        return METHOD

    @property
    def sample_rate(self) -> int:
        return sample_rate_of(self.weights or bundled_denoisers(), METHOD)

    def bind(self, layout: Layout, domain: Domain) -> Density:
        """The density of the stems that `layout` names; every channel of a stem counts for itself.

        Raises
        ------
        WeightsError
            If a source has no weights, or the mixture has another sample rate than they are for.
        """
        checkpoints = checkpoints_for(layout, self.weights or bundled_denoisers(), METHOD)
        # A score alone, which is as much of a density as one that is smoothed needs to be.
        return cast(Density, DenoiserDensity([DENOISERS.loaded(checkpoint) for checkpoint in checkpoints]))


class DenoiserDensity(SourceDensity[Denoiser]):
    """The score of stems that are independent of each other, by a denoiser for every source."""

    def smoothed(self, sigma: float) -> DenoiserDensity:
        """The density of stems to which white noise of standard deviation `sigma` was added."""
        density = DenoiserDensity(self._networks, sigma)
        density._placed = self._placed
        return density

    def _score(self, network: Denoiser, stems: Tensor) -> Tensor:
        rows, sigma = stems.reshape(-1, stems.shape[-1]), self._level(network, stems)
        with torch.no_grad():
            score = (network(rows, sigma) - rows) / sigma.square()
        shaped: Tensor = score.reshape(stems.shape)
        return shaped
