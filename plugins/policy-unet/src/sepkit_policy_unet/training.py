"""Training on one recording: first by imitation of a pursuit, then by policy gradients.

References
----------
Schulze, Leuschner and King, "Blind source separation in polyphonic music recordings using deep neural networks trained
via policy gradients", Signals 2(4), 2021.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.errors import Cancelled, SepkitError
from sepkit.neural.state import Curves, load_state, save_state
from sepkit.problem.run import Run
from sepkit_policy_unet.adamax import AdaMax, Weights
from sepkit_policy_unet.extraction import extract
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.imitation import Teacher, imitate
from sepkit_policy_unet.model import Model
from sepkit_policy_unet.objective import dictionary_objective, importance, network_objective, sample_losses
from sepkit_sparse_pursuit.duration import about

_ALIKE = 0.02
"""Weight of the likelihood of the imitated tones beside their loss."""
_FALLS_FROM, _LAST_RATE = 0.3, 0.02
"""The learning rates fall after this part of the steps, to this part of what they were."""
_SHOWN = 50
_LONG_STEP_S = 0.5
"""A step that takes longer than this is as good as proportional to its frames."""


@dataclass(frozen=True, eq=False)
class Course:
    """What a training goes by.

    Attributes
    ----------
    frames : Frames
    seed : int
        All random numbers depend on it and on the numbers of start and step alone.
    imitation, steps : int
        Steps of imitation, and of policy gradients after them.
    teacher : Teacher or None
        What to imitate, where there are such steps.
    state : Path or None
        File for what a training that was stopped goes on from.
    save_every : int
    recipe : mapping
        What the result depends on beside the seed, as JSON: a state of another recipe is refused.
    """

    frames: Frames
    seed: int
    imitation: int
    steps: int
    teacher: Teacher | None = None
    state: Path | None = None
    save_every: int = 100
    recipe: Mapping[str, Any] = field(default_factory=dict)


class Training:
    """Networks and dictionaries on their way.

    Parameters
    ----------
    model : Model
        Changed in place.
    course : Course
    """

    def __init__(self, model: Model, course: Course) -> None:
        self.model, self.course = model, course
        size = model.size
        self.temperatures = [size.coldest ** (k / (size.explored - 1)) for k in range(size.explored)]
        self._network = list(model.network.parameters())
        self._optimizer = AdaMax(
            [
                *(Weights(values, size.learning_rate) for values in self._network),
                Weights(model.dictionary, size.dictionary_learning_rate, by_row=True),
            ],
            size.momentum,
        )
        self.curves = Curves()

    def run(self, run: Run, step_s: float = 0.0, then_s: float = 0.0) -> NDArray[np.floating]:
        """Go all steps that are left.

        Parameters
        ----------
        run : Run
        step_s : float
            How long a step takes, as of `seconds_of_step`.
        then_s : float
            How long what the caller does with the networks will take.

        Returns
        -------
        losses : ndarray [shape=(steps, starts)]
            Mean of each step and start.

        Raises
        ------
        ConfigError, WeightsError
            If the state is of another training, or damaged.
        SepkitError
            If the losses of all starts are no numbers any more.
        Cancelled
            After the state was saved.
        """
        self._load()
        course, curves = self.course, self.curves
        stages = [("imitate", course.imitation), ("train", course.imitation + course.steps)]
        stages = [(stage, last) for stage, last in stages if last > curves.step]
        # A step of imitation has one sample of each frame, and is about half as long.
        imitating = max(0, course.imitation - curves.step)
        exploring = course.imitation + course.steps - curves.step - imitating
        told = about((imitating / 2 + exploring) * step_s + then_s)
        try:
            for number, (stage, last) in enumerate(stages):
                for _ in run.steps(last - curves.step, stage if number else stage + told):
                    curves.losses.append(self.step(run.check_cancelled))
                    recent = np.mean(curves.losses[-_SHOWN:], axis=0)
                    if not np.isfinite(recent).any():
                        raise SepkitError(f"the loss of every start became no number after {curves.step} steps")
                    run.show(loss=float(np.nanmin(recent)))
                    if curves.step % course.save_every == 0:
                        self._save()
        except Cancelled:
            self._save()
            raise
        self._save()
        return np.array(curves.losses)

    def step(self, pause: Callable[[], None] = lambda: None) -> list[float]:
        """One step; the mean loss of every start.

        Parameters
        ----------
        pause : callable
            Called before each part of the frames; what it raises leaves everything as it was.
        """
        model, course, done = self.model, self.course, self.curves.step
        size = model.size
        rngs = [np.random.default_rng([course.seed, start, done]) for start in range(model.network.starts)]
        centres = np.stack([course.frames.drawn(rng, size.batch) for rng in rngs])
        frame = course.frames.at(centres).to(model.dictionary.device)
        losses: list[Tensor] = []
        gradients: list[Tensor | None] = [None] * len(self._optimizer.weights)
        for first in range(0, size.batch, size.at_once):
            pause()
            some = slice(first, first + size.at_once)
            if done < course.imitation:
                lost, found = self._imitate(frame[:, some], centres[:, some])
            else:
                lost, found = self._explore(frame[:, some], rngs)
            losses.append(lost.detach())
            share = len(centres[0, some]) / size.batch
            gradients = [_summed(total, part, share) for total, part in zip(gradients, found, strict=True)]
        self._optimizer.step(gradients, self._part())
        with torch.no_grad():
            model.dictionary.clamp_(min=0)
        self.curves.step += 1
        return [float(loss) for loss in torch.cat(losses, dim=1).mean(dim=-1)]

    def _imitate(self, frame: Tensor, centres: NDArray[np.integer]) -> tuple[Tensor, list[Tensor | None]]:
        """Losses, and gradients towards the tones of the pursuit; the dictionary stays."""
        model, teacher = self.model, self.course.teacher
        assert teacher is not None
        place, sounding = teacher.at(centres / model.size.sample_rate, frame.device)
        extracted, tones = extract(
            model.network,
            model.size,
            frame,
            model.dictionary.detach(),
            lambda policy, number: imitate(policy, place[..., number], sounding[..., number]),
            [1.0],
        )
        losses = sample_losses(extracted)
        log_policy = torch.stack([one.log_policy[..., 0] for one in tones]).sum(dim=0)
        objective = (losses - _ALIKE * log_policy).mean(dim=-1)
        # Nothing depends on some of the outputs here, such as the shape of the distribution of inharmonicities.
        return losses, [*torch.autograd.grad(objective.sum(), self._network, allow_unused=True), None]

    def _explore(self, frame: Tensor, rngs: list[np.random.Generator]) -> tuple[Tensor, list[Tensor | None]]:
        """Losses, and policy gradients."""
        model, temperatures = self.model, self.temperatures
        extracted, tones = extract(
            model.network,
            model.size,
            frame,
            model.dictionary,
            lambda policy, _: policy.draw(temperatures, rngs),
            temperatures,
        )
        losses = sample_losses(extracted)
        for_dictionary = dictionary_objective(losses, importance(tones), model.dictionary).sum()
        for_network = network_objective(losses, tones).sum()
        dictionary = torch.autograd.grad(for_dictionary, model.dictionary, retain_graph=True)
        return losses, [*torch.autograd.grad(for_network, self._network), *dictionary]

    def _part(self) -> float:
        """The learning rates now, as a part of those at first."""
        gone = (self.curves.step - self.course.imitation) / self.course.steps
        return 1.0 if gone < _FALLS_FROM else 1 - (1 - _LAST_RATE) * (gone - _FALLS_FROM) / (1 - _FALLS_FROM)

    def _load(self) -> None:
        state = self.course.state
        if state is not None and state.is_file():
            _, self.curves = load_state(state, {"model": self.model}, self._optimizer, self._made_by())

    def _save(self) -> None:
        if self.course.state is not None:
            save_state(self.course.state, {"model": self.model}, self._optimizer, {}, self.curves, self._made_by())

    def _made_by(self) -> dict[str, Any]:
        return {"seed": self.course.seed, **self.course.recipe}


def _summed(total: Tensor | None, part: Tensor | None, share: float) -> Tensor | None:
    """The gradient of a mean over frames, from those over parts that have such shares of them."""
    if part is None:
        return total
    return share * part if total is None else total + share * part


def seconds_of_step(model: Model, frames: Frames) -> float:
    """About how long a step by policy gradients takes."""
    seconds = 0.0
    for batch in (1, model.size.batch):
        # A copy, and random numbers of its own: how long a step takes must not change what is learned.
        trial_model = copy.deepcopy(model)
        trial_model.size = replace(model.size, batch=batch)
        trial = Training(trial_model, Course(frames, 0, 0, 1))
        trial.step()
        begun = time.perf_counter()
        trial.step()
        seconds = (time.perf_counter() - begun) * model.size.batch / batch
        if seconds > _LONG_STEP_S:
            break
    return seconds
