"""Adam, by torch's own function.

The class `torch.optim.Adam` imports torch's compiler when it is made, which takes seconds and leaves loggers and
variables of the environment behind in the host.

References
----------
Kingma and Ba, "Adam: A method for stochastic optimization", ICLR 2015.
Shazeer and Stern, "Adafactor: Adaptive learning rates with sublinear memory cost", ICML 2018 (relative steps).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.optim.adam import adam

MOMENTS = ("step", "mean", "square")


class Adam:
    """Adam with the paper's constants.

    Parameters
    ----------
    parameters : iterable of Tensor
        Changed in place, from their `grad`; those without one are passed over.
    learning_rate : float
        May be changed from step to step.
    units : sequence of float, optional
        For every parameter what a step of one learning rate is; by default 1. With the size of its weights, steps are
        relative to that.
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, units: Iterable[float] | None = None
    ) -> None:
        self.parameters, self.learning_rate = list(parameters), learning_rate
        self.units = [1.0] * len(self.parameters) if units is None else list(units)
        self._step = [torch.tensor(0.0) for _ in self.parameters]
        self._mean = [torch.zeros_like(weights) for weights in self.parameters]
        self._square = [torch.zeros_like(weights) for weights in self.parameters]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for weights in self.parameters:
            weights.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Follow the smoothed gradient, every weight at its own rate."""
        for unit in dict.fromkeys(self.units):
            rows = [
                row
                for row, weights in enumerate(self.parameters)
                if self.units[row] == unit and weights.grad is not None
            ]
            adam(
                [self.parameters[row] for row in rows],
                [grad for row in rows if (grad := self.parameters[row].grad) is not None],
                [self._mean[row] for row in rows],
                [self._square[row] for row in rows],
                [],
                [self._step[row] for row in rows],
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=self.learning_rate * unit,
                weight_decay=0,
                eps=1e-8,
                maximize=False,
            )

    def state(self) -> dict[str, Tensor]:
        """What it remembers, by the number of the parameter and the name of the moment: ``"0/mean"``."""
        return {
            f"{row}/{name}": getattr(self, f"_{name}")[row] for row in range(len(self.parameters)) for name in MOMENTS
        }

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Remember what `state` gave.

        Raises
        ------
        KeyError, RuntimeError
            If it is that of other parameters.
        """
        for key, value in self.state().items():
            value.copy_(state[key])
