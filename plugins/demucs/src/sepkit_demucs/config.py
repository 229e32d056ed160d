"""Options of the method `demucs`."""

from __future__ import annotations

from pydantic import Field

from sepkit.config import Config


class DemucsConfig(Config):
    """Options of Hybrid Transformer Demucs."""

    segment_s: float | None = Field(
        default=None,
        gt=0,
        le=600,
        description="Seconds that the network hears at once, at most as many as it was trained on, which are taken by "
        "default: 7.8 for the published ones. Fewer save no time.",
    )
    overlap: float = Field(
        default=0.25, ge=0, le=0.9, description="Part of each segment that the next one covers too; they are faded."
    )
    shifts: int = Field(
        default=1,
        ge=1,
        le=100,
        description="How often to separate, with segments in other places each time; the mean is taken. Takes as many "
        "times as long.",
    )
