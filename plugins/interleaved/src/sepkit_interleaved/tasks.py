"""What there is to learn from: the excerpts of every task, and those that its decoder is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from sepkit.errors import DatasetError
from sepkit.evaluation.dataset import Track
from sepkit.training.trainer import Task, TrainingData
from sepkit_interleaved.lessons import Kind, Lesson, random_filters, shown
from sepkit_interleaved.recordings import Excerpts, Library, require_sound
from sepkit_interleaved.sizes import Plan
from sepkit_interleaved.training_config import InterleavedTraining

_VALIDATED = 32
"""Excerpts of every task by which the best weights are chosen."""


@dataclass(frozen=True, eq=False)
class Lessons:
    """What there is to learn from, by targets: those of one task, or of all together.

    Attributes
    ----------
    plan : Plan
    device : torch.device
    train : dict
        Excerpts to draw from, by the targets that they have.
    valid : dict
        Lessons to choose by, by target; without those of tasks that have no such tracks.
    about : dict
        Names of the tracks of every task.
    """

    plan: Plan
    device: torch.device
    train: dict[tuple[str, ...], Excerpts]
    valid: dict[str, list[Lesson]]
    about: dict[str, Any]
    kind: Kind
    filter_db: float

    def draw(self, targets: tuple[str, ...], count: int, rng: np.random.Generator) -> Lesson:
        """A batch of mixtures with these targets."""
        parts = self.train[targets].draw(count, rng)
        drawn = random_filters(parts.shape[0] * parts.shape[1], self.plan, self.filter_db, rng)
        filters = drawn.reshape(*parts.shape[:2], -1) if self.filter_db else None
        return Lesson.of(parts, self.plan, self.kind, self.device, filters)


def read_lessons(data: TrainingData, config: InterleavedTraining, device: torch.device) -> Lessons:
    """Read the tracks of all tasks.

    Raises
    ------
    AudioError, DatasetError
        If one cannot be read, has nothing to learn from, or lacks targets that are to be learned together.
    """
    plan = Plan.of(config, config.sample_rate)
    library = Library(config.sample_rate, plan.size.channels)
    length = plan.stft.window_length + round(config.excerpt_s * config.sample_rate)
    excerpts = partial(Excerpts, length=length, gain_db=config.gain_db, remix=config.remix)
    read = {
        task.target: [[library.recording(track, [task.target]) for track in part] for part in (task.train, task.valid)]
        for task in data.tasks
    }
    require_sound({target: train for target, (train, _) in read.items()})
    train: dict[tuple[str, ...], Excerpts] = {
        (target,): excerpts(train, (target,)) for target, (train, _) in read.items()
    }
    if config.mode == "simultaneous":
        train |= {
            tuple(read): excerpts([library.recording(track, read) for track in _having_all(data.tasks)], tuple(read))
        }
    valid = {
        target: shown(excerpts(part, (target,)), plan, config.loss, device, _VALIDATED)
        for target, (_, part) in read.items()
        if part
    }
    about = {task.target: [[track.name for track in part] for part in (task.train, task.valid)] for task in data.tasks}
    return Lessons(plan, device, train, valid, about, config.loss, config.filter_db)


def _having_all(tasks: Sequence[Task]) -> list[Track]:
    """The tracks of all tasks, each of which needs to have all targets."""
    tracks = list({id(track): track for task in tasks for track in task.train}.values())
    for track in tracks:
        missing = [task.target for task in tasks if task.target not in track.stems]
        if missing:
            raise DatasetError(
                f"mode=simultaneous needs all targets in every track, and {track.name} has no {missing[0]}; leave it "
                "out, or train with mode=interleaved"
            )
    return tracks
