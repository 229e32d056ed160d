"""A host with threads, such as a web service: several separations at once, each with progress, state and cancel.

One `Registry` and one `Method` serve all jobs, whatever thread they run on; nothing in sepkit is global. Each job has
its own `threading.Event` to stop it, and a reporter that remembers the latest progress.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sepkit import Audio, Cancelled, Method, Progress, Registry, Separation, SepkitError, example


@dataclass
class Job:
    """One separation on its way."""

    stop: threading.Event = field(default_factory=threading.Event)
    latest: Progress = field(default_factory=lambda: Progress("waiting", 0, 1))
    future: Future[Separation] = field(default_factory=Future)

    def report(self, progress: Progress) -> None:
        self.latest = progress  # Runs on the job's thread: one assignment needs no lock.


class SeparationService:
    """Jobs by id; a web service would call these methods from its request handlers."""

    def __init__(self, method: Method, examples: Mapping[str, Audio | Path], workers: int = 2) -> None:
        self._examples = examples
        self._method, self._jobs, self._ids = method, dict[str, Job](), itertools.count(1)
        self._pool = ThreadPoolExecutor(workers)

    def submit(self, mixture: Audio | Path) -> str:
        """Start a job when a worker is free; nothing is read or computed on the caller's thread."""
        job, job_id = Job(), f"job-{next(self._ids)}"
        self._jobs[job_id] = job
        job.future = self._pool.submit(
            self._method.separate, mixture, examples=self._examples, reporter=job.report, cancel=job.stop
        )
        return job_id

    def cancel(self, job_id: str) -> None:
        """Stop a job within one step of its method, or before it starts."""
        self._jobs[job_id].stop.set()
        self._jobs[job_id].future.cancel()

    def state(self, job_id: str) -> str:
        """In a word or two; a failure is told in the one line that every error of sepkit has."""
        job = self._jobs[job_id]
        if not job.future.done():
            return f"{job.latest.stage} {job.latest.fraction:.0%}"
        try:
            return f"done: {', '.join(job.future.result())}"
        except (Cancelled, CancelledError):
            return "cancelled"
        except SepkitError as error:
            return f"failed: {error}"

    def close(self) -> None:
        """Wait for what was started."""
        self._pool.shutdown()


if __name__ == "__main__":
    piece = example.load()
    method = Method("nmf", config={"iterations": 30}, registry=Registry.discover())
    service, rate = SeparationService(method, piece.training), piece.mixture.sample_rate
    verses = [Audio(piece.mixture.samples[:, start * rate : (start + 2) * rate], rate) for start in (0, 2, 4)]
    jobs = [service.submit(verse) for verse in verses]
    jobs += [service.submit(Path("no-such-song.wav")), service.submit(piece.mixture)]
    service.cancel(jobs[-1])  # Somebody changed their mind.
    service.close()
    for job in jobs:
        print(f"{job}: {service.state(job)}")
