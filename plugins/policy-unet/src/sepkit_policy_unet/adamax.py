"""AdaMax, with one scale for each entry or for each row.

References
----------
Kingma and Ba, "Adam: A method for stochastic optimization", ICLR 2015.
Schulze, Leuschner and King, "Blind source separation in polyphonic music recordings using deep neural networks trained
via policy gradients", Signals 2(4), 2021 (one scale for all harmonics of an instrument).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

_DECAY, _EPSILON = 0.999, 1e-8


class AdaMax:
    """AdaMax.

    Parameters
    ----------
    parameters : iterable of Tensor
        Changed in place.
    learning_rate : float
    momentum : float
        The first beta; the second is 0.999.
    by_row : bool
        One infinity norm for all of the last axis, which keeps the direction of the gradient.
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, momentum: float, *, by_row: bool = False
    ) -> None:
        self.parameters, self.learning_rate = list(parameters), learning_rate
        self.momentum, self.by_row = momentum, by_row
        self._step = torch.tensor(0.0)
        self._mean = [torch.zeros_like(weights) for weights in self.parameters]
        self._largest = [torch.zeros_like(self._size(weights)) for weights in self.parameters]

    @torch.no_grad()
    def step(self, gradients: Iterable[Tensor], part: float = 1.0) -> None:
        """Follow the smoothed gradients, relative to the largest there were, by a part of the learning rate."""
        self._step += 1
        rate = part * self.learning_rate / (1 - self.momentum ** float(self._step))
        for weights, mean, largest, gradient in zip(self.parameters, self._mean, self._largest, gradients, strict=True):
            mean.lerp_(gradient, 1 - self.momentum)
            torch.maximum(largest.mul_(_DECAY), self._size(gradient), out=largest)
            weights.addcdiv_(mean, largest + _EPSILON, value=-rate)

    def _size(self, gradient: Tensor) -> Tensor:
        return gradient.abs().amax(dim=-1, keepdim=True) if self.by_row else gradient.abs()
