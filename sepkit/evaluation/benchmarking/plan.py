"""What a benchmark is going to do: which entry on which track, and all that each result depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sepkit.evaluation.benchmarking import dependencies
from sepkit.evaluation.benchmarking.entry import Entry, permutes
from sepkit.evaluation.benchmarking.job import Job
from sepkit.evaluation.benchmarking.request import BenchmarkRequest
from sepkit.evaluation.benchmarking.results import Result
from sepkit.evaluation.benchmarking.serialize import serialize
from sepkit.evaluation.benchmarking.tracks import Labelled
from sepkit.evaluation.dataset import Track
from sepkit.files import file_names
from sepkit.plugin.registry import Registry
from sepkit.solving.digests import digest_json

AUDIO = "audio"
"""Folder of excerpts within that of the benchmark."""

_HEARD_ORACLE = "ideal-ratio-mask"


@dataclass(frozen=True)
class Planned:
    """One entry on one track.

    Attributes
    ----------
    track : str
        Label.
    fingerprint : str
        SHA-256 over all that the result depends on; see `dependencies`.
    job : Job
    """

    track: str
    fingerprint: str
    job: Job

    @property
    def key(self) -> tuple[str, str]:
        """Labels of track and entry."""
        return self.track, self.job.entry.label

    def result(self, outcome: dict[str, Any]) -> Result:
        """What came of it, as `job.run` tells."""
        return Result(track=self.track, entry=self.job.entry.label, fingerprint=self.fingerprint, **outcome)

    def is_settled(self, results: Mapping[tuple[str, str], Result]) -> bool:
        """Whether there is a result that still holds; what has failed is tried again."""
        result = results.get(self.key)
        if result is None or result.fingerprint != self.fingerprint:
            return False
        heard = self.job.estimates_to is None or "estimates" in result.excerpts
        return result.status == "unfit" or (result.done and heard and not result.failed_metrics)


def planned_jobs(
    request: BenchmarkRequest, tracks: tuple[Labelled, ...], folder: Path, registry: Registry
) -> tuple[Planned, ...]:
    """Every entry on every track, track by track.

    Raises
    ------
    ConfigError
        If a dataset or metric cannot be made in another process, or a file that an option names cannot be read.
    """
    places = file_names(one.label for one in tracks)
    names = file_names(entry.label for entry in request.entries)
    of_request = {
        "metrics": request.measures,
        "code of metrics": dependencies.of_classes(request.chosen.metrics),
        "seed": request.seed,
    }
    of_entries = {entry.label: dependencies.of_entry(entry, registry) for entry in request.entries}
    planned = []
    for one in tracks:
        of_track = {
            "dataset": serialize(one.dataset),
            "code of dataset": dependencies.of_classes([one.dataset]),
            "track": dependencies.of_track(one.track),
            "label": one.label,
        }
        for entry in request.entries:
            if entry in request.asked or _concerns(entry, one.track):
                place = f"{AUDIO}/{places[one.label]}"
                job = _job(request, one, entry, place, names[entry.label], folder, registry)
                depends_on = {**of_request, **of_track, **of_entries[entry.label], "permute": job.permute}
                planned.append(Planned(one.label, digest_json(depends_on), job))
    return tuple(planned)


def _job(
    request: BenchmarkRequest, one: Labelled, entry: Entry, place: str, name: str, folder: Path, registry: Registry
) -> Job:
    heard = entry in request.asked or entry.method == _HEARD_ORACLE
    return Job(
        dataset=serialize(one.dataset),
        track=one.track.name,
        entry=entry,
        references="references" in registry.separator(entry.method).needs,
        permute=permutes(entry, registry),
        metrics=[serialize(metric) for metric in request.chosen.metrics],
        seed=request.seed,
        folder=str(folder),
        estimates_to=f"{place}/{name}" if heard else None,
        truth_to=place if entry.method == "mixture" else None,
    )


def _concerns(entry: Entry, track: Track) -> bool:
    """Whether a baseline or oracle that nobody asked for can be run on the track."""
    return entry.method != "harmonic-comb" or track.score is not None or bool(track.f0)
