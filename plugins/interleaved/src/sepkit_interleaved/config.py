"""Options of the method `interleaved`, and of its networks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sepkit.config import Config
from sepkit.spectral_config import SpectralConfig, Window

SizeName = Literal["full", "small", "tiny"]


class InterleavedConfig(Config):
    """Options of a separation."""

    post_filter: Literal["none", "joint", "wiener"] = Field(
        default="joint",
        description="none: every decoder's mask as it is; joint: masks that sum to more than 1 share the mixture; "
        "wiener: from there a multichannel Wiener filter, which hears where in the stereo picture a source is.",
    )
    wiener_iterations: int = Field(
        default=1, ge=1, le=20, description="Rounds of expectation-maximisation with post_filter=wiener."
    )


class NetworkOptions(SpectralConfig):
    """What describes a network beside its weights."""

    size: SizeName = Field(
        default="small",
        description="full: of the size of Open-Unmix, two channels at once; small: dilated convolutions that train on "
        "processors; tiny: recurrent, for trials.",
    )
    window_s: Window = 0.093


class DecoderOptions(NetworkOptions):
    """What describes a decoder: the network that it is part of."""

    encoder: str = Field(
        pattern="^[0-9a-f]{64}$", description="Digest of the encoder that it was trained on, in hexadecimal."
    )
