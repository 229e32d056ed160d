"""Options of the server."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from pydantic import Field

from sepkit import Config

_MIB = 1 << 20


class ServerConfig(Config):
    """Options of the server."""

    host: str = Field(
        default="127.0.0.1", description="Address to listen on; any but this machine's own needs a token."
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 for any that is free.")
    token: str = Field(default="", description="What a client has to know; made up where one is needed and none given.")
    folder: Path | None = Field(
        default=None, description="Where uploads and results lie; by default in sepkit's cache."
    )
    jobs: int = Field(default=1, ge=1, le=64, description="Separations at the same time.")
    queue: int = Field(default=20, ge=0, le=10_000, description="Jobs that may wait; more are refused.")
    upload_mb: int = Field(default=500, ge=1, le=100_000, description="Largest upload, all files of a job together.")
    minutes: float = Field(default=60, gt=0, le=10_000, description="Longest time of one separation.")
    keep_hours: float = Field(default=24, gt=0, le=10_000, description="When a job that has ended is removed.")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def most_bytes(self) -> int:
        """Largest body of a request."""
        return self.upload_mb * _MIB
