"""The application: the routes under ``/api``, the page, and errors of one line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from sepkit import Registry, SepkitError
from sepkit.batching.batch import disabled
from sepkit.errors import UnknownNameError, UserError
from sepkit.version import __version__
from sepkit_web.config import ServerConfig
from sepkit_web.guard import Guard
from sepkit_web.job import JobFolder
from sepkit_web.queueing import JobQueue, QueueFull
from sepkit_web.routes import router

_STATIC = Path(__file__).parent / "static"


def make_app(config: ServerConfig, registry: Registry, folder: Path) -> FastAPI:
    """The application.

    Parameters
    ----------
    config : ServerConfig
    registry : Registry
        What the page offers; workers discover plugins for themselves, but for those that it leaves out.
    folder : Path
        Where jobs lie.
    """
    queue = JobQueue(JobFolder(folder), config, disabled(registry))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        queue.start()
        yield
        await queue.stop()

    app = FastAPI(title="sepkit", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.queue, app.state.registry = queue, registry
    app.add_middleware(Guard, config=config)
    app.add_exception_handler(SepkitError, _told)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(OSError, _unwritten)
    app.include_router(router)
    # The mixer is the same as that of notebooks, which comes with sepkit.
    app.mount("/mixer", StaticFiles(packages=[("sepkit.plots", "static")]))
    app.mount("/", StaticFiles(directory=_STATIC, html=True))
    return app


async def _told(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, QueueFull):
        return JSONResponse({"error": str(error)}, 429, {"Retry-After": "30", "Connection": "close"})
    status = 404 if isinstance(error, UnknownNameError) else 422 if isinstance(error, UserError) else 500
    return JSONResponse({"error": str(error)}, status)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _unwritten(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    # The name of the file would tell where the server keeps things.
    return JSONResponse({"error": f"the server cannot keep the upload: {error.strerror}"}, 507)
