"""What is written of a separation: all stems, or some of them, the mixture without some, a remix."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, model_validator

from sepkit.errors import ConfigError
from sepkit.music.encoding import Encoding
from sepkit.opening import composed

_HIGHEST_GAIN_DB = 120


def _as_text(gain_db: float) -> float | str:
    # JSON knows no infinity.
    return gain_db if math.isfinite(gain_db) else str(gain_db)


Gain = Annotated[float, BeforeValidator(lambda given: float(given) if isinstance(given, str) else given)]
GainAsJson = Annotated[Gain, PlainSerializer(_as_text, when_used="json")]


class Outputs(BaseModel):
    """Which files a separation leaves; all of its stems where nothing is chosen.

    Attributes
    ----------
    only : tuple of str
        Stems to write.
    without : tuple of str
        Stems; for each the mixture without it.
    gains_db : dict of str to float
        Gains of stems in dB, for a remix; empty for none.
    variables : bool
        Whether the method's variables are written too.
    score : bool
        Whether the notes that the method found are written too.
    picture : bool
        Whether the picture of what the method found is written too.
    format, subtype : str
        Kind of the files of sound and of the samples in them, as of `Encoding`; None for the format's first subtype.
    too_loud : {"refuse", "scale"}
        What is done with sound above full scale in a format that ends there: nothing is written, or everything is
        made softer by one factor.

    Raises
    ------
    ConfigError
        If there is no such format, no such way with what is too loud, or a gain is no number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    gains_db: dict[str, GainAsJson] = {}
    variables: bool = False
    score: bool = False
    picture: bool = False
    format: str = "wav"
    subtype: str | None = None
    too_loud: str = "refuse"

    @model_validator(mode="after")
    def _checked(self) -> Outputs:
        _ = self.encoding
        require_gains(self.gains_db)
        if self.too_loud not in ("refuse", "scale"):
            raise ConfigError(f"too_loud needs to be 'refuse' or 'scale', given {self.too_loud!r}")
        return self

    @property
    def encoding(self) -> Encoding:
        """How sound is written."""
        return Encoding(self.format, self.subtype)

    @property
    def named(self) -> tuple[str, ...]:
        """The stems that are named."""
        return (*self.only, *self.without, *self.gains_db)

    def as_dict(self) -> dict[str, Any]:
        """As plain types, for the record."""
        return self.model_dump(mode="json")


def require_stems(named: Iterable[str], stems: Collection[str]) -> None:
    """Raise `ConfigError` if a stem is named that is not among the stems."""
    for name in named:
        if composed(name) not in stems:
            raise ConfigError(f"there is no stem '{name}'; the stems are {', '.join(stems)}")


def require_gains(gains_db: Mapping[str, float]) -> None:
    """Raise `ConfigError` if a gain is no number of dB, or a number beyond all use."""
    for name, gain_db in gains_db.items():
        if not gain_db <= _HIGHEST_GAIN_DB:
            raise ConfigError(f"the gain of '{name}' needs a number of dB up to {_HIGHEST_GAIN_DB}, given {gain_db}")
