"""The training of one encoder with its decoders.

A step on one task moves the encoder and that task's decoder; the others have no gradient there, and stay as they are to
the bit. A decoder is worth nothing without the encoder that it was trained on, which goes on changing with every task:
so in the end the encoder is kept as it is, and every decoder comes to its own best.

References
----------
Doire and Okubadejo, "Interleaved multitask learning for audio source separation with independent databases",
arXiv:1908.05182, 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sepkit.files import file_names
from sepkit.neural import fit
from sepkit.problem.run import Run
from sepkit.training.lesson import FINE_RATE
from sepkit_interleaved.lessons import relative
from sepkit_interleaved.network import Decoder, Network, SharedEncoder, draw
from sepkit_interleaved.tasks import Lessons
from sepkit_interleaved.trained import Branch
from sepkit_interleaved.training_config import InterleavedTraining


@dataclass(eq=False)
class Course:
    """The training of one encoder with its decoders.

    Parameters
    ----------
    config : InterleavedTraining
    lessons : Lessons
    targets : tuple of str
        The tasks.
    folder : Path
        For the states.
    run : Run
    weights : str or None
        Digest of those at the start.
    """

    config: InterleavedTraining
    lessons: Lessons
    targets: tuple[str, ...]
    folder: Path
    run: Run
    weights: str | None = None

    def __post_init__(self) -> None:
        self.states: list[Path] = []

    def from_nothing(self, drawn: torch.Generator) -> Branch:
        """Train all from the start."""
        network = Network(self.lessons.plan, self.targets)
        draw(network, drawn)
        self._measure(network.encoder)
        return self._finished(network, self._together(network))

    def from_weights(self, branch: Branch) -> Branch:
        """Train all decoders of a branch on, and its encoder with them."""
        network = Network(self.lessons.plan, self.targets)
        network.encoder.load_state_dict(branch.encoder.state_dict())
        for target in self.targets:
            network.decoder(target).load_state_dict(branch.decoders[target].state_dict())
        return self._finished(network, self._together(network))

    def beside(self, branch: Branch, drawn: torch.Generator) -> Branch:
        """Train new decoders, or some of a branch, while its encoder and all others stay as they are."""
        decoders, about = dict(branch.decoders), dict(branch.about)
        for target in self.targets:
            known = target in decoders
            if not known:
                decoders[target] = Decoder(self.lessons.plan)
                draw(decoders[target], drawn)
            about[target] = self._alone(branch.encoder, decoders[target], target, self.config.steps, known=known)
        return Branch(branch.encoder, decoders, about)

    def _together(self, network: Network) -> dict[str, Any]:
        """Train the encoder and all decoders; how that went."""
        config = self.config
        groups = [self.targets] if config.mode == "simultaneous" else [(target,) for target in self.targets]
        each = [partial(self._loss, targets=group) for group in groups]

        def of_all(model: nn.Module, rng: np.random.Generator) -> Tensor:
            # What a sum has for a gradient is the sum of the tasks' own.
            return torch.stack([one(model, rng) for one in each]).sum()

        several = len(self.targets) > 1
        done = fit(
            network,
            of_all if config.mode == "accumulate" else each,
            config=config,
            state=self._state("together" if several else self.targets[0]),
            run=self.run,
            validate=self._validate if self._judged else None,
            stage="train" if several else f"train {self.targets[0]}",
            recipe=self._recipe,
            from_weights=self.weights is not None,
            shuffled=config.order == "shuffled",
        )
        return {**self._recipe, "seed": self.run.seed, **done.about()}

    def _loss(self, model: nn.Module, rng: np.random.Generator, targets: tuple[str, ...]) -> Tensor:
        """The weighted loss of some targets on mixtures of theirs."""
        lesson = self.lessons.draw(targets, self.config.batch, rng)
        masks = model(lesson.heard, targets)
        losses = [
            self.config.weights.get(target, 1.0) * lesson.difference(masks[target], row, self.config.loss)
            for row, target in enumerate(targets)
        ]
        return torch.stack(losses).sum()

    def _validate(self, model: nn.Module) -> float:
        found = {target: self._relative(partial(_mask_of, model, target), target) for target in self._judged}
        self.run.show(**found)
        return float(np.mean(list(found.values())))

    def _finished(self, network: Network, about: dict[str, Any]) -> Branch:
        """Let every decoder come to its best with the encoder as it is."""
        encoder = network.encoder.requires_grad_(False).eval()
        branch = Branch(encoder, {}, {"": about})
        for target in self.targets:
            decoder, steps = network.decoder(target), self.config.decoder_steps
            branch.about[target] = self._alone(encoder, decoder, target, steps, known=True)
            branch.decoders[target] = decoder
        return branch

    def _alone(
        self, encoder: SharedEncoder, decoder: Decoder, target: str, steps: int, *, known: bool
    ) -> dict[str, Any]:
        """Train one decoder on an encoder that stays as it is; how that went.

        The best weights are kept; if it is `known`, be they those before.
        """

        def figure(model: nn.Module) -> float:
            return self._relative(lambda heard: model(encoder(heard)), target)

        def step(model: nn.Module, rng: np.random.Generator) -> Tensor:
            lesson = self.lessons.draw((target,), self.config.batch, rng)
            with torch.no_grad():
                found = encoder(lesson.heard)
            return lesson.difference(model(found), 0, self.config.loss)

        judged = target in self.lessons.valid
        about: dict[str, Any] = {"tasks": {target: self.lessons.about[target]}, "seed": self.run.seed}
        if steps:
            done = fit(
                decoder.requires_grad_(True).train(),
                step,
                config=self.config.model_copy(update={"steps": steps, "learning_rate": self._rate(known=known)}),
                state=self._state(target, ".decoder"),
                run=self.run,
                validate=figure if judged else None,
                stage=f"finish {target}" if known else f"learn {target}",
                recipe=self._recipe,
                from_weights=known,
            )
            about |= done.about()
        decoder.requires_grad_(False).eval()
        return about | ({"validation": figure(decoder)} if judged else {})

    def _rate(self, *, known: bool) -> float:
        """The learning rate: what is new beside weights learns at the full one, unless another was given."""
        given, usual = self.config.learning_rate, InterleavedTraining().learning_rate
        return usual if not known and math.isclose(given, FINE_RATE * usual) else given

    def _relative(self, mask: Callable[[Tensor], Tensor], target: str) -> float:
        return relative(mask, self.lessons.valid[target], self.config.loss)

    @property
    def _judged(self) -> list[str]:
        return [target for target in self.targets if target in self.lessons.valid]

    @property
    def _recipe(self) -> dict[str, Any]:
        tasks = {"tasks": {target: self.lessons.about[target] for target in self.targets}}
        return tasks if self.weights is None else {**tasks, "from": self.weights}

    def _state(self, name: str, suffix: str = "") -> Path:
        state = self.folder / f"{file_names([name])[name]}{suffix}.training.safetensors"
        self.states.append(state)
        return state

    @torch.no_grad()
    def _measure(self, encoder: SharedEncoder) -> None:
        """Let the encoder start from mean and spread of what it will hear, each band's own."""
        rng = np.random.default_rng([self.run.seed, len(self.targets)])
        heard = torch.cat([self.lessons.draw(targets, self.config.batch, rng).heard for targets in self.lessons.train])
        flat = heard.flatten(0, -2)
        encoder.shift.copy_(-flat.mean(dim=0))
        encoder.scale.copy_(1 / flat.std(dim=0).clamp_min(_least_spread(flat)))


def _least_spread(values: Tensor) -> float:
    return max(1e-3, 0.05 * float(values.std()))


def _mask_of(model: nn.Module, target: str, heard: Tensor) -> Tensor:
    mask: Tensor = model(heard, (target,))[target]
    return mask
