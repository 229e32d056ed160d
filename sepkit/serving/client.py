"""A host's side: a worker process that is started, asked, and started anew when it has died."""

from __future__ import annotations

import asyncio
import math
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pygls.client import JsonRPCClient
from pygls.exceptions import JsonRpcException
from pygls.protocol import JsonRPCProtocol

from sepkit import errors
from sepkit.errors import SepkitError
from sepkit.problem.run import Progress, Reporter
from sepkit.serving.stdio import PROGRESS, plain_converter

_MOST_SAID = 4096


class WorkerDied(SepkitError):
    """The process of a worker is gone, and with it what it was doing."""


class Worker:
    """A process of sepkit that answers requests; see `sepkit.serving.requests` for them.

    Parameters
    ----------
    command : sequence of str, optional
        What starts it; by default this Python with one job at a time.
    environment : mapping of str to str, optional
        Of the process; by default that of this one.

    Examples
    --------
    >>> async def voices(path):  # doctest: +SKIP
    ...     worker = Worker()
    ...     result = await worker.separate(job="1", mixture=path, method="nmf", output="out", sources=["a", "b"])
    ...     await worker.close()
    ...     return result["files"]
    """

    def __init__(
        self,
        command: tuple[str, ...] = (sys.executable, "-m", "sepkit", "serve", "--stdio"),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command, self._environment = command, environment
        self._client: _Client | None = None
        self._starting = asyncio.Lock()
        self._reporters: dict[str, Reporter] = {}

    async def ask(self, call: str, **params: Any) -> Any:
        """The answer to one request.

        Raises
        ------
        SepkitError
            Of the kind that the worker names; `WorkerDied` if its process ends before it answers.
        """
        client = await self._running()
        try:
            return await asyncio.wrap_future(client.protocol.send_request(call, params))
        except JsonRpcException as error:
            raise _named(error) from error
        except (RuntimeError, OSError) as error:
            raise WorkerDied(
                f"the worker died before it answered; it said last: {client.said_last or error}"
            ) from error

    async def separate(self, *, reporter: Reporter | None = None, **params: Any) -> Any:
        """Ask for a separation; `reporter` gets its progress on the thread of the event loop.

        When the task that waits for it is cancelled, by a timeout say, so is the separation.
        """
        job = params["job"]
        if reporter is not None:
            self._reporters[job] = reporter
        try:
            return await self.ask("separate", **params)
        except asyncio.CancelledError:
            # Nobody may be there any more to be told.
            with suppress(RuntimeError, OSError):
                if self._client is not None:
                    self._client.protocol.notify("cancel", {"job": job})
            raise
        finally:
            self._reporters.pop(job, None)

    async def close(self) -> None:
        """Close its standard input, which ends it, and wait until it has."""
        if self._client is not None and self._client.process.stdin is not None:
            self._client.process.stdin.close()
            await self._client.stop()  # type: ignore[no-untyped-call]

    async def kill(self) -> None:
        """End its process at once; the next request starts another."""
        client, self._client = self._client, None
        if client is not None and client.process.returncode is None:
            client.process.kill()
            await client.process.wait()

    async def _running(self) -> _Client:
        async with self._starting:
            if self._client is None or self._client.process.returncode is not None:
                self._client = _Client(self._report)
                await self._client.start(self._command, self._environment)
            return self._client

    def _report(self, params: Mapping[str, Any]) -> None:
        reporter = self._reporters.get(params["job"])
        if reporter is not None:
            figures = {name: math.nan if figure is None else figure for name, figure in params["figures"].items()}
            reporter(Progress(params["stage"], params["done"], params["total"], figures))


class _Client(JsonRPCClient):
    def __init__(self, report: Callable[[Mapping[str, Any]], None]) -> None:
        super().__init__(JsonRPCProtocol, plain_converter)
        # The library marks what it calls, which bound methods refuse.
        self.feature(PROGRESS)(lambda params: report(params))
        self._tail = b""

    async def start(self, command: tuple[str, ...], environment: Mapping[str, str] | None) -> None:
        """Start the process, and read what it says on stderr, so that it never waits for a reader."""
        await self.start_io(*command, env=environment)
        self._async_tasks.append(asyncio.create_task(self._listen()))

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        while said := await self.process.stderr.read(_MOST_SAID):
            self._tail = (self._tail + said)[-_MOST_SAID:]

    @property
    def said_last(self) -> str:
        """The last line on its stderr."""
        return (self._tail.decode(errors="backslashreplace").strip().splitlines() or [""])[-1]

    @property
    def process(self) -> Process:
        """The process of the worker, which is started."""
        assert self._server is not None
        return self._server


def _named(error: JsonRpcException) -> SepkitError:
    """The error that a worker tells of, of its own kind where its message is all there is to it."""
    kind = getattr(errors, str((error.data or {}).get("kind")), SepkitError)
    if isinstance(kind, type) and issubclass(kind, SepkitError) and kind.__init__ is SepkitError.__init__:
        return kind(error.message)
    known = errors.UserError if issubclass(kind, errors.UserError) else SepkitError
    return known(error.message)
