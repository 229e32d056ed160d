"""`benchmark`: methods over datasets, going on where it was stopped."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sepkit.batching.batch import disabled, usable_cores
from sepkit.batching.processes import Processes
from sepkit.batching.running import run_all
from sepkit.errors import Cancelled, ConfigError, OutputError, SepkitError, reason_of
from sepkit.evaluation.benchmarking.entry import Entry
from sepkit.evaluation.benchmarking.job import Job, run
from sepkit.evaluation.benchmarking.plan import AUDIO, planned_jobs
from sepkit.evaluation.benchmarking.report import Report, write_report
from sepkit.evaluation.benchmarking.request import checked_request
from sepkit.evaluation.benchmarking.results import ResultsFile
from sepkit.evaluation.benchmarking.tracks import Source, chosen_tracks
from sepkit.evaluation.dataset import Dataset, Split
from sepkit.evaluation.metric import Metric
from sepkit.files import require_writable, sweep
from sepkit.plugin.registry import Registry
from sepkit.problem.run import Cancel, Reporter, Run

STAGE = "tracks and methods"


def benchmark(
    entries: Iterable[Entry | str],
    datasets: Iterable[Dataset | Path | str],
    output: str | os.PathLike[str],
    *,
    metrics: Iterable[Metric | str] | None = None,
    split: Split | None = None,
    seed: int = 0,
    jobs: int | None = None,
    registry: Registry | None = None,
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
) -> Report:
    """Run methods over datasets and report how good they are.

    Every method separates every track in a process of its own, with one thread of linear algebra, so that neither
    figures nor memory depend on what runs beside it. What fails is reported and does not stop the others. Baselines
    (the mixture as it is, silence, a harmonic comb) and oracles (ideal masks) are run along.

    A benchmark goes on in a folder that already holds results: only what is missing, has failed, or was measured under
    other conditions is done.

    Parameters
    ----------
    entries : iterable of Entry or str
        Methods by name, or with options as an `Entry`.
    datasets : iterable of Dataset, path or str
        Each an object, a folder, or text like ``"toy-waveforms:count=3"``.
    output : path
        Folder for the results and the report.
    metrics : iterable of Metric or str, optional
        By default those of `evaluate`.
    split : {"train", "valid", "test"}, optional
        Only this part of every dataset; by default all tracks.
    seed : int
        Of the methods; equal seeds give equal figures.
    jobs : int, optional
        How many run at a time; by default one for each core that may be used.
    registry : Registry, optional
        By default one with all installed plugins. It needs to be one of installed plugins.
    reporter : callable, optional
        Gets a `Progress` after every job.
    cancel : optional
        Anything with ``is_set()``; what is done by then is kept.

    Returns
    -------
    report : Report

    Raises
    ------
    UserError
        One of its kinds, before any work is done, if entries, datasets, metrics or the folder cannot be used.
    WriteError
        If the disk refuses.
    Cancelled

    Examples
    --------
    >>> from sepkit.evaluation import benchmark
    >>> report = benchmark(["nmf"], ["example"], "out")  # doctest: +SKIP
    >>> report.html  # doctest: +SKIP
    PosixPath('out/report.html')
    """
    registry = registry or Registry.discover()
    request = checked_request(entries, datasets, metrics, split, seed, registry)
    workers = usable_cores() if jobs is None else jobs
    if workers < 1:
        raise ConfigError(f"jobs needs to be at least 1, given {jobs}")
    _require_extra()
    tracks = chosen_tracks(request.sources, split)
    folder = Path(os.path.abspath(output))
    _require_apart(folder, request.sources)
    require_writable(folder)
    with _alone_in(folder):
        planned = planned_jobs(request, tracks, folder, registry)
        request.write(folder)
        file = ResultsFile(folder / "results.jsonl")
        found, unreadable = file.read()
        remarks = [*request.chosen.failed.values()]
        if unreadable:
            remarks.append(f"{unreadable} line(s) of {file.path} could not be read; what they told is measured again")
        results = [found[one.key] for one in planned if one.is_settled(found)]
        missing = [one for one in planned if not one.is_settled(found)]
        calls = (partial(_do, one.job) for one in missing)
        try:
            with (
                _executor(workers, registry) as executor,
                closing(run_all(calls, executor, folder, cancel=cancel)) as coming,
                Run(seed=seed, reporter=reporter, cancel=cancel) as host,
            ):
                for step in host.steps(len(planned), STAGE):
                    if len(results) <= step:
                        number, came = next(coming)
                        results.append(missing[number].result(_outcome(came)))
                        file.append(results[-1])
        finally:
            for place in (folder, *(path for path in (folder / AUDIO).rglob("*") if path.is_dir())):
                sweep(place)
        by_key = {result.key: result for result in results}
        return write_report(
            folder, request, tuple(by_key[one.key] for one in planned), registry, workers, tuple(remarks)
        )


def _executor(workers: int, registry: Registry) -> Executor:
    """A process for every job: neither what a method leaves behind nor its memory reaches another."""
    return Processes(workers, calls_each=1, disabled=disabled(registry))


def _do(job: Job, **_: Any) -> dict[str, Any]:
    return run(job)


def _outcome(came: dict[str, Any] | BaseException) -> dict[str, Any]:
    """However the process of a job ended, there is one."""
    if isinstance(came, dict):
        return came
    if isinstance(came, Cancelled) or not isinstance(came, SepkitError):
        raise came
    return {"status": "failed", "reason": reason_of(came)}


def _require_extra() -> None:
    try:
        for module in ("filelock", "jinja2", "matplotlib"):
            importlib.import_module(module)
    except ImportError as error:
        command = 'pip install "sepkit[evaluation]"'
        raise SepkitError(
            f"a benchmark needs packages that are not there ({error}); install them with: {command}"
        ) from error


def _require_apart(folder: Path, sources: tuple[Source, ...]) -> None:
    """What is written must not be taken for tracks the next time."""
    for source in sources:
        path = getattr(source.dataset, "path", None)
        if isinstance(path, Path) and path.resolve() in (folder.resolve(), *folder.resolve().parents):
            raise OutputError(f"the folder {folder} lies within the dataset {source.text}; choose another with -o")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system takes back when the process ends in whatever way."""
    import filelock

    lock = filelock.FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise OutputError(f"another benchmark is at work in {folder}; wait for it or choose another with -o") from None
    try:
        yield
    finally:
        lock.release()
