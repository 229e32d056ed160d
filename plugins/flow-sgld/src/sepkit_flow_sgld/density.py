"""Flows of several sources as one density of stems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.neural import generator
from sepkit_flow_sgld.flow import Flow
from sepkit_flow_sgld.source_density import SourceDensity, as_tensor
from sepkit_flow_sgld.spectral_flow import SpectralFlow

SourceFlow = Flow | SpectralFlow
"""What a source may have."""


class FlowDensity(SourceDensity[SourceFlow]):
    """The density of stems that are independent of each other, by a flow for every source.

    Parameters
    ----------
    flows : sequence of Flow or SpectralFlow
        One for every source.
    shape : (int, int, int)
        Of what `sample` draws.
    sigma : float
        Standard deviation of the noise that is in the values, as of `SourceDensity`.

    Attributes
    ----------
    lowest : float
        The lowest noise level that all of the flows have learned.
    spectra : ndarray [shape=(sources, bins)]
        Variance at every frequency of the real Fourier transform, noise included; there only if all flows are spectral.
    """

    def __init__(self, flows: Sequence[SourceFlow], shape: tuple[int, ...], sigma: float = 0.0) -> None:
        super().__init__(flows, sigma)
        self._shape = shape
        self.lowest = max(flow.lowest for flow in flows)
        spectra = [flow.spectrum(shape[-1] // 2 + 1) for flow in flows if isinstance(flow, SpectralFlow)]
        if len(spectra) == len(flows):
            self.spectra: NDArray[np.float64] = np.stack(spectra) + sigma**2

    def smoothed(self, sigma: float) -> FlowDensity:
        """The density of stems to which white noise of standard deviation `sigma` was added."""
        density = FlowDensity(self._networks, self._shape, sigma)
        density._placed = self._placed
        return density

    def log_prob(self, value: Any) -> Any:
        """Log density in nats of all sources together [shape=(...)]."""
        tensor = as_tensor(value)
        total = torch.stack(self._of_every_source(self._log_prob, tensor), -1).sum(-1)
        return total if isinstance(value, Tensor) else total.numpy()

    def sample(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
        """Independent draws, with the noise in them [shape=(*shape, sources, channels, samples)]."""
        _, channels, samples = self._shape
        drawn = generator(rng)
        stems = []
        for flow in self._networks:
            latent = torch.randn((*shape, channels, samples), generator=drawn)
            with torch.no_grad():
                waveforms = flow.decode(latent.reshape(-1, samples), self._level(flow, latent))
            stems.append(waveforms.reshape(latent.shape))
        draws: NDArray[np.float32] = torch.stack(stems, -3).numpy()
        return draws

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
