"""The kinds of denoisers that the prior `diffusion` may have."""

from __future__ import annotations

from sepkit_flow_sgld.diffusion_config import PeriodicDenoiserOptions, SpectralDenoiserOptions
from sepkit_flow_sgld.kinds import Kinds
from sepkit_flow_sgld.periodic_denoiser import PeriodicDenoiser
from sepkit_flow_sgld.spectral_denoiser import SpectralDenoiser

Denoiser = PeriodicDenoiser | SpectralDenoiser
"""What a source may have."""

DENOISERS: Kinds[Denoiser] = Kinds(
    "denoiser",
    {
        "periodic": (PeriodicDenoiserOptions, PeriodicDenoiser),
        "spectral": (SpectralDenoiserOptions, SpectralDenoiser),
    },
)
