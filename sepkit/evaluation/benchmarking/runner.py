"""`benchmark`: methods over datasets, going on where it was stopped."""

from __future__ import annotations

import importlib
import os
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path

from sepkit.errors import ConfigError, OutputError, SepkitError
from sepkit.evaluation.benchmarking.entry import Entry
from sepkit.evaluation.benchmarking.plan import AUDIO, Planned, planned_jobs
from sepkit.evaluation.benchmarking.process import Processes
from sepkit.evaluation.benchmarking.report import Report, write_report
from sepkit.evaluation.benchmarking.request import checked_request
from sepkit.evaluation.benchmarking.results import Result, ResultsFile
from sepkit.evaluation.benchmarking.tracks import Source, chosen_tracks
from sepkit.evaluation.dataset import Dataset, Split
from sepkit.evaluation.metric import Metric
from sepkit.files import require_writable, sweep
from sepkit.plugin.loader import State
from sepkit.plugin.registry import Registry
from sepkit.problem.run import Cancel, Reporter, Run

STAGE = "tracks and methods"
_POLL_S = 0.2


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
    workers = _usable_cores() if jobs is None else jobs
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
        processes = Processes(record.name for record in registry.plugins if record.state is State.DISABLED)
        try:
            with (
                closing(_results(missing, processes, file, workers)) as coming,
                Run(seed=seed, reporter=reporter, cancel=cancel) as run,
            ):
                for step in run.steps(len(planned), STAGE):
                    while len(results) <= step:
                        results += next(coming)
                        run.check_cancelled()
        finally:
            for place in (folder, *(path for path in (folder / AUDIO).rglob("*") if path.is_dir())):
                sweep(place)
        by_key = {result.key: result for result in results}
        return write_report(
            folder, request, tuple(by_key[one.key] for one in planned), registry, workers, tuple(remarks)
        )


def _results(
    planned: list[Planned], processes: Processes, file: ResultsFile, workers: int
) -> Generator[list[Result], None, None]:
    """Do what is planned; yields what came of it, at times nothing. All is ended when the iterator is closed."""

    def do(one: Planned) -> Result:
        result = one.result(processes.run(one.job))
        file.append(result)
        return result

    pool = ThreadPoolExecutor(workers)
    try:
        pending = {pool.submit(do, one) for one in planned}
        while pending:
            done, pending = wait(pending, _POLL_S, FIRST_COMPLETED)
            yield [future.result() for future in done]
    finally:
        processes.end()
        pool.shutdown(cancel_futures=True)


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
