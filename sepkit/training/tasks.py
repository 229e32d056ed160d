"""Targets that are learned each from datasets of its own, which need have nothing else in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sepkit.errors import ConfigError, DatasetError
from sepkit.evaluation.dataset import Dataset, Track
from sepkit.plugin.registry import Registry
from sepkit.training.parts import parts_of, told_skipped
from sepkit.training.trainer import Task, Trainer, TrainingData


def data_of_tasks(
    tasks: Mapping[str, Iterable[Dataset | Path | str]], whole: bool, registry: Registry
) -> tuple[TrainingData, tuple[str, ...], tuple[str, ...]]:
    """The data of tasks, the names of the tracks held out, and remarks on those that are skipped.

    Raises
    ------
    ConfigError, DatasetError
        If a dataset cannot be found, or none of its tracks has the target.
    """
    made: list[Task] = []
    held_out: list[str] = []
    remarks: list[str] = []
    for target, datasets in tasks.items():
        train, valid, test = parts_of(datasets, whole, registry)
        learned, judged = ([track for track in part if target in track.stems] for part in (train, valid))
        if not learned:
            raise DatasetError(f"no track to learn from has a stem '{target}'; {_there(train)}")
        without = [track.name for track in train + valid if target not in track.stems]
        remarks += told_skipped(without, f"a stem {target}")
        held_out += test
        made.append(Task(target, tuple(learned), tuple(judged)))
    train_all, valid_all = ([track for task in made for track in getattr(task, part)] for part in ("train", "valid"))
    data = TrainingData(tuple(train_all), tuple(valid_all), tuple(tasks), tuple(made))
    return data, tuple(held_out), tuple(remarks)


def require_tasks_alone(trainer: Trainer[Any], datasets: Iterable[Any], sources: Iterable[str]) -> None:
    """Refuse tasks where they would not be heeded.

    Raises
    ------
    ConfigError
    """
    if not trainer.by_task:
        raise ConfigError("this training learns its sources together and knows no tasks; give datasets")
    if tuple(datasets) or tuple(sources):
        raise ConfigError("tasks name their sources and datasets themselves; leave out other datasets and --sources")


def _there(tracks: list[Track]) -> str:
    stems = dict.fromkeys(source for track in tracks for source in track.sources)
    return f"the stems are {', '.join(stems)}" if stems else "they have no stems"
