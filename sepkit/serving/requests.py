"""What a host may ask of a worker, checked before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from sepkit.batching.job import Job
from sepkit.config import Config
from sepkit.errors import AudioError, reason_of
from sepkit.music.audio import Audio
from sepkit.music.examples import read_examples
from sepkit.music.f0 import F0Track
from sepkit.music.labels import Labels
from sepkit.music.parts import read_with_parts
from sepkit.solving.outputs import Outputs


class Request(Config):
    """The parameters of a call."""


class Show(Request):
    """All about one method, prior, constraint, metric or dataset."""

    name: str


class Cancelling(Request):
    """The job that is no longer wanted."""

    job: str


class Evaluate(Request):
    """Estimates and true stems: folders, or single files."""

    estimates: Path
    references: Path
    metrics: tuple[str, ...] = ()
    permute: bool = False


class Samples(Request):
    """A recording in an array that both processes map into memory.

    Attributes
    ----------
    array : Path
        A ``.npy`` file of float32 [shape=(channels, samples)], which may lie in memory itself (``/dev/shm``).
    sample_rate : int
        In Hz.
    """

    array: Path
    sample_rate: int

    def audio(self) -> Audio:
        """The recording, of which nothing is copied; raises `AudioError`."""
        try:
            samples = np.load(self.array, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise AudioError(f"{self.array} is no array that can be mapped: {reason_of(error)}") from error
        return Audio(samples, self.sample_rate)


class Separate(Request):
    """One separation; what is not said is as in `sepkit.separate`.

    Attributes
    ----------
    job : str
        The host's own name for it: of its reports, and to cancel it by.
    output : Path
        The folder of the results.
    outputs : Outputs
        What is written: ``{"format": "npy"}`` for arrays to be mapped, ``{"picture": true}`` ...
    """

    job: str = Field(min_length=1, max_length=200)
    mixture: Path | Samples
    method: str
    output: Path
    outputs: Outputs = Outputs()
    config: dict[str, Any] = Field(default={})
    weights: str | None = None
    device: str = "auto"
    sources: tuple[str, ...] = ()
    score: Path | None = None
    parts: str = "track"
    align: str = "auto"
    f0: dict[str, Path] = Field(default={})
    examples: dict[str, tuple[Path, ...]] = Field(default={})
    labels: tuple[Path, ...] = ()
    priors: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    start_s: float = 0.0
    end_s: float | None = None
    seed: int = Field(default=0, ge=0)

    @property
    def as_job(self) -> Job:
        """What is to be done; files of what is known are read.

        Raises
        ------
        UserError
            If one cannot be read.
        """
        return Job(
            mixture=self.mixture.audio() if isinstance(self.mixture, Samples) else str(self.mixture),
            method=self.method,
            output=str(self.output),
            setup={"config": self.config, "weights": self.weights, "device": self.device},
            problem={
                "sources": self.sources,
                "score": None if self.score is None else read_with_parts(self.score, self.parts),
                "f0": {source: F0Track.read(path) for source, path in self.f0.items()},
                "examples": read_examples(self.examples),
                "labels": [Labels.read(path) for path in self.labels],
                "priors": self.priors,
                "constraints": self.constraints,
                "align": self.align,
                "start_s": self.start_s,
                "end_s": self.end_s,
                "seed": self.seed,
            },
            outputs=self.outputs,
        )
