"""Training of priors source by source: one model for each, from that source's stems alone."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sepkit.config import Config
from sepkit.errors import DatasetError, WeightsError
from sepkit.files import file_names
from sepkit.neural import Checkpoint, choose_device, fit
from sepkit.problem.run import Run
from sepkit.training.trainer import Trainer, TrainingData
from sepkit_flow_sgld.segments import Segments
from sepkit_flow_sgld.training_config import SourceTrainingConfig

C = TypeVar("C", bound=SourceTrainingConfig)


class SourceTrainer(Trainer[C]):
    """Writes a folder of weights for every source; a subclass says what is trained, and by which loss.

    Stems get noise, at levels that are drawn anew for every segment.

    Attributes
    ----------
    method : str
        As which the checkpoints are marked.
    unit : str
        Of what validations give.
    units : float
        Of them in one of the loss.
    validation_segments : int
    reported_levels : tuple of float
        Noise levels whose loss the checkpoint tells, over the root mean square of the stems.
    """

    method: ClassVar[str]
    unit: ClassVar[str]
    units: ClassVar[float]
    validation_segments: ClassVar[int]
    reported_levels: ClassVar[tuple[float, ...]]

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
    def _model(self, learned: Segments, rng: np.random.Generator) -> tuple[Config, nn.Module]:
        """What is trained, with weights to start from, and the options that it was made with."""

    @abstractmethod
    def _losses(
        self, model: nn.Module, clean: NDArray[np.floating], sigmas: NDArray[np.float64], rng: np.random.Generator
    ) -> Tensor:
        """The loss of every segment, with noise of these standard deviations [shape=(batch,)]."""

    def _drawn(self, learned: Segments, rng: np.random.Generator) -> NDArray[np.floating]:
        """Segments of a step [shape=(batch, samples)]."""
        gains = 10 ** (rng.uniform(-self.config.gain_db, self.config.gain_db, (self.config.batch, 1)) / 20)
        return learned.draw(self.config.batch, self.config.segment, rng) * gains

    def _stored(self, model: nn.Module) -> dict[str, Tensor]:
        """The weights as a checkpoint has them."""
        return {name: tensor.half() for name, tensor in model.state_dict().items()}

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
        config = self.config
        options, model = self._model(learned, rng)
        data_std = float(learned.power**0.5)
        self._device = choose_device(run)

        def loss(model: nn.Module, rng: np.random.Generator) -> Tensor:
            clean = self._drawn(learned, rng)
            # One in every part of the range, for gradients that vary less than those of independent levels.
            places = (np.arange(config.batch) + rng.uniform()) / config.batch
            levels = config.lowest * (config.highest / config.lowest) ** places
            return self._losses(model, clean, levels * data_std, rng).mean()

        def validated(model: nn.Module, levels: Sequence[float]) -> float:
            """Mean loss, on the same segments and noise each time."""
            fixed = np.random.default_rng(0)
            clean = held_out.draw(self.validation_segments, config.segment, fixed)
            with torch.no_grad():
                losses = self._losses(model, clean, data_std * np.resize(levels, len(clean)), fixed)
            return self.units * float(losses.mean())

        spread = np.geomspace(config.lowest, config.highest, self.validation_segments).tolist()
        done = fit(
            model,
            loss,
            config=config,
            state=state,
            run=run,
            validate=(lambda model: validated(model, spread)) if held_out.stems else None,
            stage=f"train {source}",
            recipe=recipe,
        )
        about = {
            "recipe": recipe,
            "power": learned.power,
            "segments_s": sum(map(len, learned.stems)) / learned.sample_rate,
            "steps": done.steps,
            "best_step": done.best_step,
            "loss": float(np.mean(done.losses[-100:])),
            f"validations_{self.unit}": [round(value, 5) for value in done.validations],
            f"{self.unit}_by_level": {
                str(level): round(validated(model, [level]), 5) for level in self.reported_levels if held_out.stems
            },
        }
        tensors = self._stored(model)
        return Checkpoint(self.method, options.model_dump(mode="json"), (source,), learned.sample_rate, tensors, about)

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
