"""The kinds of denoisers that the prior `diffusion` may have."""

from __future__ import annotations

from sepkit.errors import WeightsError
from sepkit.neural import Checkpoint
from sepkit_flow_sgld.diffusion_config import DenoiserOptions, PeriodicDenoiserOptions, SpectralDenoiserOptions
from sepkit_flow_sgld.periodic_denoiser import PeriodicDenoiser
from sepkit_flow_sgld.spectral_denoiser import SpectralDenoiser

Denoiser = PeriodicDenoiser | SpectralDenoiser
"""What a source may have."""


def denoiser_of(options: DenoiserOptions) -> Denoiser:
    """The denoiser with these options, its weights still to be drawn."""
    kind = PeriodicDenoiser if isinstance(options, PeriodicDenoiserOptions) else SpectralDenoiser
    denoiser: Denoiser = kind(**options.model_dump(exclude={"kind"}))
    return denoiser


def loaded_denoiser(checkpoint: Checkpoint) -> Denoiser:
    """The denoiser of a checkpoint, whose weights are not to change any more.

    Raises
    ------
    WeightsError
        If there is no denoiser of its kind, or the weights do not fit it.
    """
    kind = checkpoint.config.get("kind", "periodic")
    if kind not in ("periodic", "spectral"):
        raise WeightsError(
            f"the weights of {', '.join(checkpoint.sources)} are of another kind of denoiser than periodic and "
            "spectral; update sepkit-flow-sgld"
        )
    options = checkpoint.options(PeriodicDenoiserOptions if kind == "periodic" else SpectralDenoiserOptions)
    return checkpoint.built(lambda: denoiser_of(options))
