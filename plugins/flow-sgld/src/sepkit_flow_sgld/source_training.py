"""Training of priors source by source: one model for each, from that source's stems alone."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from sepkit.errors import DatasetError, WeightsError
from sepkit.files import file_names
from sepkit.neural import Checkpoint
from sepkit.problem.run import Run
from sepkit.training.trainer import Trainer, TrainingData
from sepkit_flow_sgld.segments import Segments
from sepkit_flow_sgld.training_config import SourceTrainingConfig

C = TypeVar("C", bound=SourceTrainingConfig)


class SourceTrainer(Trainer[C]):
    """Writes a folder of weights for every source; a subclass says how one is trained.

    Attributes
    ----------
    method : str
        As which the checkpoints are marked.
    """

    method: ClassVar[str]

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        """Write one folder of weights for every source into `folder`; sources that are done already stay as they are.

        Raises
        ------
        DatasetError, AudioError
            If a source's stems are silent or cannot be read.
        """
        names = file_names(data.sources)
        # One generator for each source, so that a source comes out the same whether others are done already or not.
        for source, rng in zip(data.sources, run.rng.spawn(len(data.sources)), strict=True):
            recipe = self._recipe(source, data, run.seed)
            if self._is_done(folder / names[source], recipe):
                run.remark(f"'{source}' was trained before with the same options, seed and data")
                continue
            learned, held_out = self._segments(source, data, rng)
            state = folder / f"{names[source]}.state"
            self._train_source(source, learned, held_out, recipe, state, rng, run).write(folder / names[source])
            state.unlink(missing_ok=True)

    @abstractmethod
    def _train_source(
        self,
        source: str,
        learned: Segments,
        held_out: Segments,
        recipe: dict[str, Any],
        state: Path,
        rng: np.random.Generator,
        run: Run,
    ) -> Checkpoint:
        """The checkpoint of one source; `held_out` may be empty."""

    def _segments(self, source: str, data: TrainingData, rng: np.random.Generator) -> tuple[Segments, Segments]:
        """What is learned from and what is validated on."""
        seconds = 60 * self.config.memory_minutes
        learned = Segments.of(data.train, source, self.config.sample_rate, seconds, rng)
        if not learned.stems:
            raise DatasetError(f"no track to learn from has sound in its stem '{source}'; leave it out with --sources")
        return learned, Segments.of(data.valid, source, learned.sample_rate, seconds, rng)

    def _recipe(self, source: str, data: TrainingData, seed: int) -> dict[str, Any]:
        """What the weights depend on, as JSON."""
        tracks = {part: [track.name for track in getattr(data, part)] for part in ("train", "valid")}
        return {
            "source": source,
            "sources": list(data.sources),
            "seed": seed,
            "options": self.config.model_dump(mode="json"),
            "tracks": {part: len(names) for part, names in tracks.items()},
            "tracks_digest": hashlib.sha256(repr(tracks).encode(errors="surrogatepass")).hexdigest(),
        }

    def _is_done(self, folder: Path, recipe: dict[str, Any]) -> bool:
        """Whether `folder` holds weights that were made by this recipe."""
        try:
            return bool(Checkpoint.read(folder, self.method).about.get("recipe") == recipe)
        except WeightsError:
            return False
