"""Options of the method that misbehaves."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from sepkit.config import Config


class UnrulyConfig(Config):
    """Options of `unruly`."""

    deed: Literal["none", "kill", "kill when silent", "leave", "chatter", "hoard"] = Field(
        "none", description="What it does."
    )
    gate: Path | None = Field(
        None,
        description="A named pipe: its process id is written there, and it waits for ever. Any other file: nothing.",
    )
