"""A web server on this machine, for what is downloaded in tests, and fixtures for the conftest of who wants them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Server:
    """What it serves, and what it was asked for.

    Attributes
    ----------
    address : str
        Its URL, without a slash at the end.
    bodies : dict of str to bytes
        By path, such as ``"/weights.zip"``; any other is not found.
    cut : int or None
        After how many bytes of a body it breaks off.
    asked : list of str
        The paths asked for.
    """

    address: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)
    cut: int | None = None
    asked: list[str] = field(default_factory=list)

    def serve(self, path: str, body: bytes) -> str:
        """Serve `body`; its URL."""
        self.bodies[path] = body
        return self.address + path


@contextmanager
def running_server() -> Iterator[Server]:
    """A server on a free port of 127.0.0.1, until the block ends."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            body = state.bodies.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body[: state.cut])
            except OSError:
                # The client had enough.
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for what is fetched, from servers that no proxy stands before."""
    monkeypatch.setenv("SEPKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[Server]:
    """One for the test alone."""
    with running_server() as running:
        yield running
