"""The comfortable side of training: names and paths in, a folder of weights out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sepkit.config import Config
from sepkit.errors import ConfigError, DatasetError
from sepkit.evaluation.dataset import Dataset, Track
from sepkit.plugin.registry import Registry
from sepkit.problem.run import Cancel, Reporter, Run, checked_seed
from sepkit.training.lesson import Lesson
from sepkit.training.parts import parts_of, told_skipped
from sepkit.training.tasks import data_of_tasks, require_tasks_alone
from sepkit.training.trainer import TrainingData


@dataclass(frozen=True)
class TrainingResult:
    """What a training left, and what it learned from.

    Attributes
    ----------
    folder : Path
        Of the weights: for ``weights=`` and ``--weights``.
    data : TrainingData
        What was learned from.
    held_out : tuple of str
        Names of the tracks in the part ``test`` of the split, which were not looked at.
    remarks : tuple of str
        Which tracks are skipped and why, and what the trainer reports.
    """

    folder: Path
    data: TrainingData
    held_out: tuple[str, ...]
    remarks: tuple[str, ...]


def train(
    name: str,
    datasets: Iterable[Dataset | Path | str],
    output: str | os.PathLike[str],
    *,
    config: Config | Mapping[str, Any] | None = None,
    weights: str | os.PathLike[str] | None = None,
    tasks: Mapping[str, Iterable[Dataset | Path | str]] | None = None,
    sources: Iterable[str] = (),
    whole: bool = False,
    seed: int = 0,
    device: str = "auto",
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
    registry: Registry | None = None,
) -> TrainingResult:
    """Train a method or a prior on datasets of stems.

    A training that was stopped goes on when it is called again with the same options and folder, and comes to the same
    weights as one that never stopped.

    Parameters
    ----------
    name : str
        Of a method or prior that can be trained; ``sepkit list`` shows them.
    datasets : iterable of Dataset, path or str
        As in `sepkit.evaluation.benchmark`: objects, folders of tracks, text like ``"toy-waveforms:count=100"``. The
        part ``test`` of each dataset's split is not looked at.
    output : path
        Folder for the weights.
    config : Config or mapping, optional
        Options of the training; ``sepkit show NAME`` shows them.
    weights : path or str, optional
        To go on from: a folder, or the name of published ones. The learning rate is then a tenth of the default, unless
        it is given.
    tasks : mapping of str to iterable of Dataset, path or str, optional
        In place of `datasets`, for methods that learn each target by itself: the names of the stems to learn, and for
        each the datasets to learn it from, which need have nothing else in common.
    sources : iterable of str, optional
        Names of the stems to learn; by default all that the tracks have, in their order.
    whole : bool
        Learn from the part ``test`` too.
    seed : int
        Equal seeds give equal weights on one machine.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` ...
    reporter : callable, optional
        Gets a `Progress` at every step.
    cancel : optional
        Anything with ``is_set()``, such as a `threading.Event`.
    registry : Registry, optional
        By default one with all installed plugins.

    Returns
    -------
    result : TrainingResult

    Raises
    ------
    UserError
        One of its kinds, when names, options or data cannot be used.
    PluginError
        When the trainer fails.
    Cancelled
        Within one step after `cancel` is set; the state is kept.

    Examples
    --------
    >>> sepkit.train("nae", ["recordings/train"], "weights", config={"steps": 500})  # doctest: +SKIP
    """
    registry = registry or Registry.discover()
    lesson = Lesson.of(registry.trainable(name), config, weights)
    if isinstance(sources, str):
        raise ConfigError(f"sources needs a list of names, given the text {sources!r}; write [{sources!r}]")
    if tasks:
        require_tasks_alone(lesson.trainer, datasets, sources)
        data, held_out, skipped = data_of_tasks(tasks, whole, registry)
    else:
        learns_mixtures = lesson.trainer.from_mixtures
        data, held_out, skipped = _training_data(datasets, tuple(sources), whole, learns_mixtures, registry)
    run = Run(seed=checked_seed(seed), device=device, reporter=reporter, cancel=cancel)
    for remark in skipped:
        run.remark(remark)
    folder = lesson.learn(data, Path(output), run)
    return TrainingResult(folder, data, held_out, tuple(run.remarks))


def _training_data(
    datasets: Iterable[Dataset | Path | str],
    sources: tuple[str, ...],
    whole: bool,
    from_mixtures: bool,
    registry: Registry,
) -> tuple[TrainingData, tuple[str, ...], tuple[str, ...]]:
    """Tracks to learn from and to choose by, the names of those held out, and remarks on those that are skipped."""
    train, valid, held_out = parts_of(datasets, whole, registry)
    if not train:
        raise DatasetError("there are no tracks to learn from; give a dataset, and --whole to learn from all of it")
    known = tuple(dict.fromkeys(source for track in train for source in track.sources))
    if len(set(sources)) < len(sources):
        raise ConfigError(f"sources needs distinct names, given {', '.join(sources)}")
    strange = [source for source in sources if source not in known]
    if strange:
        raise DatasetError(f"no track has a stem '{strange[0]}'; the stems are {', '.join(known) or 'not known'}")
    wanted = sources or known

    def usable(track: Track) -> bool:
        return bool(set(track.sources) & set(wanted)) if track.sources else from_mixtures

    skipped = [track for track in train + valid if not usable(track)]
    bare = [track.name for track in skipped if not track.sources]
    strangers = [track.name for track in skipped if track.sources]
    kept, judged = (tuple(filter(usable, part)) for part in (train, valid))
    if not kept:
        raise DatasetError("the tracks to learn from have no stems, and this is not learned from mixtures; give stems")
    data = TrainingData(kept, judged, wanted)
    remarks = (*told_skipped(bare, "stems"), *told_skipped(strangers, f"a stem {' or '.join(wanted)}"))
    return data, held_out, remarks
