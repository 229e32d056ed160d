"""Fitting a network to one recording from several starts at once, and choosing among what they come to.

All starts take their steps together: weights are stacked, and torch's `vmap` computes all losses in one pass.

References
----------
Ulyanov, Vedaldi and Lempitsky, "Deep image prior", CVPR 2018 (networks that are fitted to the one signal they explain).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import backward
from torch.func import functional_call, stack_module_state, vmap

from sepkit.errors import SepkitError
from sepkit.neural.adam import Adam
from sepkit.neural.device import choose_device
from sepkit.neural.loop import Loss, learning_rate
from sepkit.problem.run import Run
from sepkit.training.config import TrainingConfig

_JUDGED = 0.1
"""The part of the steps, at the end, whose mean loss says how good a start was."""


@dataclass(frozen=True)
class Starts:
    """How a fit from several starts went.

    Attributes
    ----------
    best : int
        Number of the start that was chosen.
    losses : ndarray [shape=(starts, steps)]
        Infinite from where a start's loss was no number any more.
    figures : tuple of float
        By which it was chosen: the lowest.
    """

    best: int
    losses: np.ndarray[Any, np.dtype[np.float64]]
    figures: tuple[float, ...]


def fit_starts(
    models: Sequence[nn.Module],
    loss: Loss,
    *,
    config: TrainingConfig,
    run: Run,
    choose: Callable[[nn.Module], float] | None = None,
    stage: str = "fit",
) -> Starts:
    """Fit equal networks from their different weights, all at once; each holds its own result at the end.

    Of `config` the steps, the learning rate with its rise and fall, the longest gradient and the average count. No file
    is written: a separator calls this while it separates.

    Parameters
    ----------
    models : sequence of torch.nn.Module
        Of one architecture. Buffers stay as they are.
    loss : callable
        As of `fit`: the loss from a model and a `numpy.random.Generator`, which is the same for all starts of a step.
        It may not branch on values of tensors nor change buffers (no batch norm): one call computes it for all starts.
    config : TrainingConfig
    run : Run
        Gives seed and device, and may be cancelled at every step.
    choose : callable, optional
        A figure of a fitted model that is better when lower. By default the mean loss over the last tenth of the steps.
    stage : str
        What the progress is called.

    Returns
    -------
    starts : Starts
        ``models[starts.best]`` is the one to use.

    Raises
    ------
    SepkitError
        If the loss of every start is no number any more. A single one that diverges is merely not chosen.
    Cancelled
    """
    device = choose_device(run)
    for model in models:
        model.to(device)
    step = _Step(models[0], loss)
    weights, buffers = stack_module_state([_Step(model, loss) for model in models])
    optimizer = Adam(weights.values(), config.learning_rate)
    averages = {name: value.detach().clone() for name, value in weights.items()}
    losses = np.full((len(models), config.steps), np.inf)
    alive = torch.ones(len(models), dtype=torch.bool, device=device)
    for number in run.steps(config.steps, stage):
        rng = np.random.default_rng([run.seed, number])

        def value_of(one: dict[str, Tensor], kept: dict[str, Tensor], rng: np.random.Generator = rng) -> Tensor:
            value: Tensor = functional_call(step, (one, kept), (rng,))
            return value

        values = vmap(value_of)(weights, buffers)
        optimizer.learning_rate = learning_rate(config, number)
        optimizer.zero_grad()
        backward(values.sum())
        alive &= _clipped(weights, values.detach(), config.clip_norm)
        if not bool(alive.any()):
            raise SepkitError(f"every start's loss became no number after {number} steps; try a smaller learning rate")
        losses[alive.cpu().numpy(), number] = values.detach()[alive].double().cpu().numpy()
        optimizer.step()
        with torch.no_grad():
            for name, average in averages.items():
                average.lerp_(weights[name], 1 - config.ema if number else 1.0)
    return _chosen(models, averages, losses, choose)


class _Step(nn.Module):
    """A loss as a module, so that it can be called with other weights."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self._loss: Loss = loss

    def forward(self, rng: np.random.Generator) -> Tensor:
        value: Tensor = self._loss(self.model, rng)
        return value


@torch.no_grad()
def _clipped(weights: dict[str, Tensor], values: Tensor, longest: float) -> Tensor:
    """Shorten the gradient of every start to `longest`; which starts have one of numbers [shape=(starts,)]."""
    grads = [weight.grad for weight in weights.values() if weight.grad is not None]
    norms = torch.stack([grad.flatten(1).norm(dim=1) for grad in grads]).norm(dim=0)
    finite = norms.isfinite() & values.isfinite()
    scale = (longest / (norms + 1e-6)).clamp_max(1) if longest else torch.ones_like(norms)
    for grad in grads:
        shape = (-1, *(1 for _ in grad.shape[1:]))
        # What is no number stays with its start: the gradients of the others are theirs alone.
        grad.copy_(torch.where(finite.reshape(shape), grad * scale.reshape(shape), 0.0))
    return torch.as_tensor(finite)


def _chosen(
    models: Sequence[nn.Module],
    averages: dict[str, Tensor],
    losses: np.ndarray[Any, np.dtype[np.float64]],
    choose: Callable[[nn.Module], float] | None,
) -> Starts:
    for row, model in enumerate(models):
        own = {name.removeprefix("model."): value[row] for name, value in averages.items()}
        model.load_state_dict(own, strict=False)
    judged = max(1, round(_JUDGED * losses.shape[1]))
    figures = losses[:, -judged:].mean(axis=1)
    if choose is not None:
        with torch.no_grad():
            figures = np.array(
                [
                    choose(model) if finite else np.inf
                    for model, finite in zip(models, np.isfinite(figures), strict=True)
                ]
            )
    figures = np.nan_to_num(figures, nan=np.inf, posinf=np.inf)
    return Starts(int(np.argmin(figures)), losses, tuple(figures.tolist()))
