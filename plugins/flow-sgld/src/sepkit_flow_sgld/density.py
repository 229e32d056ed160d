"""Flows of several sources as one density of stems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.neural import generator
from sepkit_flow_sgld.flow import Flow
from sepkit_flow_sgld.spectral_flow import SpectralFlow

SourceFlow = Flow | SpectralFlow
"""What a source may have."""


class FlowDensity:
    """The density of stems that are independent of each other, by a flow for every source.

    Values are NumPy arrays or torch tensors of shape ``(..., sources, channels, samples)``, with any number of samples;
    axes before those are chains, which go through each network together.

    Parameters
    ----------
    flows : sequence of Flow or SpectralFlow
        One for every source.
    shape : (int, int, int)
        Of what `sample` draws.
    sigma : float
        Standard deviation of the noise that is in the values. Below the lowest level of a flow, such as 0, it stands
        for that level.

    Attributes
    ----------
    power : ndarray [shape=(sources,)]
        Mean square of the stems that the flows have learned from.
    lowest : float
        The lowest noise level that all of the flows have learned.
    spectra : ndarray [shape=(sources, bins)]
        Variance at every frequency of the real Fourier transform, noise included; there only if all flows are spectral.
    """

    def __init__(self, flows: Sequence[SourceFlow], shape: tuple[int, ...], sigma: float = 0.0) -> None:
        self._flows, self._shape, self._sigma = tuple(flows), shape, sigma
        self._placed: dict[tuple[torch.device, torch.dtype], tuple[SourceFlow, ...]] = {}
        self.power: NDArray[np.float64] = np.array([flow.data_std**2 for flow in flows])
        self.lowest = max(flow.lowest for flow in flows)
        spectra = [flow.spectrum(shape[-1] // 2 + 1) for flow in flows if isinstance(flow, SpectralFlow)]
        if len(spectra) == len(flows):
            self.spectra: NDArray[np.float64] = np.stack(spectra) + sigma**2

    def smoothed(self, sigma: float) -> FlowDensity:
        """The density of stems to which white noise of standard deviation `sigma` was added."""
        density = FlowDensity(self._flows, self._shape, sigma)
        density._placed = self._placed
        return density

    def log_prob(self, value: Any) -> Any:
        """Log density in nats of all sources together [shape=(...)]."""
        tensor = _tensor(value)
        total = torch.stack(self._of_every_source(self._log_prob, tensor), -1).sum(-1)
        return total if isinstance(value, Tensor) else total.numpy()

    def gradient(self, value: Any) -> Any:
        """Gradient of `log_prob` [shape=(..., sources, channels, samples)]."""
        tensor = _tensor(value).detach()
        score = torch.stack(self._of_every_source(self._score, tensor), -3)
        return score if isinstance(value, Tensor) else score.numpy()

    def sample(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
        """Independent draws, with the noise in them [shape=(*shape, sources, channels, samples)]."""
        _, channels, samples = self._shape
        drawn = generator(rng)
        stems = []
        for flow in self._flows:
            latent = torch.randn((*shape, channels, samples), generator=drawn)
            with torch.no_grad():
                waveforms = flow.decode(latent.reshape(-1, samples), self._level(flow, latent))
            stems.append(waveforms.reshape(latent.shape))
        draws: NDArray[np.float32] = torch.stack(stems, -3).numpy()
        return draws

    def _of_every_source(self, function: Callable[[SourceFlow, Tensor], Tensor], value: Tensor) -> list[Tensor]:
        if value.ndim < 3 or value.shape[-3] != len(self._flows):
            raise ValueError(
                f"a value needs shape (..., {len(self._flows)} sources, channels, samples), given {tuple(value.shape)}"
            )
        flows = self._on(value.device, value.dtype)
        return [function(flow, stems) for flow, stems in zip(flows, value.unbind(-3), strict=True)]

    def _log_prob(self, flow: SourceFlow, stems: Tensor) -> Tensor:
        """Of the stems of one source [shape=(...)]; every channel counts for itself."""
        every: Tensor = flow(stems.reshape(-1, stems.shape[-1]), self._level(flow, stems))
        return every.reshape(stems.shape[:-1]).sum(-1)

    def _score(self, flow: SourceFlow, stems: Tensor) -> Tensor:
        # A source at a time, so that its network's intermediate values are freed before those of the next.
        with torch.enable_grad():
            stems = stems.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(self._log_prob(flow, stems).sum(), stems)
        return gradient

    def _level(self, flow: SourceFlow, like: Tensor) -> Tensor:
        return like.new_tensor([max(self._sigma, flow.lowest)])

    def _on(self, device: torch.device, dtype: torch.dtype) -> tuple[SourceFlow, ...]:
        """The flows where and as the values are."""
        if (device, dtype) not in self._placed:
            self._placed[device, dtype] = tuple(deepcopy(flow).to(device, dtype) for flow in self._flows)
        return self._placed[device, dtype]


def _tensor(value: Any) -> Tensor:
    # A copy in order: torch takes no arrays that run backwards, and warns of those that are read-only.
    return value if isinstance(value, Tensor) else torch.from_numpy(np.array(value, order="C"))
