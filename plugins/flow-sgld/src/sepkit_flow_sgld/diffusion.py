"""The prior `diffusion`: a denoiser for every source, whose denoising is the gradient of a density.

By Tweedie's formula a density under white noise has the gradient ``(D(x; sigma) - x) / sigma²``, where D is the
expected clean signal. So a network that was trained to take noise out is a prior. It has no log density of its own.

References
----------
Vincent, "A connection between score matching and denoising autoencoders", Neural Computation 23(7), 2011.
Karras, Aittala, Aila and Laine, "Elucidating the design space of diffusion-based generative models", NeurIPS 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from sepkit.errors import WeightsError
from sepkit.neural import Checkpoint
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior
from sepkit_flow_sgld.bundled import bundled_denoisers
from sepkit_flow_sgld.diffusion_config import DenoiserOptions
from sepkit_flow_sgld.periodic_denoiser import PeriodicDenoiser
from sepkit_flow_sgld.prior import checkpoints_of

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
        "by default that of the toy waveforms sine, square, saw and triangle.",
    )

    @property
    def name(self) -> str:
        return METHOD

    def bind(self, layout: Layout, domain: Domain) -> Density:
        """The density of the stems that `layout` names; every channel of a stem counts for itself.

        Raises
        ------
        WeightsError
            If a source has no weights, or the mixture has another sample rate than they are for.
        """
        checkpoints = checkpoints_of(layout.sources, self.weights or bundled_denoisers(), METHOD)
        learned, rate = checkpoints[0].sample_rate, layout.mixture.sample_rate
        if learned != rate:
            raise WeightsError(f"the denoisers' weights are for {learned} Hz, the mixture has {rate} Hz; resample it")
        # A score alone, which is as much of a density as one that is smoothed needs to be.
        return cast(Density, DenoiserDensity([loaded_denoiser(checkpoint) for checkpoint in checkpoints]))


def loaded_denoiser(checkpoint: Checkpoint) -> PeriodicDenoiser:
    """The denoiser of a checkpoint, whose weights are not to change any more.

    Raises
    ------
    WeightsError
        If the weights do not fit it.
    """
    options = checkpoint.options(DenoiserOptions)
    return checkpoint.built(lambda: PeriodicDenoiser(**options.model_dump()))


class DenoiserDensity:
    """The score of stems that are independent of each other, by a denoiser for every source.

    Values are NumPy arrays or torch tensors of shape ``(..., sources, channels, samples)``, with any number of samples;
    axes before those are chains, which go through each network together.

    Parameters
    ----------
    denoisers : sequence of PeriodicDenoiser
        One for every source.
    sigma : float
        Standard deviation of the noise that is in the values. Below the lowest level of a denoiser, such as 0, it
        stands for that level.

    Attributes
    ----------
    power : ndarray [shape=(sources,)]
        Mean square of the stems that the denoisers have learned from.
    """

    def __init__(self, denoisers: Sequence[PeriodicDenoiser], sigma: float = 0.0) -> None:
        self._denoisers, self._sigma = tuple(denoisers), sigma
        self._placed: dict[tuple[torch.device, torch.dtype], tuple[PeriodicDenoiser, ...]] = {}
        self.power: NDArray[np.float64] = np.array([denoiser.data_std**2 for denoiser in denoisers])

    def smoothed(self, sigma: float) -> DenoiserDensity:
        """The density of stems to which white noise of standard deviation `sigma` was added."""
        density = DenoiserDensity(self._denoisers, sigma)
        density._placed = self._placed
        return density

    def gradient(self, value: Any) -> Any:
        """Gradient of the log density [shape=(..., sources, channels, samples)]."""
        # A copy in order: torch takes no arrays that run backwards, and warns of those that are read-only.
        tensor = value.detach() if isinstance(value, Tensor) else torch.from_numpy(np.array(value, order="C"))
        if tensor.ndim < 3 or tensor.shape[-3] != len(self._denoisers):
            raise ValueError(
                f"a value needs shape (..., {len(self._denoisers)} sources, channels, samples), given "
                f"{tuple(tensor.shape)}"
            )
        placed = zip(self._on(tensor.device, tensor.dtype), tensor.unbind(-3), strict=True)
        score = torch.stack([self._score(denoiser, stems) for denoiser, stems in placed], -3)
        return score if isinstance(value, Tensor) else score.numpy()

    def _score(self, denoiser: PeriodicDenoiser, stems: Tensor) -> Tensor:
        rows, sigma = stems.reshape(-1, stems.shape[-1]), max(self._sigma, denoiser.lowest)
        with torch.no_grad():
            score = (denoiser(rows, rows.new_tensor([sigma])) - rows) / sigma**2
        shaped: Tensor = score.reshape(stems.shape)
        return shaped

    def _on(self, device: torch.device, dtype: torch.dtype) -> tuple[PeriodicDenoiser, ...]:
        """The denoisers where and as the values are."""
        if (device, dtype) not in self._placed:
            self._placed[device, dtype] = tuple(deepcopy(one).to(device, dtype) for one in self._denoisers)
        return self._placed[device, dtype]
