"""A small thing to learn with `sepkit.neural.fit`: a line through noise, with buffers, in well under a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch  # noqa: TID253
from torch import nn  # noqa: TID253

from sepkit import Progress, Run
from sepkit.neural import Fit, fit, undrawn
from sepkit.training import TrainingConfig

TRUTH = torch.tensor([[1.0, -2.0, 0.5]])
QUICK = {"steps": 24, "warmup": 3, "validate_every": 4, "save_every": 3, "ema": 0.8, "learning_rate": 0.05}

State = dict[str, bytes]


class Line(nn.Module):
    """A line after a batch norm, whose running means are buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3, affine=False)
        self.line = undrawn(nn.Linear, 3, 1, bias=False)
        nn.init.zeros_(self.line.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.line(self.norm(x))
        return y


def loss(model: nn.Module, rng: np.random.Generator) -> torch.Tensor:
    """Squared error of one random batch."""
    x = torch.from_numpy(rng.standard_normal((8, 3)).astype(np.float32))
    noise = torch.from_numpy(rng.standard_normal((8, 1)).astype(np.float32))
    return torch.mean((model(x) - x @ TRUTH.T - 0.1 * noise) ** 2)


def validate(model: nn.Module) -> float:
    """Squared error without noise."""
    x = torch.eye(3)
    return float(torch.mean((model(x) - x @ TRUTH.T) ** 2))


def learn(
    state: Path,
    *,
    model: nn.Module | None = None,
    run: Run | None = None,
    loss: Callable[..., torch.Tensor] = loss,
    validate: Callable[[nn.Module], float] | None = validate,
    recipe: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[Fit, State]:
    """Train; how it went, and the bytes of all tensors at the end."""
    model = model or Line()
    config = TrainingConfig(**{**QUICK, **options})
    run = run or Run(device="cpu")
    with run:
        done = fit(model, loss, config=config, state=state, run=run, validate=validate, recipe=recipe)
    return done, tensors_of(model)


def tensors_of(model: nn.Module) -> State:
    """The bytes of every parameter and buffer."""
    return {name: tensor.detach().cpu().numpy().tobytes() for name, tensor in model.state_dict().items()}


def cancelled_at(step: int, seed: int = 0) -> Run:
    """A run whose host cancels it when so many steps are done."""
    cancel = threading.Event()

    def report(event: Progress) -> None:
        if event.done >= step:
            cancel.set()

    return Run(device="cpu", seed=seed, reporter=report, cancel=cancel)
