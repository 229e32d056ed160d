"""Options that break one promise each."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, PrivateAttr, field_serializer, field_validator

from sepkit import Config


class Required(Config):
    steps: int = Field(ge=1, description="Steps.")


class Thawed(Config):
    model_config = ConfigDict(frozen=False)

    steps: int = Field(3, ge=1, description="Steps.")


class Lax(Config):
    model_config = ConfigDict(extra="ignore")

    steps: int = Field(3, ge=1, description="Steps.")


class Rounded(Config):
    gain_db: float = Field(0.25, ge=-60, le=60, description="Gain in dB.")

    @field_serializer("gain_db")
    def _rounded(self, gain_db: float) -> float:
        return round(gain_db)


class Undescribed(Config):
    steps: int = Field(3, ge=1)


class Unbounded(Config):
    gains: dict[str, float | None] = Field(default_factory=dict, description="Gain of every source.")


class Unpicklable(Config):
    _compute: Any = PrivateAttr(default_factory=lambda: lambda: 1)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    __hash__ = object.__hash__


class Brittle(Config):
    mode: str = Field("plain", description="plain or fancy.")

    @field_validator("mode", mode="after")
    @classmethod
    def _known(cls, mode: str) -> str:
        return {"plain": "plain", "fancy": "fancy"}[mode]
