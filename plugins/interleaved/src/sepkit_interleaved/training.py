"""Training: tasks take turns, each a target with tracks of its own, and the encoder learns from all of them.

A step on one task moves the encoder and that task's decoder; the others have no gradient there, and stay as they are to
the bit.

References
----------
Doire and Okubadejo, "Interleaved multitask learning for audio source separation with independent databases",
arXiv:1908.05182, 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sepkit.errors import ConfigError, DatasetError
from sepkit.files import file_names
from sepkit.neural import choose_device, fit, generator
from sepkit.problem.run import Run
from sepkit.training.trainer import Task, Trainer, TrainingData
from sepkit_interleaved.config import NetworkOptions
from sepkit_interleaved.lessons import Kind, Lesson, random_filters, relative, shown
from sepkit_interleaved.network import Decoder, Network, SharedEncoder, count, counts, draw
from sepkit_interleaved.recordings import Excerpts, Library, require_sound
from sepkit_interleaved.sizes import Plan
from sepkit_interleaved.trained import Branch, Trained
from sepkit_interleaved.training_config import InterleavedTraining

_VALIDATED = 32
"""Excerpts of every task by which the best weights are chosen."""


class InterleavedTrainer(Trainer[InterleavedTraining]):
    """Learns one encoder from all tasks, and a decoder from each."""

    by_task = True

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        """Learn all tasks together, or each with a network of its own, and then let every decoder come to its best."""
        config = self.config
        lessons = read_lessons(data, config, choose_device(run))
        targets = tuple(task.target for task in data.tasks)
        strange = [target for target in config.weights if target not in targets]
        if strange:
            raise ConfigError(
                f"weights are given for {strange[0]}, which is no task; the tasks are {', '.join(targets)}"
            )
        groups = [(target,) for target in targets] if config.mode == "independent" else [targets]
        rngs = run.rng.spawn(len(groups))
        branches, states = [], []
        for group, rng in zip(groups, rngs, strict=True):
            course = Course(config, lessons, group, folder, run)
            branches.append(course.branch(generator(rng)))
            states += course.states
        trained = Trained(
            NetworkOptions(**config.model_dump(include=set(NetworkOptions.model_fields))),
            config.sample_rate,
            tuple(branches),
        )
        run.remark(_sizes(trained))
        trained.write(folder)
        for state in states:
            state.unlink(missing_ok=True)


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
        train = {
            tuple(read): excerpts([library.recording(track, read) for track in _having_all(data.tasks)], tuple(read))
        }
    valid = {
        target: shown(excerpts(part, (target,)), plan, config.loss, device, _VALIDATED)
        for target, (_, part) in read.items()
        if part
    }
    about = {task.target: [[track.name for track in part] for part in (task.train, task.valid)] for task in data.tasks}
    return Lessons(plan, device, train, valid, about, config.loss, config.filter_db)


def _having_all(tasks: Sequence[Task]) -> list[Any]:
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


@dataclass(eq=False)
class Course:
    """The training of one encoder with its decoders.

    Parameters
    ----------
    config : InterleavedTraining
    lessons : Lessons
    targets : tuple of str
        Of the decoders.
    folder : Path
        For the states.
    run : Run
    """

    config: InterleavedTraining
    lessons: Lessons
    targets: tuple[str, ...]
    folder: Path
    run: Run

    def __post_init__(self) -> None:
        self.states: list[Path] = []

    def branch(self, drawn: torch.Generator) -> Branch:
        """Train all from the start."""
        network = Network(self.lessons.plan, self.targets)
        draw(network, drawn)
        self._measure(network)
        return self.trained_on(network.encoder, self._together(network), network)

    # Together -------------------------------------------------------------------------------------------------------

    def _together(self, network: Network) -> dict[str, Any]:
        """Train the encoder and all decoders; how that went."""
        groups = [self.targets] if self.config.mode == "simultaneous" else [(target,) for target in self.targets]
        each = [partial(self._loss, targets=group) for group in groups]

        def of_all(model: nn.Module, rng: np.random.Generator) -> Tensor:
            # What a sum has for a gradient is the sum of the tasks' own.
            return torch.stack([one(model, rng) for one in each]).sum()

        config = self.config
        done = fit(
            network,
            of_all if config.mode == "accumulate" else each,
            config=config,
            state=self._state("together" if len(self.targets) > 1 else self.targets[0]),
            run=self.run,
            validate=self._validation(network) if self._judged else None,
            stage="train" if len(self.targets) > 1 else f"train {self.targets[0]}",
            recipe=self._recipe,
            shuffled=config.order == "shuffled",
        )
        return {**self._recipe, "seed": self.run.seed, **done.about()}

    def _loss(self, model: nn.Module, rng: np.random.Generator, targets: tuple[str, ...]) -> Tensor:
        """The weighted loss of some targets on mixtures of theirs."""
        lesson = self.lessons.draw(targets, self.config.batch, rng)
        masks = model(lesson.heard, targets)
        return torch.stack(
            [
                self._weight(target) * lesson.difference(masks[target], row, self.config.loss)
                for row, target in enumerate(targets)
            ]
        ).sum()

    def _weight(self, target: str) -> float:
        return self.config.weights.get(target, 1.0)

    def _validation(self, network: Network) -> Callable[[nn.Module], float]:
        def validate(model: nn.Module) -> float:
            found = {target: self._relative(partial(_mask_of, model, target), target) for target in self._judged}
            self.run.show(**found)
            return float(np.mean(list(found.values())))

        return validate

    # One by one -----------------------------------------------------------------------------------------------------

    def trained_on(self, encoder: SharedEncoder, about: dict[str, Any], network: Network) -> Branch:
        """Let every decoder come to its best with the encoder as it is."""
        encoder.requires_grad_(False).eval()
        branch = Branch(encoder, {}, {"": about})
        for target in self.targets:
            decoder = network.decoder(target)
            branch.about[target] = self.finish(encoder, decoder, target, self.config.decoder_steps)
            branch.decoders[target] = decoder.requires_grad_(False).eval()
        return branch

    def finish(self, encoder: SharedEncoder, decoder: Decoder, target: str, steps: int) -> dict[str, Any]:
        """Train one decoder on an encoder that stays as it is; the best weights are kept, be they those before.

        Returns
        -------
        about : dict
            How that went.
        """

        def step(model: nn.Module, rng: np.random.Generator) -> Tensor:
            lesson = self.lessons.draw((target,), self.config.batch, rng)
            with torch.no_grad():
                found = encoder(lesson.heard)
            return lesson.difference(model(found), 0, self.config.loss)

        def figure(model: nn.Module) -> float:
            return self._relative(lambda heard: model(encoder(heard)), target)

        about: dict[str, Any] = {"targets": self.lessons.about[target], "seed": self.run.seed}
        judged = target in self.lessons.valid
        before = self._evaluated(figure, decoder) if judged else None
        start = {name: value.detach().clone() for name, value in decoder.state_dict().items()}
        if steps and (target,) in self.lessons.train:
            done = fit(
                decoder,
                step,
                config=self.config.model_copy(update={"steps": steps}),
                state=self._state(target, ".decoder"),
                run=self.run,
                validate=figure if judged else None,
                stage=f"finish {target}",
                recipe=self._recipe,
            )
            about |= done.about()
        if before is not None:
            after = self._evaluated(figure, decoder)
            if after > before:
                decoder.load_state_dict(start)
            about["validation"] = min(before, after)
        return about

    @staticmethod
    @torch.no_grad()
    def _evaluated(figure: Callable[[nn.Module], float], decoder: Decoder) -> float:
        decoder.eval()
        value = figure(decoder)
        decoder.train()
        return value

    # What both need -------------------------------------------------------------------------------------------------

    def _relative(self, mask: Callable[[Tensor], Tensor], target: str) -> float:
        return relative(mask, self.lessons.valid[target], self.config.loss)

    @property
    def _judged(self) -> list[str]:
        return [target for target in self.targets if target in self.lessons.valid]

    @property
    def _recipe(self) -> dict[str, Any]:
        return {"tasks": {target: self.lessons.about[target] for target in self.targets}}

    def _state(self, name: str, suffix: str = "") -> Path:
        state = self.folder / f"{file_names([name])[name]}{suffix}.training.safetensors"
        self.states.append(state)
        return state

    @torch.no_grad()
    def _measure(self, network: Network) -> None:
        """Let the encoder start from mean and spread of what it will hear, each band's own."""
        rng = np.random.default_rng([self.run.seed, len(self.targets)])
        heard = torch.cat([self.lessons.draw(targets, self.config.batch, rng).heard for targets in self.lessons.train])
        flat = heard.flatten(0, -2)
        network.encoder.shift.copy_(-flat.mean(dim=0))
        network.encoder.scale.copy_(1 / flat.std(dim=0).clamp_min(_least_spread(flat)))


def _least_spread(values: Tensor) -> float:
    return max(1e-3, 0.05 * float(values.std()))


def _mask_of(model: nn.Module, target: str, heard: Tensor) -> Tensor:
    mask: Tensor = model(heard, (target,))[target]
    return mask


def _sizes(trained: Trained) -> str:
    branch = trained.branches[0]
    sizes = counts(count(branch.encoder), count(next(iter(branch.decoders.values()))), len(trained.targets))
    share = trained.parameters / sizes["independent"]
    return (
        f"{trained.parameters:,} weights; {len(trained.targets)} networks that share nothing have "
        f"{sizes['independent']:,} ({share:.1%})"
    )
