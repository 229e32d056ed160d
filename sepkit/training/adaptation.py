"""Adaptation: trained weights that go on learning from the solo passages of the very piece they are to separate."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sepkit.config import Config, validate
from sepkit.errors import MismatchError, UnknownNameError, WeightsError
from sepkit.files import require_writable, staged_folder
from sepkit.music.audio import Audio
from sepkit.music.examples import Example, read_examples
from sepkit.opening import composed
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec
from sepkit.problem.run import Cancel, Reporter, Run, checked_seed
from sepkit.solving.contract import plugin_faults
from sepkit.solving.given import audio_given
from sepkit.training.config import TrainingConfig
from sepkit.training.learn import TrainingResult
from sepkit.training.lesson import Lesson, require_another, starting_weights
from sepkit.training.solos import like, mixtures_of, solo_passages
from sepkit.training.trainer import TrainingData

OPTIONS = {"steps": 300, "validate_every": 25, "patience": 8, "ema": 0.97}
"""What is not given: some hundred steps, stopped when what was held back has not got better for two hundred, for it may
get worse at first. The moving average of the weights is one of dozens of steps, or it would keep to the start."""


def adapt(
    method: str,
    mixture: Audio | str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    solos: Mapping[str, Iterable[tuple[float, float]]] | None = None,
    examples: Mapping[str, Example | Iterable[Example]] | None = None,
    config: Config | Mapping[str, Any] | None = None,
    seed: int = 0,
    device: str = "auto",
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
    registry: Registry | None = None,
) -> TrainingResult:
    """Adapt trained weights to one recording by the passages in which its sources play alone.

    Random mixtures of these passages are learned from at a tenth of the learning rate; the end of every passage is held
    back to stop by. What comes out are ordinary weights. Without solos they are those that were given.

    Parameters
    ----------
    method : str
        That can be trained, and whose training can go on from weights.
    mixture : Audio or path
        The recording that is to be separated later.
    output : path
        Folder for the new weights.
    weights : path or str, optional
        To start from: a folder, or the name of published ones; by default those that the method separates with.
    solos : mapping of str to iterable of (float, float), optional
        Start and end in seconds of passages in `mixture` that a source has for itself, by source.
    examples : mapping of str to Audio, path, or several of them, optional
        Other recordings of sources alone, as in `sepkit.separate`.
    config : Config or mapping, optional
        Options of the training.
    seed : int
        Equal seeds give equal weights on one machine.
    device, reporter, cancel, registry
        As in `sepkit.train`.

    Returns
    -------
    result : TrainingResult

    Raises
    ------
    UserError
        One of its kinds: when there are no such weights; when a passage is empty, silent, beyond the end, overlaps
        another or is of a source that the weights do not know.
    PluginError
        When the trainer fails.
    Cancelled
        Within one step after `cancel` is set; the state is kept.

    References
    ----------
    Özer and Müller, "Source separation of piano concertos with test-time adaptation", ISMIR 2022.

    Examples
    --------
    >>> solos = {"piano": [(0, 35)], "orchestra": [(70, 102)]}
    >>> sepkit.adapt("nae", "concerto.wav", "adapted", weights="weights", solos=solos)  # doctest: +SKIP
    """
    registry = registry or Registry.discover()
    spec = registry.trainable(method)
    if not isinstance(spec, SeparatorSpec):
        raise UnknownNameError(f"{spec.kind} '{method}' separates nothing; name a method to adapt")
    start = starting_weights(weights, spec)
    if start is None:
        raise WeightsError(f"there are no weights of '{method}' to adapt; give some with --weights (weights=)")
    lesson = Lesson.of(spec, _options(spec, config), start)
    recording = audio_given(mixture, "mixture")
    passages = {composed(source): own for source, own in solo_passages(recording, solos or {}).items()}
    for source, recordings in read_examples(examples or {}).items():
        passages.setdefault(source, []).extend(like(one, recording) for one in recordings)
    run = Run(seed=checked_seed(seed), device=device, reporter=reporter, cancel=cancel)
    known = _known_sources(spec, start, device)
    strange = [source for source in passages if known and source not in known]
    if strange:
        reason = f"its weights know {', '.join(known)} and not {strange[0]}: name the solos like them"
        raise MismatchError(method, (reason,))
    if not passages:
        _copy(start, Path(output))
        run.remark("no solos were given: the weights are copied as they are")
        return TrainingResult(Path(output), TrainingData((), (), known), (), tuple(run.remarks))
    data = mixtures_of(passages, seed)
    return TrainingResult(lesson.learn(data, Path(output), run), data, (), tuple(run.remarks))


def _options(spec: SeparatorSpec, config: Config | Mapping[str, Any] | None) -> Config | Mapping[str, Any] | None:
    """The options with those of an adaptation in place of defaults."""
    model: type[Config] = spec.load_training()
    if not issubclass(model, TrainingConfig) or not isinstance(config, Mapping | None):
        return config
    return validate(model, {**OPTIONS, **(config or {})}, f"training of method '{spec.name}'")


def _known_sources(spec: SeparatorSpec, weights: Path, device: str) -> tuple[str, ...]:
    """The names that the weights separate into; empty where they do not say."""
    with Run(device=device) as run, plugin_faults(spec):
        separator = spec.load()(spec.load_config()())
        separator.load(weights, run)
        return tuple(separator.sources)


def _copy(weights: Path, folder: Path) -> None:
    require_another(folder, weights)
    require_writable(folder)
    with staged_folder(folder) as staging:
        shutil.copytree(weights, staging, dirs_exist_ok=True)
