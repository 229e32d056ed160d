"""JSON-RPC 2.0 over standard input and output, framed as language servers do it: ``Content-Length``, then the message.

Requests are those of `Session.calls`; the worker notifies its host of ``progress``. A host cancels a job by its name,
or the request that asked for it by its id, with ``$/cancelRequest``.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, BinaryIO

from cattrs import Converter
from lsprotocol.types import CANCEL_REQUEST, CancelNotification, CancelParams
from pygls.exceptions import JsonRpcException
from pygls.protocol import (
    JsonRPCNotification,
    JsonRPCProtocol,
    JsonRPCRequestMessage,
    JsonRPCResponseMessage,
    default_converter,
)
from pygls.server import JsonRPCServer

from sepkit.errors import Cancelled, SepkitError, UserError, fault_of
from sepkit.plugin.registry import Registry
from sepkit.problem.run import Progress
from sepkit.serving.session import Session

PROGRESS = "progress"
LONG = ("separate", "evaluate")
"""What is answered on a thread of its own."""
INVALID, CANCELLED, FAULT = -32602, -32800, -32603
"""Codes of errors: of the host's making, of its wish, and of sepkit's or a plugin's."""

_LEAST_PAUSE_S = 0.05


def plain_converter() -> Converter:
    """A converter that leaves parameters and results as JSON has them."""
    converter: Converter = default_converter()  # type: ignore[no-untyped-call]
    for message in (JsonRPCRequestMessage, JsonRPCNotification):
        converter.register_structure_hook(message, lambda data, kind: kind(**{"params": None, **data}))
    converter.register_structure_hook(JsonRPCResponseMessage, lambda data, kind: kind(**data))
    # The library itself reads whose request is cancelled.
    converter.register_structure_hook(
        CancelNotification, lambda data, kind: kind(CancelParams(data["params"]["id"]), jsonrpc=data["jsonrpc"])
    )
    return converter


class _Protocol(JsonRPCProtocol):
    def get_message_type(self, method: str) -> type[Any] | None:
        return CancelNotification if method == CANCEL_REQUEST else None


def serve_stdio(registry: Registry, jobs: int) -> None:
    """Answer a host until it closes standard input; jobs that still run are then cancelled.

    Parameters
    ----------
    registry : Registry
    jobs : int
        Separations that run at the same time; others wait.
    """
    # What hosts do wrong they are told; the library would print a traceback beside.
    logging.getLogger("pygls").addHandler(logging.NullHandler())
    with _own_stdout() as stdout, ThreadPoolExecutor(jobs, "job") as pool:
        server = JsonRPCServer(_Protocol, plain_converter, max_workers=1)
        session = Session(registry, _reporter(server))
        for name in session.calls:
            server.feature(name)(_handler(session, name, pool if name in LONG else None))
        try:
            server.start_io(sys.stdin.buffer, stdout)
        finally:
            session.close()
            pool.shutdown(cancel_futures=True)


def _handler(session: Session, name: str, pool: ThreadPoolExecutor | None) -> Callable[[Any], Any]:
    def answer(params: Any) -> Any:
        with _told():
            return session.prepare(name, params).answer()

    async def answer_later(params: Any) -> Any:
        with _told():
            work = session.prepare(name, params)
            answer = asyncio.get_running_loop().run_in_executor(pool, work.answer)
            try:
                await asyncio.wait([answer])
            except asyncio.CancelledError:
                work.cancel()
                # The host is answered when the job has ended, and its name is free for another.
                await asyncio.wait([answer])
            return answer.result()

    return answer if pool is None else answer_later


@contextmanager
def _told() -> Iterator[None]:
    """Errors as hosts get them: one line, and which kind each is of."""
    try:
        yield
    except Exception as error:
        user, known = isinstance(error, UserError), isinstance(error, SepkitError)
        code = CANCELLED if isinstance(error, Cancelled) else INVALID if user else FAULT
        said = str(error) if known else fault_of(error)
        raise JsonRpcException(said, code, {"kind": type(error).__name__}) from error


def _reporter(server: JsonRPCServer) -> Callable[[str, Progress], None]:
    """Notifies the host of progress: of the ends of stages, and not too often in between."""
    told: dict[str, float] = {}

    def report(job: str, event: Progress) -> None:
        now = time.monotonic()
        if event.done >= event.total:
            # Kept no longer: a worker may see millions of jobs.
            told.pop(job, None)
        elif now - told.get(job, -math.inf) < _LEAST_PAUSE_S:
            return
        else:
            told[job] = now
        # A host that is gone closes standard input too, which ends the job.
        with suppress(OSError, ValueError):
            server.protocol.notify(PROGRESS, {"job": job, **event.as_dict()})

    return report


@contextmanager
def _own_stdout() -> Iterator[BinaryIO]:
    """Standard output for the protocol alone: whatever else is printed, by whatever library, goes to stderr."""
    sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    with redirect_stdout(sys.stderr), os.fdopen(own, "wb") as stdout:
        yield stdout
