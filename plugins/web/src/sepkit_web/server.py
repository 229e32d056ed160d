"""The server: one process that answers, and workers beside it that separate."""

from __future__ import annotations

import asyncio
import secrets
import socket
from pathlib import Path
from typing import Any

import h11
import uvicorn
from filelock import FileLock, Timeout
from uvicorn.protocols.http.h11_impl import H11Protocol

from sepkit import Registry
from sepkit.errors import ConfigError
from sepkit.plugin.store import home
from sepkit_web.app import make_app
from sepkit_web.config import ServerConfig

_MOST_CONNECTIONS = 500
_HEAD_S = 15.0
"""How long a client has for the head of a request, from its first byte or from when it connects."""


class HeadWithinTime(H11Protocol):
    """The protocol, which ends connections that do not come to a request."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()
        elif self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(_HEAD_S, self.transport.close)


def serve(registry: Registry, **options: Any) -> None:
    """Serve until the process is told to stop.

    Parameters
    ----------
    registry : Registry
    **options
        Of `ServerConfig`.

    Raises
    ------
    ConfigError
        If another server uses the same folder, or the address cannot be had.
    """
    config = ServerConfig(**options)
    if not config.is_local and not config.token:
        config = config.model_copy(update={"token": secrets.token_urlsafe(16)})
    folder = config.folder or home() / "web"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            _serve(registry, config, folder / "jobs")
    except Timeout as error:
        raise ConfigError(f"another server uses {folder}: end it, or give this one a folder of its own") from error


def _serve(registry: Registry, config: ServerConfig, folder: Path) -> None:
    listening = _listening(config)
    settings = uvicorn.Config(
        make_app(config, registry, folder),
        http=HeadWithinTime,
        ws="none",
        log_level="warning",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    port = listening.getsockname()[1]
    shown = f"[{config.host}]" if ":" in config.host else config.host
    query = f"?token={config.token}" if config.token else ""
    print(f"open http://{shown}:{port}/{query}", flush=True)
    uvicorn.Server(settings).run(sockets=[listening])


def _listening(config: ServerConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listening = socket.socket(family)
    # A server that is started anew must not wait for connections of the old one to be forgotten.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((config.host, config.port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"cannot listen on {config.host}, port {config.port}: {error.strerror or error}; choose another --host or "
            "--port"
        ) from error
    return listening
