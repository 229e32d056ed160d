"""Who may ask, and how much: every request passes here before anything reads it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from sepkit_web.config import ServerConfig

COOKIE = "sepkit_token"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_PAUSE_S = 30.0
"""How long a client may send nothing of a body that it has begun."""
_WHOLE_S = 1800.0
"""How long a body may take in all."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Guard:
    """Lets through what this machine's own page, or a client with the token, may ask.

    - Where a token is needed, requests without it get 401.
    - Where none is, hosts by other names than this machine's get 403: a stranger's domain that resolves to here.
    - What changes something and comes from a page of another origin gets 403.
    - Bodies that are too large, or too slow, get 413 and 408.

    Parameters
    ----------
    app : callable
        The application behind it.
    config : ServerConfig
    """

    def __init__(self, app: App, config: ServerConfig) -> None:
        self.app, self.config = app, config

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, _with_headers(send))
            return
        await self.app(scope, self._measured(receive), _with_headers(send))

    def _refusal(self, scope: MutableMapping[str, Any]) -> Response | None:
        headers = Headers(scope=scope)
        token = self.config.token
        if token:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if scope["path"] == "/" and secrets.compare_digest(given.encode(), token.encode()):
                entry = RedirectResponse("/", 303)
                entry.set_cookie(COOKIE, token, httponly=True, samesite="strict")
                return entry
            if not secrets.compare_digest(_token(headers).encode(), token.encode()):
                return _refused(401, "this server needs its token: open the address that it printed when it started")
        elif _host(headers.get("host", "")) not in {"localhost", "127.0.0.1", "::1", self.config.host}:
            return _refused(403, "this server answers to the names of its own machine alone")
        if scope["method"] not in ("GET", "HEAD"):
            origin = headers.get("origin")
            strange = origin is not None and urlsplit(origin).netloc != headers.get("host")
            if strange or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                return _refused(403, "pages of other sites may not ask for anything here")
        try:
            too_much = int(headers.get("content-length", "0")) > self.config.most_bytes
        except ValueError:
            return _refused(400, "the length of the request is no number")
        return _refused(413, self._too_much) if too_much else None

    @property
    def _too_much(self) -> str:
        return f"uploads may have {self.config.upload_mb} MB here: send less, or ask who runs this server for more"

    def _measured(self, receive: Receive) -> Receive:
        """`receive`, which ends what is too long or takes too long."""
        received, whole, deadline = 0, False, asyncio.get_running_loop().time() + _WHOLE_S

        async def measured() -> Message:
            nonlocal received, whole
            if whole:
                # What comes now is that the client goes, whenever that may be.
                return await receive()
            left_s = deadline - asyncio.get_running_loop().time()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, min(_PAUSE_S, left_s)))
            except asyncio.TimeoutError:
                raise HTTPException(408, "the upload took too long; send it again") from None
            received, whole = received + len(message.get("body", b"")), not message.get("more_body", False)
            if received > self.config.most_bytes:
                raise HTTPException(413, self._too_much)
            return message

        return measured


def _refused(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status, {"Connection": "close"})


def _token(headers: Headers) -> str:
    kind, _, bearer = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return bearer
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def _host(given: str) -> str | None:
    try:
        return urlsplit(f"//{given}").hostname
    except ValueError:
        return None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
