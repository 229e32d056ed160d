"""Options of the method `mosaic`."""

from __future__ import annotations

from pydantic import Field

from sepkit.spectral_config import Overlap, SpectralConfig


class MosaicConfig(SpectralConfig):
    """Options of audio mosaics."""

    overlap: Overlap = 2
    repetition: int = Field(
        default=3, ge=0, le=1000, description="No sound of the source begins again within so many frames."
    )
    polyphony: int = Field(default=10, ge=1, le=10_000, description="At most so many sounds of the source at a time.")
    continuity: int = Field(
        default=3, ge=0, le=100, description="Sounds of the source go on for so many frames before and after."
    )
    iterations: int = Field(
        default=20, ge=1, le=1000, description="Updates, over which these demands grow from soft to hard."
    )
    phase_iterations: int = Field(
        default=50, ge=0, le=10_000, description="Iterations of Griffin and Lim, which find the phases of the mosaic."
    )
