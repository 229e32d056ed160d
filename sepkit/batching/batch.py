"""`batch`: one method over many recordings."""

from __future__ import annotations

import functools
import inspect
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sepkit.batching.job import Job, JobRunner, Outcome
from sepkit.batching.planning import BY_TRACK, names_of_files, recordings, shard
from sepkit.batching.processes import Here, Processes
from sepkit.batching.progress import BatchReporter, Overall
from sepkit.batching.running import run_all
from sepkit.errors import Cancelled, ConfigError
from sepkit.files import atomic_path, require_writable_file, sweep, writable_folder
from sepkit.plugin.loader import State
from sepkit.plugin.registry import Registry
from sepkit.problem.run import Cancel, Reporter
from sepkit.solving.method import Method
from sepkit.solving.naming import FileNames
from sepkit.solving.outputs import Outputs

LIST = "batch.jsonl"

_OF_THE_BATCH = {"self", "name", "registry", "mixture", "reporter", "cancel", "keep_variables"}


@dataclass(frozen=True)
class Batch:
    """What came of many recordings.

    Attributes
    ----------
    outcomes : tuple of Outcome
        In the order of the recordings.
    """

    outcomes: tuple[Outcome, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many are ``done``, were ``skipped`` because they had been done before, and have ``failed``."""
        counts = Counter(outcome.status for outcome in self.outcomes)
        return {status: counts[status] for status in ("done", "skipped", "failed")}

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Those that failed."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "failed")

    def write(self, path: Path) -> None:
        """Write a line of JSON for every outcome.

        Raises
        ------
        OutputError, WriteError
        """
        lines = [json.dumps(outcome.as_dict(), allow_nan=False) + "\n" for outcome in self.outcomes]
        # Where nothing came of the jobs, their folder has gone again.
        require_writable_file(path)
        with atomic_path(path) as temporary:
            temporary.write_text("".join(lines), encoding="utf-8")


def batch(
    paths: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    method: str,
    output: str | os.PathLike[str],
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    name: str = BY_TRACK,
    part: tuple[int, int] = (1, 1),
    skip_existing: bool = True,
    outputs: Outputs | Mapping[str, Any] | None = None,
    reporter: BatchReporter | None = None,
    cancel: Cancel | None = None,
    registry: Registry | None = None,
    **how: Any,
) -> Batch:
    """Separate many recordings with one method.

    Every result is written by the job that made it, and marked by its record: a second call does only what is missing,
    has failed, or is asked otherwise. A recording that fails does not stop the others, and neither does a process that
    dies. `output` holds at the end a list of all that came of it, ``batch.jsonl``.

    Parameters
    ----------
    paths : path or iterable of path
        Files, folders (with all below), patterns such as ``"*.flac"``.
    method : str
        Name of an installed method.
    output : path
        Folder for the results.
    executor : concurrent.futures.Executor, optional
        Any whose workers see the same files: threads, processes, ``dask.distributed``, MPI. By default processes of
        this machine, each of which is replaced when it dies.
    workers : int, optional
        How many processes that is; by default one for each core that may be used.
    name : str
        Names of files within `output`: ``"{track}/{source}.{ext}"``; ``{parent}`` is the folder of the recording.
    part : tuple of int
        ``(3, 40)`` does the third of forty parts of the recordings.
    skip_existing : bool
        Whether what was done before is left as it is: by the digest of the recording, the method, its options and all
        that is known.
    outputs : mapping, optional
        Parameters of `Separation.write`, such as ``{"format": "flac"}``.
    reporter : callable, optional
        Gets a `BatchProgress` a few times a second.
    cancel : optional
        Anything with ``is_set()``; it reaches the jobs that are running.
    registry : Registry, optional
        By default one with all installed plugins. Other processes know installed plugins only.
    **how
        Parameters of `sepkit.separate`: ``config``, ``sources``, ``score``, ``seed`` ...

    Returns
    -------
    batch : Batch

    Raises
    ------
    UserError
        One of its kinds, before any work is done, when recordings, options or folder cannot be used.
    Cancelled
        What is done by then stays.

    Examples
    --------
    >>> done = sepkit.batch("recordings", "nmf", "out", sources=["voice", "guitar"])  # doctest: +SKIP
    >>> done.counts  # doctest: +SKIP
    {'done': 198, 'skipped': 0, 'failed': 2}
    """
    registry = registry or Registry.discover()
    given = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    found = recordings(given, output)
    chosen = outputs if isinstance(outputs, Outputs) else Outputs(**(outputs or {}))
    setup, problem = parted(how)
    jobs = [
        Job(
            mixture=os.path.abspath(path),
            method=method,
            output=os.path.abspath(output),
            name=names,
            setup=setup,
            problem=problem,
            outputs=chosen,
            skip_existing=skip_existing,
            disabled=disabled(registry),
        )
        for path, names in _of_shard(names_of_files(found, name, output), part)
    ]
    with executor_for(executor, workers, registry) as chosen_executor:
        done = do_jobs(jobs, chosen_executor, reporter=reporter, cancel=cancel, registry=registry)
    done.write(Path(output) / list_name(part))
    return done


def do_jobs(
    jobs: Sequence[Job],
    executor: Executor,
    *,
    reporter: BatchReporter | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
    cancel: Cancel | None = None,
    registry: Registry | None = None,
) -> Batch:
    """Do jobs, all into one folder of results.

    Parameters
    ----------
    jobs : sequence of Job
    executor : Executor
        `Here` for this process and thread.
    reporter, cancel
        As of `batch`.
    on_outcome : callable, optional
        Gets every outcome when it is there.
    registry : Registry, optional
        For jobs that are done here.

    Raises
    ------
    UserError
        If method, options or folder cannot be used.
    Cancelled
    """
    if not jobs:
        return Batch(())
    output = Path(jobs[0].output)
    runner = JobRunner(registry)
    # What no recording could mend is told once, before any work.
    runner.prepare(jobs[0])
    work = runner.run if isinstance(executor, Here) else do
    overall = Overall([job.title for job in jobs], [job.path for job in jobs])
    outcomes: dict[int, Outcome] = {}

    def on_progress(running: Mapping[int, Any]) -> None:
        if reporter is not None:
            reporter(overall.told(running))

    with writable_folder(output), _swept(output, jobs):
        calls = (functools.partial(work, job) for job in jobs)
        with closing(run_all(calls, executor, output, on_progress=on_progress, cancel=cancel)) as coming:
            for number, result in coming:
                if isinstance(result, Cancelled) or not isinstance(result, (Outcome, Exception)):
                    raise result
                failed = Outcome(mixture=jobs[number].path, status="failed", error=result)  # type: ignore[arg-type]
                outcomes[number] = result if isinstance(result, Outcome) else failed
                if reporter is not None:
                    reporter(overall.finish(number))
                if on_outcome is not None:
                    on_outcome(outcomes[number])
    return Batch(tuple(outcomes[number] for number in range(len(jobs))))


def do(job: Job, *, reporter: Reporter | None = None, cancel: Cancel | None = None) -> Outcome:
    """Do a job in whichever process this is; methods that were loaded for earlier ones are loaded no more."""
    return _runner(job.disabled).run(job, reporter=reporter, cancel=cancel)


@functools.cache
def _runner(disabled: tuple[str, ...] | None) -> JobRunner:
    return JobRunner(Registry.discover(disabled=disabled))


@contextmanager
def executor_for(executor: Executor | None, workers: int | None, registry: Registry) -> Iterator[Executor]:
    """The executor that was given, or processes of this machine, which end with the block."""
    if executor is not None:
        yield executor
        return
    cores = usable_cores()
    count = cores if workers is None else workers
    if count < 1:
        raise ConfigError(f"workers needs to be at least 1, given {workers}")
    with Processes(count, threads=max(1, cores // count), disabled=disabled(registry)) as processes:
        yield processes


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def disabled(registry: Registry) -> tuple[str, ...]:
    """Names of the plugins that a registry leaves out because it was told to."""
    return tuple(record.name for record in registry.plugins if record.state is State.DISABLED)


def parted(how: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters of `sepkit.separate` as those of `Method` and of its `separate`.

    Raises
    ------
    ConfigError
        If there is no such parameter.
    """
    setup, problem = (set(inspect.signature(one).parameters) - _OF_THE_BATCH for one in (Method, Method.separate))
    unknown = set(how) - setup - problem
    if unknown:
        raise ConfigError(f"there is no parameter '{min(unknown)}'; there are {', '.join(sorted(setup | problem))}")
    return {name: how[name] for name in how if name in setup}, {name: how[name] for name in how if name in problem}


def list_name(part: tuple[int, int]) -> str:
    """The file of the list of a whole batch, or of a part of one."""
    return LIST if part == (1, 1) else f"batch-{part[0]}-of-{part[1]}.jsonl"


def _of_shard(names: Mapping[Path, str], part: tuple[int, int]) -> list[tuple[Path, str]]:
    return [(path, names[path]) for path in shard(list(names), *part)]


@contextmanager
def _swept(output: Path, jobs: Iterable[Job]) -> Iterator[None]:
    """What processes that were killed have left half-written goes, before and after."""
    places = {output, *((output / FileNames(job.name).folder).parent for job in jobs)}
    try:
        for place in places:
            sweep(place)
        yield
    finally:
        for place in places:
            sweep(place)
