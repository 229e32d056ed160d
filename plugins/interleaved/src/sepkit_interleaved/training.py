"""Training: tasks take turns, each a target with tracks of its own, and the encoder learns from all of them.

References
----------
Doire and Okubadejo, "Interleaved multitask learning for audio source separation with independent databases",
arXiv:1908.05182, 2019.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sepkit.errors import ConfigError
from sepkit.neural import choose_device, generator
from sepkit.problem.run import Run
from sepkit.solving.digests import digest_folder
from sepkit.training.trainer import Trainer, TrainingData
from sepkit_interleaved.course import Course
from sepkit_interleaved.network import count, counts
from sepkit_interleaved.tasks import read_lessons
from sepkit_interleaved.trained import Trained
from sepkit_interleaved.training_config import InterleavedTraining


class InterleavedTrainer(Trainer[InterleavedTraining]):
    """Learns one encoder from all tasks, and a decoder from each."""

    by_task = True

    def train(self, data: TrainingData, folder: Path, run: Run) -> None:
        """Learn all tasks together, or each with a network of its own, and then let every decoder come to its best."""
        config = self.config
        lessons = read_lessons(data, config, choose_device(run))
        targets = _targets(data, config)
        groups = [(target,) for target in targets] if config.mode == "independent" else [targets]
        courses = [Course(config, lessons, group, folder, run) for group in groups]
        drawn = [generator(rng) for rng in run.rng.spawn(len(groups))]
        branches = [course.from_nothing(one) for course, one in zip(courses, drawn, strict=True)]
        trained = Trained(config.network, config.sample_rate, tuple(branches))
        run.remark(_sizes(trained))
        _written(trained, folder, courses)

    def fine_tune(self, weights: Path, data: TrainingData, folder: Path, run: Run) -> None:
        """Learn on, or learn new targets beside those that `weights` know.

        If the tasks are all that the weights know, encoder and decoders learn on together. Otherwise the encoder stays
        as it is, and with it every decoder that is no task.
        """
        device = choose_device(run)
        trained = Trained.read(weights, device)
        config = trained.tuned(self.config)
        if "decoder_steps" not in config.model_fields_set:
            config = config.model_copy(update={"decoder_steps": 0})
        targets = _targets(data, config)
        if len(trained.branches) > 1 or config.mode == "independent":
            raise ConfigError(
                "networks that were trained independently have an encoder each, and cannot be gone on from; train anew"
            )
        lessons = read_lessons(data, config, device)
        course = Course(config, lessons, targets, folder, run, digest_folder(weights))
        branch = trained.branches[0]
        if set(targets) == set(branch.decoders):
            branch = course.from_weights(branch)
        else:
            branch = course.beside(branch, generator(run.rng))
        _written(Trained(trained.options, trained.sample_rate, (branch,)), folder, [course])


def _targets(data: TrainingData, config: InterleavedTraining) -> tuple[str, ...]:
    """The tasks' targets.

    Raises
    ------
    ConfigError
        If something else has a weight.
    """
    targets = tuple(task.target for task in data.tasks)
    strange = [target for target in config.weights if target not in targets]
    if strange:
        raise ConfigError(f"weights has '{strange[0]}', which is no task; the tasks are {', '.join(targets)}")
    return targets


def _written(trained: Trained, folder: Path, courses: Iterable[Course]) -> None:
    """Write weights, and only then let go of the states that they come from."""
    trained.write(folder)
    for state in (state for course in courses for state in course.states):
        state.unlink(missing_ok=True)


def _sizes(trained: Trained) -> str:
    branch = trained.branches[0]
    sizes = counts(count(branch.encoder), count(next(iter(branch.decoders.values()))), len(trained.targets))
    share = trained.parameters / sizes["independent"]
    return (
        f"{trained.parameters:,} weights; {len(trained.targets)} networks that share nothing have "
        f"{sizes['independent']:,} ({share:.1%})"
    )
