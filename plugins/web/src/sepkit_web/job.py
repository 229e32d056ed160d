"""Jobs, and the folder in which each of them outlives the server."""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from sepkit.files import atomic_path, read_regular

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")

_JOB = "job.json"
_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_LARGEST = 1 << 22


class Job(BaseModel):
    """One separation that somebody asked for.

    Attributes
    ----------
    id : str
        Nobody guesses it: whoever knows it may have the results.
    title : str
        What the client called the recording; it is shown, and never a path.
    request : dict
        The parameters of the worker's ``separate`` that are no files.
    command : str
        What does the same at a terminal.
    created, ended : float
        Seconds since 1970; `ended` is 0 until then.
    attempts : int
        How often it was begun.
    files : dict of str to str
        Names of the stems' files in the job's `output`, by source.
    """

    id: str
    title: str
    request: dict[str, Any]
    command: str
    created: float
    state: State = "queued"
    ended: float = 0.0
    attempts: int = 0
    stage: str = "waiting"
    done: int = 0
    total: int = 0
    error: str = ""
    files: dict[str, str] = {}
    remarks: list[str] = []

    @property
    def has_ended(self) -> bool:
        """Whether nothing about it will change."""
        return self.state in ENDED

    def seen(self) -> dict[str, Any]:
        """What its owner sees of it."""
        return self.model_dump(exclude={"request", "attempts"}) | {"method": self.request["method"]}


class JobFolder:
    """Jobs on disk: a folder for each, with ``job.json``, what was uploaded, and ``output``.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def new_id(self) -> str:
        """The id of a job to be, whose folder is made."""
        id = secrets.token_urlsafe(16)
        self.of(id).mkdir()
        return id

    def of(self, id: str) -> Path:
        """The folder of a job."""
        assert _ID.fullmatch(id), id
        return self.folder / id

    def output(self, job: Job) -> Path:
        """Where its results are."""
        return self.of(job.id) / "output"

    def asked(self, job: Job) -> dict[str, Any]:
        """The parameters of the worker's ``separate``."""
        place = self.of(job.id)
        request = {**job.request, "mixture": str(place / job.request["mixture"])}
        if request.get("score"):
            request["score"] = str(place / request["score"])
        request["labels"] = [str(place / name) for name in request.get("labels", ())]
        request["f0"] = {source: str(place / name) for source, name in request.get("f0", {}).items()}
        request["examples"] = {
            source: [str(place / name) for name in names] for source, names in request.get("examples", {}).items()
        }
        return {**request, "job": job.id, "output": str(self.output(job))}

    def save(self, job: Job) -> None:
        """Write its ``job.json``; raises `WriteError`."""
        with atomic_path(self.of(job.id) / _JOB) as temporary:
            temporary.write_text(job.model_dump_json(), encoding="utf-8")

    def remove(self, id: str) -> None:
        """Remove it with all of its files."""
        shutil.rmtree(self.of(id), ignore_errors=True)

    def load(self) -> Iterator[Job]:
        """All jobs, oldest first; what was not yet one when the server ended is removed."""
        jobs = []
        for folder in self.folder.iterdir():
            if not _ID.fullmatch(folder.name):
                continue
            try:
                jobs.append(Job.model_validate_json(read_regular(folder / _JOB, _LARGEST)))
            except (OSError, ValidationError):
                self.remove(folder.name)
        yield from sorted(jobs, key=lambda job: job.created)

    def remove_old(self, jobs: dict[str, Job], keep_s: float) -> list[str]:
        """Remove jobs that ended so long ago; gives their ids."""
        old = [job.id for job in jobs.values() if job.has_ended and time.time() - job.ended > keep_s]
        for id in old:
            self.remove(id)
        return old
