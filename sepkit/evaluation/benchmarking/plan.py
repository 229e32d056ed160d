"""What a benchmark is going to do: which entry on which track, and all that each result depends on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sepkit.evaluation.benchmarking.entry import Entry, permutes
from sepkit.evaluation.benchmarking.job import Job
from sepkit.evaluation.benchmarking.request import BenchmarkRequest
from sepkit.evaluation.benchmarking.results import Result
from sepkit.evaluation.benchmarking.serialize import serialize
from sepkit.evaluation.benchmarking.tracks import Labelled
from sepkit.evaluation.dataset import Track
from sepkit.files import file_names
from sepkit.plugin.registry import Registry
from sepkit.plugin.store import chosen_folder
from sepkit.version import __version__

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
        SHA-256 over all that the result depends on.
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
        """What came of it, as `Processes.run` tells."""
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
        If a dataset or metric cannot be made in another process.
    """
    places = file_names(one.label for one in tracks)
    names = file_names(entry.label for entry in request.entries)
    return tuple(
        _planned(request, one, entry, f"{AUDIO}/{places[one.label]}", names[entry.label], folder, registry)
        for one in tracks
        for entry in request.entries
        if entry in request.asked or _concerns(entry, one.track)
    )


def _planned(
    request: BenchmarkRequest, one: Labelled, entry: Entry, place: str, name: str, folder: Path, registry: Registry
) -> Planned:
    spec = registry.separator(entry.method)
    origin = registry.origin(spec)
    weights = chosen_folder(entry.weights, spec)
    heard = entry in request.asked or entry.method == _HEARD_ORACLE
    job = Job(
        dataset=serialize(one.dataset),
        track=one.track.name,
        entry=entry,
        references="references" in spec.needs,
        permute=permutes(entry, registry),
        metrics=[serialize(metric) for metric in request.chosen.metrics],
        seed=request.seed,
        folder=str(folder),
        estimates_to=f"{place}/{name}" if heard else None,
        truth_to=place if entry.method == "mixture" else None,
    )
    depends_on = {
        "track": one.label,
        "sources": one.track.sources,
        "dataset": job.dataset,
        "files": _stamps([one.track.mixture, one.track.score, *one.track.stems.values(), *one.track.f0.values()]),
        "entry": entry.model_dump(mode="json"),
        "weights": _stamps(sorted(weights.rglob("*"))) if weights else [],
        "permute": job.permute,
        "metrics": request.measures,
        "seed": request.seed,
        "sepkit": __version__,
        "plugin": [origin.distribution, origin.version] if origin else None,
    }
    return Planned(one.label, _digest(depends_on), job)


def _concerns(entry: Entry, track: Track) -> bool:
    """Whether a baseline or oracle that nobody asked for can be run on the track."""
    return entry.method != "harmonic-comb" or track.score is not None or bool(track.f0)


def _stamps(places: Iterable[Any]) -> list[Any]:
    """Path, size and time of change of each that is a file."""
    return [_stamp(place) if isinstance(place, Path) else None for place in places]


def _stamp(path: Path) -> list[Any]:
    try:
        status = os.stat(path)
    except OSError:
        return [str(path)]
    return [str(path), status.st_size, status.st_mtime_ns]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
