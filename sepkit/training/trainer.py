"""Trainers: what a plugin implements so that its method or prior can be trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic

from sepkit.config import C
from sepkit.errors import ConfigError
from sepkit.evaluation.dataset import Track
from sepkit.problem.run import Run


@dataclass(frozen=True)
class Task:
    """One target, and tracks of its own to learn it from.

    Attributes
    ----------
    target : str
        Name of the stem that is to be learned.
    train, valid : tuple of Track
        As of `TrainingData`; all have that stem.
    """

    target: str
    train: tuple[Track, ...]
    valid: tuple[Track, ...]


@dataclass(frozen=True)
class TrainingData:
    """What there is to learn from.

    Attributes
    ----------
    train : tuple of Track
        To learn from.
    valid : tuple of Track
        To choose by, for early stops; may be empty.
    sources : tuple of str
        Names of the stems that are to be learned; a track need not have all of them. Empty if no track has stems.
    tasks : tuple of Task
        The sources with tracks of their own; by default those tracks that have them.
    """

    train: tuple[Track, ...]
    valid: tuple[Track, ...]
    sources: tuple[str, ...]
    tasks: tuple[Task, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tasks", self.tasks or tuple(map(self._task, self.sources)))

    def _task(self, source: str) -> Task:
        with_it = [tuple(track for track in part if source in track.stems) for part in (self.train, self.valid)]
        return Task(source, *with_it)


class Trainer(ABC, Generic[C]):
    """Base of what trains a method or a prior.

    A spec names its trainer as import string: ``trainer="package.training:MyTrainer"``.

    Parameters
    ----------
    config : Config
        Options of the training and of the model. A constructor keeps them and does nothing else.
    """

    from_mixtures: ClassVar[bool] = False
    """Whether tracks without stems are something to learn from; otherwise they are skipped."""
    by_task: ClassVar[bool] = False
    """Whether targets are learned each from tracks of its own, the `tasks` of the data; otherwise such are refused."""

    def __init__(self, config: C) -> None:
        self.config = config

    @abstractmethod
    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        """Learn from `data` and write weights into `folder`.

        Loop over ``run.steps``; keep the state of an unfinished training in `folder` and go on with it when called
        again with the same options. `sepkit.neural.fit` does all of this for models of torch.

        Parameters
        ----------
        data : TrainingData
        folder : Path
            Is there; may hold an unfinished training.
        run : Run
        """

    def fine_tune(self, weights: Path, data: TrainingData, folder: Path, run: Run) -> None:
        """Learn on from `weights` and write what comes of it into `folder`; override it where a training can.

        Of ``self.config`` those options count that describe the training. What describes the model is as the weights
        have it, and to have set it to something else is a `ConfigError`: `sepkit.neural.Checkpoint.tuned_options`
        sees to both.

        Parameters
        ----------
        weights : Path
            A folder that is there, and is not `folder`.
        data : TrainingData
            Its sources need not be those that the weights know.
        folder : Path
            As in `train`.
        run : Run

        Raises
        ------
        ConfigError, WeightsError
            If the weights cannot be gone on from.
        """
        raise ConfigError("this training cannot go on from weights; train anew")
