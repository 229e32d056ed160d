"""Training on one recording: first by imitation of a pursuit, then by policy gradients.

References
----------
Schulze, Leuschner and King, "Blind source separation in polyphonic music recordings using deep neural networks trained
via policy gradients", Signals 2(4), 2021.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.errors import SepkitError
from sepkit.problem.run import Run
from sepkit_policy_unet.adamax import AdaMax
from sepkit_policy_unet.extraction import extract
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.imitation import Teacher, imitate
from sepkit_policy_unet.model import Model
from sepkit_policy_unet.objective import dictionary_objective, importance, network_objective, sample_losses

_ALIKE = 0.02
"""Weight of the likelihood of the imitated tones beside their loss."""
_FALLS_FROM, _LAST_RATE = 0.3, 0.02
"""The learning rates fall after this part of the steps, to this part of what they were."""
_SHOWN = 50


@dataclass(eq=False)
class Training:
    """Networks and dictionaries on their way.

    Parameters
    ----------
    model : Model
    frames : Frames
    seed : int
        All random numbers depend on it and on the number of start and step alone.
    imitation, steps : int
        Steps of imitation, and of policy gradients after them.
    teacher : Teacher or None
        What to imitate, where there are such steps.
    """

    model: Model
    frames: Frames
    seed: int
    imitation: int
    steps: int
    teacher: Teacher | None = None
    done: int = 0
    losses: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        size = self.model.size
        self._network = AdaMax(self.model.network.parameters(), size.learning_rate, size.momentum)
        self._dictionary = AdaMax([self.model.dictionary], size.dictionary_learning_rate, size.momentum, by_row=True)
        self.temperatures = [size.coldest ** (k / (size.explored - 1)) for k in range(size.explored)]

    def run(self, run: Run) -> NDArray[np.floating]:
        """Go all steps; the mean loss of each step and start [shape=(steps, starts)].

        Raises
        ------
        SepkitError
            If the losses of all starts are no numbers any more.
        Cancelled
        """
        for stage, last in (("imitate the pursuit", self.imitation), ("train", self.imitation + self.steps)):
            for _ in run.steps(max(0, last - self.done), stage) if last > self.done else ():
                self.losses.append(self.step())
                recent = np.mean(self.losses[-_SHOWN:], axis=0)
                if not np.isfinite(recent).any():
                    raise SepkitError(f"the loss of every start became no number after {self.done} steps")
                run.show(loss=float(np.nanmin(recent)))
        return np.array(self.losses)

    def step(self) -> list[float]:
        """One step; the mean loss of every start."""
        rngs = [np.random.default_rng([self.seed, start, self.done]) for start in range(self.model.network.starts)]
        centres = np.stack([self.frames.drawn(rng, self.model.size.batch) for rng in rngs])
        frame = self.frames.at(centres).to(self.model.dictionary.device)
        by_imitation = self.done < self.imitation
        losses = self._imitate(frame, centres) if by_imitation else self._explore(frame, rngs)
        self.done += 1
        return [float(loss) for loss in losses.detach().mean(dim=-1)]

    def _imitate(self, frame: Tensor, centres: NDArray[np.integer]) -> Tensor:
        """A step towards the tones of the pursuit; the dictionary stays."""
        assert self.teacher is not None
        model = self.model
        place, sounding = self.teacher.at(centres / model.size.sample_rate, frame.device)
        extracted, found = extract(
            model.network,
            model.size,
            frame,
            model.dictionary.detach(),
            lambda policy, number: imitate(policy, place[..., number], sounding[..., number]),
            [1.0],
        )
        log_policy = torch.stack([tones.log_policy[..., 0] for tones in found]).sum(dim=0)
        losses = sample_losses(extracted)
        objective = (losses - _ALIKE * log_policy).mean(dim=-1)
        weights = self._network.parameters
        self._network.step(torch.autograd.grad(objective.sum(), weights, allow_unused=True, materialize_grads=True))
        return losses

    def _explore(self, frame: Tensor, rngs: list[np.random.Generator]) -> Tensor:
        """A step by policy gradients."""
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
        for_dictionary = dictionary_objective(losses, importance(tones), model.dictionary)
        for_network = network_objective(losses, tones)
        dictionary = torch.autograd.grad(for_dictionary.sum(), [model.dictionary], retain_graph=True)
        network = torch.autograd.grad(for_network.sum(), self._network.parameters)
        for optimizer, gradients in ((self._dictionary, dictionary), (self._network, network)):
            optimizer.step(gradients, self._rate())
        with torch.no_grad():
            model.dictionary.clamp_(min=0)
        return losses

    def _rate(self) -> float:
        """The learning rates now, as a part of those at first."""
        gone = (self.done - self.imitation) / self.steps
        return 1.0 if gone < _FALLS_FROM else 1 - (1 - _LAST_RATE) * (gone - _FALLS_FROM) / (1 - _FALLS_FROM)
