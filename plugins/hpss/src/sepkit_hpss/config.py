"""Options of the method `hpss`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sepkit.spectral_config import SpectralConfig


class HPSSConfig(SpectralConfig):
    """Options of harmonic-percussive separation."""

    harmonic_s: float = Field(
        default=0.36,
        gt=0,
        le=10,
        description="Length of the kernel over time in seconds: what is shorter is percussive.",
    )
    percussive_hz: float = Field(
        default=670.0,
        gt=0,
        le=20_000,
        description="Width of the kernel over frequency in Hz: what is narrower is harmonic.",
    )
    kernel: Literal["median", "hann"] = Field(
        default="median", description="How a kernel smooths: by the median, or by a weighted mean."
    )
    iterations: int = Field(
        default=1,
        ge=1,
        le=100,
        description="1 is median filtering as of 2010; more smooth each estimate again: kernel additive modelling.",
    )
    mask_exponent: float = Field(
        default=2.0, gt=0, le=10, description="Exponent of the soft masks: 1 shares by magnitude, 2 by power (Wiener)."
    )
