"""Options of methods that work on a short-time Fourier transform."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sepkit.config import Config

WINDOW_S = 0.046
"""A window that serves music well where nobody has asked for another: 2048 samples at 44.1 kHz."""


Window = Annotated[
    float,
    Field(gt=0, le=1, description="Window of the Fourier transform in seconds, rounded to a power of two samples."),
]
Overlap = Annotated[
    int,
    Field(ge=2, le=32, description="Windows that overlap at each sample; the hop is window / overlap."),
]
MaskExponent = Annotated[
    float, Field(gt=0, le=10, description="Exponent of the soft masks: 1 shares by magnitude, 2 by power (Wiener).")
]


class SpectralConfig(Config):
    """The window and its hop."""

    window_s: Window = WINDOW_S
    overlap: Overlap = 4
