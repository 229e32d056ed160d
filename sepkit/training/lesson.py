"""One training as it will go: by which trainer, with which options, from nothing or from which weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sepkit.config import Config, validate
from sepkit.errors import ConfigError, WeightsError
from sepkit.files import writable_folder
from sepkit.plugin.specs import PriorSpec, SeparatorSpec
from sepkit.plugin.store import chosen_weights, require_unchanged
from sepkit.problem.run import Run
from sepkit.solving.contract import plugin_faults
from sepkit.training.config import TrainingConfig
from sepkit.training.trainer import Trainer, TrainingData

FINE_RATE = 0.1
"""The learning rate of a training that goes on from weights, beside the default."""


@dataclass(frozen=True)
class Lesson:
    """A trainer and what it starts from.

    Attributes
    ----------
    spec : SeparatorSpec or PriorSpec
    trainer : Trainer
    start : Path or None
        Folder of the weights to go on from.
    """

    spec: SeparatorSpec | PriorSpec
    trainer: Trainer[Any]
    start: Path | None

    @classmethod
    def of(
        cls,
        spec: SeparatorSpec | PriorSpec,
        config: Config | Mapping[str, Any] | None,
        weights: str | os.PathLike[str] | None,
    ) -> Lesson:
        """The training that a caller means.

        Raises
        ------
        ConfigError
            If the options cannot be, or it cannot go on from weights.
        WeightsError
            If there are no such weights.
        """
        start = None if weights is None else starting_weights(weights, spec)
        with plugin_faults(spec):
            options = validate(spec.load_training(), config, f"training of {spec.kind} '{spec.name}'")
            if start and isinstance(options, TrainingConfig) and "learning_rate" not in options.model_fields_set:
                options = options.model_copy(update={"learning_rate": FINE_RATE * options.learning_rate})
            trainer: Trainer[Any] = spec.load_trainer()(options)
        if start and type(trainer).fine_tune is Trainer.fine_tune:
            raise ConfigError(f"a training of {spec.kind} '{spec.name}' cannot go on from weights; train it anew")
        return cls(spec, trainer, start)

    def learn(self, data: TrainingData, folder: Path, run: Run) -> Path:
        """Train; what comes back is the folder of the new weights.

        Raises
        ------
        ConfigError
            If `folder` is that of the weights at the start.
        OutputError
            If it cannot be written to.
        """
        if self.start is not None:
            require_another(folder, self.start)
        with writable_folder(folder), run, plugin_faults(self.spec):
            if self.start is None:
                self.trainer.train(data, folder, run)
            else:
                self.trainer.fine_tune(self.start, data, folder, run)
        return folder


def starting_weights(given: str | os.PathLike[str] | None, spec: SeparatorSpec | PriorSpec) -> Path | None:
    """The folder of the weights that a caller means to go on from; None where there are none.

    Raises
    ------
    WeightsError
        If they are not there, changed since they were fetched, or one file, which is not of a training of sepkit.
    """
    found = chosen_weights(given, spec)
    if found is not None and not found.is_dir():
        raise WeightsError(f"{found} is one file; trainings go on from a folder, as sepkit train writes it")
    require_unchanged(found, spec)
    return found


def require_another(folder: Path, weights: Path) -> None:
    """New weights never take the place of those that they come from.

    Raises
    ------
    ConfigError
    """
    if folder.resolve() == weights.resolve():
        raise ConfigError(f"{folder} holds the weights to start from; choose another folder with -o")
