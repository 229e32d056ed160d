"""Options of the methods."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sepkit.spectral_config import SpectralConfig


class MaskConfig(SpectralConfig):
    """The transform, and how its bins are shared out."""

    mask: Literal["soft", "binary"] = Field(
        default="soft", description="soft: a bin is shared out by mask_exponent; binary: it goes to the louder one."
    )
    mask_exponent: float = Field(
        default=2.0, gt=0, le=10, description="Exponent of the soft masks: 1 shares by magnitude, 2 by power (Wiener)."
    )

    @property
    def exponent(self) -> float:
        """Of the masks; infinite for binary ones."""
        return float("inf") if self.mask == "binary" else self.mask_exponent


class VoiceConfig(MaskConfig):
    """What methods for voice and accompaniment share."""

    voice_from_hz: float = Field(
        default=100.0, ge=0, le=2000, description="What lies below, in Hz, is all of the accompaniment."
    )
    span_s: float = Field(
        default=30.0,
        ge=2,
        le=600,
        description="Longer recordings are modelled in spans of so many seconds that fade into one another.",
    )


class RPCAConfig(VoiceConfig):
    """Options of robust principal component analysis."""

    sparsity: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="Weight of the sparse part, in units of 1 / sqrt(longer side of the spectrogram): with more of it "
        "less is voice.",
    )
    tolerance: float = Field(
        default=1e-4,
        ge=1e-9,
        lt=1,
        description="Stop when both parts miss the spectrogram by less than this fraction of it.",
    )
    iterations: int = Field(default=100, ge=1, le=10_000, description="At most so many iterations.")
