"""The queue: jobs wait, run in workers beside the server, and can be watched and cancelled."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager, suppress

from sepkit.errors import Cancelled, SepkitError
from sepkit.plugin.loader import DISABLE
from sepkit.problem.run import Progress
from sepkit.serving.client import Worker, WorkerDied
from sepkit_web.config import ServerConfig
from sepkit_web.job import Job, JobFolder, State

_MOST_ATTEMPTS = 3
_SWEEP_S = 60.0


class QueueFull(SepkitError):
    """More jobs wait than the server takes."""


class JobQueue:
    """Jobs and the workers that do them.

    Parameters
    ----------
    folder : JobFolder
        Jobs that had not ended when an earlier server did are done now.
    config : ServerConfig
    disabled : iterable of str
        Plugins that workers leave out.
    """

    def __init__(self, folder: JobFolder, config: ServerConfig, disabled: Iterable[str] = ()) -> None:
        self.folder, self.config = folder, config
        self.environment = os.environ | _threads(config.jobs) | {DISABLE: ",".join(disabled)}
        self.jobs = {job.id: job for job in folder.load()}
        self._arriving = 0
        self._waiting: dict[str, Job] = {}
        self._come = asyncio.Event()
        self._changed: dict[str, asyncio.Event] = {}
        self._workers: dict[str, Worker] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Go on with what was left, and start to work."""
        for job in self.jobs.values():
            if not job.has_ended:
                self._again(job)
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self.config.jobs)]
        self._tasks.append(asyncio.create_task(self._sweep()))

    async def stop(self) -> None:
        """End the workers; what has not ended is done by the next server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """While the block runs, a job is on its way and has a place.

        Raises
        ------
        QueueFull
        """
        if self._arriving + len(self._waiting) >= self.config.queue + self.config.jobs - len(self._workers):
            raise QueueFull(f"{len(self._waiting)} jobs wait already, as many as this server takes; come back later")
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    def add(self, job: Job) -> None:
        """Put a job at the end; raises `WriteError`."""
        self.folder.save(job)
        self.jobs[job.id] = job
        self._wait(job)

    async def cancel(self, job: Job) -> None:
        """Stop a job at its next step, or before it starts."""
        if self._waiting.pop(job.id, None):
            self._end(job, "cancelled", "the job was cancelled")
        elif job.id in self._workers:
            await self._workers[job.id].ask("cancel", job=job.id)

    async def changes(self, job: Job) -> AsyncIterator[Job]:
        """The job now and whenever it has changed, until it has ended; what changed in between is not told."""
        while True:
            event = self._changed.setdefault(job.id, asyncio.Event())
            yield job
            if job.has_ended:
                return
            await event.wait()

    def remove(self, job: Job) -> None:
        """Forget a job that has ended."""
        del self.jobs[job.id]
        self.folder.remove(job.id)

    def _again(self, job: Job) -> None:
        if job.attempts >= _MOST_ATTEMPTS:
            self._end(job, "failed", f"the server ended {job.attempts} times while it was at this job; it is given up")
        else:
            job.state, job.stage = "queued", "waiting"
            self._wait(job)

    def _wait(self, job: Job) -> None:
        self._waiting[job.id] = job
        self._come.set()

    async def _next(self) -> Job:
        """The job that has waited the longest, which waits no more."""
        while not self._waiting:
            self._come.clear()
            await self._come.wait()
        return self._waiting.pop(next(iter(self._waiting)))

    async def _work(self) -> None:
        worker = Worker(environment=self.environment)
        try:
            while True:
                await self._do(await self._next(), worker)
        finally:
            await worker.kill()

    async def _do(self, job: Job, worker: Worker) -> None:
        self._workers[job.id] = worker
        job.state, job.attempts = "running", job.attempts + 1
        self._save(job)
        try:
            separation = worker.separate(
                reporter=lambda progress: self._progress(job, progress),
                outputs={"picture": True},
                **self.folder.asked(job),
            )
            told = await asyncio.wait_for(separation, 60 * self.config.minutes)
        except asyncio.TimeoutError:
            await worker.kill()
            self._end(job, "failed", f"it took longer than the {self.config.minutes:g} minutes that this server allows")
        except Cancelled:
            self._end(job, "cancelled", "the job was cancelled")
        except WorkerDied as error:
            self._end(job, "failed", f"its process died, perhaps for want of memory ({error})")
        except SepkitError as error:
            self._end(job, "failed", str(error))
        else:
            job.files, job.remarks = told["files"], told["remarks"]
            self._end(job, "done")
        finally:
            del self._workers[job.id]

    def _end(self, job: Job, state: State, error: str = "") -> None:
        # Where the server keeps things is none of a client's business.
        told = error.replace(f"{self.folder.of(job.id)}{os.sep}", "")
        job.state, job.error, job.ended = state, told, time.time()
        self._save(job)
        self._tell(job)

    def _save(self, job: Job) -> None:
        # On a full disk a job is still told of; only the next server does not know.
        with suppress(SepkitError):
            self.folder.save(job)

    def _progress(self, job: Job, progress: Progress) -> None:
        job.stage, job.done, job.total = progress.stage, progress.done, progress.total
        self._tell(job)

    def _tell(self, job: Job) -> None:
        event = self._changed.pop(job.id, None)
        if event is not None:
            event.set()

    async def _sweep(self) -> None:
        while True:
            for id in self.folder.remove_old(self.jobs, 3600 * self.config.keep_hours):
                del self.jobs[id]
            await asyncio.sleep(_SWEEP_S)


def _threads(workers: int) -> dict[str, str]:
    """The environment in which so many workers share the cores."""
    each = str(max(1, (os.cpu_count() or 1) // workers))
    return {"OMP_NUM_THREADS": each, "OPENBLAS_NUM_THREADS": each}
