"""Options of the method `source-filter`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sepkit.config import Config
from sepkit.errors import ConfigError
from sepkit.spectral_config import MaskExponent, Overlap, Window

Semitones = Annotated[float, Field(ge=-36, le=36)]
NetworkSize = Literal["small", "paper"]
HEARD_HZ = 8000.0
"""By the network."""
_DIRECT = ("updates", "steps", "learning_rate")
_NETWORK = ("network_size", "network_steps", "network_learning_rate")
_FITTED = (*_NETWORK, "order")
"""Options that trained weights leave no room for."""


class SourceFilterConfig(Config):
    """Options of source-filter models."""

    engine: Literal["direct", "network"] | None = Field(
        default=None,
        description="direct: the parameters of every frame are fitted to the recording; network: those of a network "
        "that gives them, or a trained network gives them in one pass. By default network with weights, or else "
        "direct.",
    )
    window_s: Window = 0.11
    overlap: Overlap = 4
    highest_hz: float = Field(
        default=8000.0, ge=500, le=96_000, description="The models reach up to here, or as far as the recording does."
    )
    above: Literal["share", "residual"] = Field(
        default="share",
        description="The band above highest_hz. share: by the sources' powers in the octave below, frame by frame; "
        "residual: to none of them.",
    )
    f0_rounds: int = Field(
        default=6,
        ge=0,
        le=1000,
        description="Rounds in which F0 is made to follow the recording, after a search around what was given; 0: F0 "
        "is taken as it is.",
    )
    envelopes: int = Field(
        default=8, ge=1, le=200, description="Spectral envelopes of which those of one source are mixed at the start."
    )
    updates: int = Field(
        default=40,
        ge=1,
        le=100_000,
        description="Engine direct: multiplicative updates of the nonnegative start, after those for F0.",
    )
    order: int = Field(
        default=20, ge=2, le=100, multiple_of=2, description="Of the all-pole filters: twice the number of resonances."
    )
    steps: int = Field(
        default=40,
        ge=0,
        le=100_000,
        description="Engine direct: gradient steps of the all-pole model; 0: the start is the result.",
    )
    learning_rate: float = Field(
        default=0.05, gt=0, le=1, description="Engine direct: of Adam; it falls to zero over the steps."
    )
    network_size: NetworkSize = Field(
        default="small", description="Engine network: small, for processors; paper, as it was published."
    )
    network_steps: int = Field(
        default=400, ge=1, le=100_000, description="Engine network: gradient steps of its fit to each block."
    )
    network_learning_rate: float = Field(
        default=2e-3, gt=0, le=1, description="Engine network: of Adam; it falls to a fiftieth over the steps."
    )
    mask_exponent: MaskExponent = 2.0
    output: Literal["masked", "synthesised"] = Field(
        default="masked",
        description="masked: the mixture through soft masks; synthesised: the models' own sound, which has nothing of "
        "the mixture.",
    )
    transpose: dict[str, Semitones] = Field(
        default_factory=dict,
        description="Semitones by which synthesised sources are higher, by name, their timbre being kept.",
    )
    new_f0: Path | None = Field(
        default=None,
        description="Folder of <source>.csv: F0 that synthesised sources get in place of what they sing or play.",
    )
    block_s: float = Field(
        default=30.0, ge=4, le=3600, description="Longer recordings are worked on in blocks of so many seconds."
    )

    @model_validator(mode="after")
    def _what_is_changed_is_synthesised(self) -> SourceFilterConfig:
        if (self.transpose or self.new_f0) and self.output != "synthesised":
            raise ValueError("transpose and new_f0 change what is synthesised; set output=synthesised")
        return self

    def require_used(self, trained: bool) -> None:
        """Refuse what the chosen engine does not use.

        Parameters
        ----------
        trained : bool
            Whether weights are given.

        Raises
        ------
        ConfigError
        """
        engine = self.engine_with(trained)
        if trained and engine == "direct":
            raise ConfigError("weights are those of engine network, and the engine is direct; leave out one of the two")
        if engine == "network" and self.highest_hz > HEARD_HZ:
            raise ConfigError(
                f"highest_hz is {self.highest_hz:g}, and the network hears up to {HEARD_HZ:g} Hz; give that or less"
            )
        unused = (*_DIRECT, *(_FITTED if trained else ())) if engine == "network" else _NETWORK
        if engine == "network" and self.f0_rounds == 0:
            unused = (*unused, "envelopes")
        for name in unused:
            if getattr(self, name) != type(self).model_fields[name].default:
                where = "trained weights" if trained else f"engine {engine}"
                raise ConfigError(f"option {name} is not used with {where}; leave it out")

    def engine_with(self, trained: bool) -> Literal["direct", "network"]:
        """The engine, with or without weights."""
        return self.engine or ("network" if trained else "direct")
