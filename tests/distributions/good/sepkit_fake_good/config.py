"""Options of the method that works."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sepkit.config import Config


class HalveConfig(Config):
    """Options of `halve`."""

    steps: int = Field(1, ge=1, le=10**12, description="Steps of progress.")
    fault: Literal["none", "raise", "exit"] = Field("none", description="How the method fails, if at all.")
