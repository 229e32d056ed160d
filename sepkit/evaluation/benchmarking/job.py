"""One method on one track, in a process of its own."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sepkit.errors import DatasetError, MismatchError, SepkitError, SideInformationError, fault_of, one_line, reason_of
from sepkit.evaluation.benchmarking.entry import Entry
from sepkit.evaluation.benchmarking.excerpt import Excerpt
from sepkit.evaluation.benchmarking.memory import forget_peak, peak_memory_bytes
from sepkit.evaluation.benchmarking.serialize import deserialize

if TYPE_CHECKING:
    from sepkit.evaluation.dataset import Track
    from sepkit.evaluation.evaluation import Evaluation
    from sepkit.music.audio import Audio
    from sepkit.solving.separation import Separation

_NEARLY_ALWAYS_NEEDED = ("scipy.fft", "soundfile", "soxr")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one process is to do.

    Attributes
    ----------
    dataset : dict
        As `serialize` gives it.
    track : str
        Name within the dataset.
    entry : Entry
    references, permute : bool
        Whether the method is given the true stems, and whether its stems are assigned to them.
    metrics : list of dict
        Each as `serialize` gives it.
    seed : int
    folder : str
        Of the benchmark.
    estimates_to, truth_to : str or None
        Where within `folder` excerpts of the estimates, and of mixture and true stems, are kept.
    """

    dataset: dict[str, Any]
    track: str
    entry: Entry
    references: bool
    permute: bool
    metrics: list[dict[str, Any]]
    seed: int
    folder: str
    estimates_to: str | None = None
    truth_to: str | None = None

    def load_track(self) -> Track:
        """Find the track in its dataset; raises `DatasetError`."""
        for track in deserialize(self.dataset).tracks():
            if track.name == self.track:
                found: Track = track
                return found
        raise DatasetError(f"the track '{self.track}' is no longer in its dataset")


def run(job: Job) -> dict[str, Any]:
    """Separate, measure and keep excerpts.

    Returns
    -------
    outcome : dict
        ``status`` (``"done"``, ``"unfit"`` or ``"failed"``), ``reason``, and what was measured.
    """
    try:
        return {"status": "done", **_measured(job, job.load_track())}
    except MismatchError as error:
        return {"status": "unfit", "reason": one_line("; ".join(error.reasons))}
    except SepkitError as error:
        return {"status": "failed", "reason": reason_of(error)}
    except (Exception, SystemExit) as error:
        return {"status": "failed", "reason": fault_of(error)}


def _measured(job: Job, track: Track) -> dict[str, Any]:
    from sepkit.evaluation.evaluation import evaluate
    from sepkit.solving.method import Method

    for module in _NEARLY_ALWAYS_NEEDED:
        # Or the first method to use it would pay for it, in time and memory.
        importlib.import_module(module)
    bare_memory_bytes = peak_memory_bytes()
    if not track.stems:
        raise DatasetError(f"track '{track.name}' has no stems to measure by; leave it out")
    mixture = track.load_mixture()
    method = Method(job.entry.method, config=job.entry.config, weights=job.entry.weights)
    problem: dict[str, Any] = {
        "sources": track.sources,
        "score": track.load_score(),
        "f0": track.load_f0(),
        "references": _like(mixture, track.load_stems()) if job.references else None,
        "priors": job.entry.priors,
        "constraints": job.entry.constraints,
        "seed": job.seed,
    }
    forget_peak()
    started = time.perf_counter()
    try:
        separation = method.separate(mixture, **problem)
    except SideInformationError as error:
        # The files were read: it is the method that cannot use what is in them.
        raise MismatchError(job.entry.method, (reason_of(error),)) from error
    seconds = time.perf_counter() - started
    peak = peak_memory_bytes()
    references = track.load_stems()
    metrics = [deserialize(metric) for metric in job.metrics]
    evaluation = evaluate(separation.stems, references, metrics=metrics, permute=job.permute, registry=method.registry)
    return {
        "figures": evaluation.values,
        "assignment": evaluation.assignment,
        "notes": list(evaluation.notes),
        "failed_metrics": {name: one_line(reason) for name, reason in evaluation.failed.items()},
        "seconds": seconds,
        "duration_s": mixture.duration_s,
        "real_time_factor": seconds / mixture.duration_s,
        "peak_memory_bytes": peak,
        "bare_memory_bytes": bare_memory_bytes,
        "parameters": method.parameters,
        "provenance": {key: value for key, value in separation.provenance.as_dict().items() if key != "traces"},
        "excerpts": _keep_excerpts(job, separation, references, evaluation),
    }


def _like(mixture: Audio, stems: dict[str, Audio]) -> dict[str, Audio]:
    """Stems of the mixture's length, for oracles: that of stems recorded apart can differ by a little."""
    from sepkit.music.audio import Audio, fit_length

    return {name: Audio(fit_length(stem.samples, mixture.length), stem.sample_rate) for name, stem in stems.items()}


def _keep_excerpts(
    job: Job, separation: Separation, references: dict[str, Audio], evaluation: Evaluation
) -> dict[str, Any]:
    """Paths within the folder of the benchmark."""
    excerpt = Excerpt.loudest(separation.mixture)
    keep = partial(excerpt.write, Path(job.folder))
    kept: dict[str, Any] = {"start_s": excerpt.start / separation.mixture.sample_rate}
    if job.truth_to is not None:
        kept |= keep(job.truth_to, {"mixture": separation.mixture})
        # No entry has a blank in its label, so this is the folder of none of them.
        kept["truth"] = keep(f"{job.truth_to}/true stems", references)
    if job.estimates_to is not None:
        stems = {reference: separation[estimate] for reference, estimate in evaluation.assignment.items()}
        kept["estimates"] = keep(job.estimates_to, stems)
    return kept
