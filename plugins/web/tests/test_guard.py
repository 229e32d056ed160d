"""Who may ask, and how much."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.testclient import TestClient

import sepkit
from plugins.web.tests.clients import QUICK
from sepkit_web import app, arriving, guard, server
from sepkit_web.config import ServerConfig

REQUEST = {"request": json.dumps(QUICK)}


def client(folder: Path, address: str = "http://127.0.0.1:8000", **options: Any) -> TestClient:
    made = app.make_app(ServerConfig(**options), sepkit.Registry.discover(), folder)
    return TestClient(made, base_url=address, raise_server_exceptions=False, follow_redirects=False)


def jobs(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),
        ({"Origin": "http://127.0.0.1:8000"}, 422),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_pages_of_other_origins_may_not_ask(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    answer = client(tmp_path).post("/api/jobs", data=REQUEST, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert jobs(tmp_path) == []


@pytest.mark.parametrize("host", ["evil.example:8000", "127.0.0.1.evil.example", "", "[::1"])
def test_other_names_for_this_machine_are_refused(tmp_path: Path, host: str) -> None:
    assert client(tmp_path).get("/api/methods", headers={"Host": host}).status_code in (400, 403)


@pytest.mark.parametrize("name", ["localhost:1", "127.0.0.1", "[::1]:8000"])
def test_its_own_names_are_not(tmp_path: Path, name: str) -> None:
    assert client(tmp_path).get("/api/jobs/x", headers={"Host": name}).status_code == 404


def test_a_token_is_asked_for_in_everything_and_the_page_keeps_it(tmp_path: Path) -> None:
    web = client(tmp_path, "http://sepkit.example", token="secret", host="0.0.0.0")
    for path in ("/", "/app.js", "/api/methods", "/?token=wrong"):
        assert web.get(path).status_code == 401
    assert web.get("/api/jobs/x", headers={"Authorization": "Bearer secret"}).status_code == 404
    assert web.get("/api/jobs/x", headers={"Authorization": "Basic secret"}).status_code == 401
    entry = web.get("/?token=secret")
    assert entry.status_code == 303
    assert {"httponly", "samesite=strict"} <= set(entry.headers["set-cookie"].lower().split("; "))
    assert web.get("/").status_code == 200


def test_a_server_for_others_makes_up_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[ServerConfig] = []
    monkeypatch.setattr(server, "_serve", lambda registry, config, folder: seen.append(config))
    for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "192.168.1.2", "music.example"):
        server.serve(sepkit.Registry(), host=host, folder=tmp_path)
    assert [bool(config.token) for config in seen] == [False] * 3 + [True] * 4


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_refused_before_it_is_kept(tmp_path: Path, declared: bool) -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        yield b"--x\r\nContent-Disposition: form-data; name=mixture; filename=a.wav\r\n\r\n"
        while sent < 40:
            sent += 1
            yield bytes(1 << 17)

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    if declared:
        answer = client(tmp_path, upload_mb=1).post(
            "/api/jobs", content=b"", headers={**headers, "Content-Length": str(10 << 30)}
        )
    else:
        answer = client(tmp_path, upload_mb=1).post("/api/jobs", content=body(), headers=headers)
    assert answer.status_code == 413
    assert "1 MB" in answer.json()["error"]
    assert jobs(tmp_path) == []


def test_a_full_disk_is_told_without_a_path_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(upload: object, path: Path) -> None:
        raise OSError(28, os.strerror(28), str(path))

    monkeypatch.setattr(arriving, "_keep", full)
    answer = client(tmp_path).post("/api/jobs", data=REQUEST, files={"mixture": ("a.wav", b"x")})
    assert answer.status_code == 507
    assert answer.json() == {"error": "the server cannot keep the upload: No space left on device"}
    assert jobs(tmp_path) == []


@pytest.mark.parametrize(
    ("data", "files", "words"),
    [
        ({}, {"mixture": ("a.wav", b"x")}, "needs the field 'request'"),
        ({"request": "{"}, {"mixture": ("a.wav", b"x")}, "is no JSON"),
        ({"request": "[1]"}, {"mixture": ("a.wav", b"x")}, "mapping"),
        (REQUEST, {"other": ("a.wav", b"x")}, "no field 'other'"),
        ({**REQUEST, "mixture": "a.wav"}, {}, "needs to be a file"),
        (REQUEST, {}, "there is no recording"),
    ],
)
def test_forms_that_are_none(tmp_path: Path, data: dict[str, str], files: dict[str, Any], words: str) -> None:
    answer = client(tmp_path).post("/api/jobs", data=data, files=files)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert jobs(tmp_path) == []


def test_every_answer_says_what_browsers_may_do(tmp_path: Path) -> None:
    web = client(tmp_path)
    for answer in (web.get("/"), web.get("/api/jobs/x"), web.get("/", headers={"Host": "evil.example"})):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.fixture
def listening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server in this process that has little patience."""
    monkeypatch.setattr(server, "_HEAD_S", 0.2)
    monkeypatch.setattr(guard, "_PAUSE_S", 0.2)
    place = server._listening(ServerConfig(port=0))
    made = app.make_app(ServerConfig(), sepkit.Registry(), tmp_path)
    settings = uvicorn.Config(made, http=server.HeadWithinTime, log_level="critical", lifespan="off")
    running = uvicorn.Server(settings)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [place]})
    thread.start()
    yield place.getsockname()
    running.should_exit = True
    thread.join()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-"])
def test_who_does_not_come_to_a_request_is_disconnected(listening: tuple[str, int], said: bytes) -> None:
    with socket.create_connection(listening, timeout=60) as slow:
        slow.sendall(said)
        assert slow.recv(1) == b""
    assert httpx2.get(f"http://localhost:{listening[1]}/", trust_env=False).status_code == 200


def test_who_begins_a_body_and_falls_silent_is_told(listening: tuple[str, int], tmp_path: Path) -> None:
    head = b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    with socket.create_connection(listening, timeout=60) as slow:
        slow.sendall(head + b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n")
        assert b" 408 " in slow.recv(100)
    assert jobs(tmp_path) == []
