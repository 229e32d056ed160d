"""AdaMax, with one scale for each entry or for each row of the weights.

References
----------
Kingma and Ba, "Adam: A method for stochastic optimization", ICLR 2015.
Schulze, Leuschner and King, "Blind source separation in polyphonic music recordings using deep neural networks trained
via policy gradients", Signals 2(4), 2021 (one scale for all harmonics of an instrument).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_DECAY, _EPSILON = 0.999, 1e-8


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights, and how to go on with them.

    Attributes
    ----------
    values : Tensor
        Changed in place.
    learning_rate : float
    by_row : bool
        One scale for all of the last axis, which keeps the direction of the gradient.
    """

    values: Tensor
    learning_rate: float
    by_row: bool = False

    def size(self, gradient: Tensor) -> Tensor:
        """How large a gradient is: of each entry, or the largest of each row."""
        return gradient.abs().amax(dim=-1, keepdim=True) if self.by_row else gradient.abs()


class AdaMax:
    """AdaMax.

    Parameters
    ----------
    weights : sequence of Weights
    momentum : float
        The first beta; the second is 0.999.
    """

    def __init__(self, weights: Sequence[Weights], momentum: float) -> None:
        self.weights, self.momentum = list(weights), momentum
        self._step = [torch.tensor(0.0) for _ in self.weights]
        self._mean = [torch.zeros_like(one.values) for one in self.weights]
        self._largest = [torch.zeros_like(one.size(one.values)) for one in self.weights]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor | None], part: float = 1.0) -> None:
        """Follow smoothed gradients, relative to the largest there were; weights without one stay.

        Parameters
        ----------
        gradients : sequence of Tensor or None
            One for each of the weights.
        part : float
            Of the learning rates.
        """
        for weights, gradient, step, mean, largest in zip(
            self.weights, gradients, self._step, self._mean, self._largest, strict=True
        ):
            if gradient is None:
                continue
            step += 1
            mean.lerp_(gradient, 1 - self.momentum)
            torch.maximum(largest.mul_(_DECAY), weights.size(gradient), out=largest)
            rate = part * weights.learning_rate / (1 - self.momentum ** float(step))
            weights.values.addcdiv_(mean, largest + _EPSILON, value=-rate)

    def state(self) -> dict[str, Tensor]:
        """What it remembers, by the number of the weights and the name of the moment: ``"0/mean"``."""
        return {
            f"{row}/{name}": getattr(self, f"_{name}")[row]
            for row in range(len(self.weights))
            for name in ("step", "mean", "largest")
        }

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Remember what `state` gave.

        Raises
        ------
        KeyError, RuntimeError
            If it is that of other weights.
        """
        for key, value in self.state().items():
            value.copy_(state[key])
