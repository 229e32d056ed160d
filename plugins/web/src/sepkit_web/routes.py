"""The routes: methods, jobs, their progress and their files."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, StreamingResponse
from sse_starlette import EventSourceResponse
from starlette.exceptions import HTTPException
from zipstream import ZipStream

from sepkit import Registry
from sepkit.files import file_names
from sepkit.plugin.described import described
from sepkit_web.arriving import MOST_FILES, receive
from sepkit_web.job import Job, JobFolder
from sepkit_web.queueing import JobQueue

PICTURE, RECORD = "separation.png", "separation.json"
_MOST_REQUEST = 1 << 20

router = APIRouter(prefix="/api")


def the_queue(request: Request) -> JobQueue:
    """The queue of the server."""
    queue: JobQueue = request.app.state.queue
    return queue


Queue = Annotated[JobQueue, Depends(the_queue)]


def any_job(id: str, queue: Queue) -> Job:
    """The job of an id."""
    if id not in queue.jobs:
        raise HTTPException(404, "there is no such job; it may have been removed")
    return queue.jobs[id]


AnyJob = Annotated[Job, Depends(any_job)]


def done_job(job: AnyJob) -> Job:
    """The job of an id, which has results."""
    if job.state != "done":
        raise HTTPException(409, f"the job is {job.state}: it has no results")
    return job


DoneJob = Annotated[Job, Depends(done_job)]


@router.get("/methods")
def methods(request: Request) -> list[dict[str, Any]]:
    """Every method but the yardsticks, with the JSON Schema of its options."""
    registry: Registry = request.app.state.registry
    specs = [spec for _, spec in sorted(registry.separators.items()) if "yardstick" not in spec.traits]
    return [described(registry, spec) | {"schema": spec.load_config().model_json_schema()} for spec in specs]


@router.post("/jobs", status_code=202)
async def submit(request: Request, queue: Queue) -> dict[str, Any]:
    """Ask for a separation, by a form with ``request`` (JSON) and files."""
    with queue.arriving():
        id = queue.folder.new_id()
        try:
            async with request.form(max_files=MOST_FILES, max_part_size=_MOST_REQUEST) as form:
                job = await receive(form, queue.folder, id, request.app.state.registry)
            queue.add(job)
        except BaseException:
            queue.folder.remove(id)
            raise
    return job.seen()


@router.get("/jobs/{id}")
def show(job: AnyJob) -> dict[str, Any]:
    """How far a job is."""
    return job.seen()


@router.get("/jobs/{id}/events")
async def events(job: AnyJob, queue: Queue) -> EventSourceResponse:
    """The job now and whenever it changes, as server-sent events, until it has ended."""

    async def changes() -> AsyncIterator[str]:
        async for one in queue.changes(job):
            yield json.dumps(one.seen())

    return EventSourceResponse(changes())


@router.post("/jobs/{id}/cancel")
async def cancel(job: AnyJob, queue: Queue) -> dict[str, Any]:
    """Stop a job at its next step."""
    await queue.cancel(job)
    return job.seen()


@router.delete("/jobs/{id}", status_code=204)
async def remove(job: AnyJob, queue: Queue) -> None:
    """Remove a job that has ended, with all of its files."""
    if not job.has_ended:
        raise HTTPException(409, "the job has not ended: cancel it first")
    queue.remove(job)


@router.get("/jobs/{id}/mixture")
def mixture(job: AnyJob, queue: Queue) -> FileResponse:
    """The recording as it was sent."""
    return FileResponse(queue.folder.of(job.id) / job.request["mixture"], filename=job.title)


@router.get("/jobs/{id}/stems/{number}")
def stem(number: int, job: DoneJob, queue: Queue) -> FileResponse:
    """One stem, by its place among ``files``."""
    names = list(job.files.values())
    if not 0 <= number < len(names):
        raise HTTPException(404, f"there are {len(names)} stems")
    return FileResponse(queue.folder.output(job) / names[number], filename=names[number])


@router.get("/jobs/{id}/picture")
def picture(job: DoneJob, queue: Queue) -> FileResponse:
    """The picture of what the method found."""
    return FileResponse(queue.folder.output(job) / PICTURE)


@router.get("/jobs/{id}/archive")
def archive(job: DoneJob, queue: Queue) -> StreamingResponse:
    """All stems, the picture and the record, as one ZIP."""
    stem = Path(job.title).stem
    named = f"attachment; filename*=UTF-8''{quote(file_names([stem])[stem], safe='')}.zip"
    return StreamingResponse(
        _zipped(queue.folder, job), media_type="application/zip", headers={"Content-Disposition": named}
    )


def _zipped(folder: JobFolder, job: Job) -> Iterator[bytes]:
    """The archive, made as it is read: nothing of it is held."""
    place, archive = folder.output(job), ZipStream()
    for name in (*job.files.values(), PICTURE):
        archive.add_path(place / name, name)
    # Where the server keeps things is none of a client's business.
    private = json.dumps(f"{folder.of(job.id)}{os.sep}")[1:-1]
    archive.add((place / RECORD).read_text(encoding="utf-8").replace(private, ""), RECORD)
    yield from archive
