"""Options of the method `open-unmix`."""

from __future__ import annotations

from pydantic import Field

from sepkit.config import Config


class OpenUnmixConfig(Config):
    """Options of Open-Unmix."""

    iterations: int = Field(
        default=1,
        ge=0,
        le=100,
        description="Iterations of expectation-maximisation in the Wiener filter. More take out more of other sources "
        "and leave more artefacts; 0 gives the magnitudes of the networks the phases of the mixture.",
    )
    window_frames: int = Field(
        default=300,
        ge=1,
        le=10_000,
        description="Frames in which every source stays in its place between the channels, for the Wiener filter; a "
        "frame of the published networks is 23 ms.",
    )
    rest: bool | None = Field(
        default=None,
        description="Whether what the networks leave of the mixture is a source of its own, named rest; for weights "
        "that do not know all sources of the mixture. By default if they know one only.",
    )
    segment_s: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        description="Seconds that the networks hear at once, rounded up to windows. Memory grows with it.",
    )
    context_s: float = Field(
        default=5.0,
        ge=0,
        le=600,
        description="Seconds that the networks hear before and after each segment, so that they know what goes on.",
    )
