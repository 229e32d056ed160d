"""The state of an unfinished training, in one file of safetensors: what a killed run goes on from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import safetensors
import safetensors.torch
import torch
from torch import nn

from sepkit.errors import ConfigError, WeightsError
from sepkit.files import atomic_path

_CURVES = ("losses", "validations")


class Optimizer(Protocol):
    """What remembers something from step to step, and can be told of it."""

    def state(self) -> dict[str, torch.Tensor]:
        """What it remembers."""

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Remember what `state` gave; raises `KeyError` or `RuntimeError` if it is that of other weights."""


@dataclass
class Curves:
    """How far a training has come.

    Attributes
    ----------
    step : int
        Number of steps that are done.
    best_step : int
        After which the best validation was.
    losses : list of float
        One for every step; or a list, of all starts.
    validations : list of float
        One for every validation.
    """

    step: int = 0
    best_step: int = 0
    losses: list[Any] = field(default_factory=list)
    validations: list[float] = field(default_factory=list)


def save_state(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizer: Optimizer,
    best: Mapping[str, torch.Tensor],
    curves: Curves,
    recipe: Mapping[str, Any],
) -> None:
    """Replace the file at `path` by this state, at once.

    Raises
    ------
    WriteError
    """
    tensors = {f"{name}/{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    tensors |= {f"best/{key}": value for key, value in best.items()}
    tensors |= {f"curves/{key}": torch.tensor(getattr(curves, key), dtype=torch.float64) for key in _CURVES}
    tensors |= {f"optimizer/{key}": value for key, value in optimizer.state().items()}
    # Copies, for safetensors refuses tensors that share memory.
    owned = {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}
    metadata = {"step": str(curves.step), "best_step": str(curves.best_step), "recipe": _text(recipe)}
    with atomic_path(path) as temporary:
        # Not with save_file, whose errors are not the system's, so that a full disk would not be told as one.
        temporary.write_bytes(safetensors.torch.save(owned, metadata=metadata))


def load_state(
    path: Path, modules: Mapping[str, nn.Module], optimizer: Optimizer, recipe: Mapping[str, Any]
) -> tuple[dict[str, torch.Tensor], Curves]:
    """Give modules and optimiser the state at `path`; what comes back is the best weights so far and the curves.

    Raises
    ------
    ConfigError
        If it is of a training with another recipe.
    WeightsError
        If it is damaged, or of a model of other shapes.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError) as error:
        raise _damaged(path, error) from error
    if metadata.get("recipe") != _text(recipe):
        raise ConfigError(
            f"{path} is the state of a training with other options, seed or data; give those, or another folder"
        )
    try:
        for name, module in modules.items():
            module.load_state_dict(_below(tensors, name))
        optimizer.load_state(_below(tensors, "optimizer"))
        losses, validations = (tensors[f"curves/{key}"].tolist() for key in _CURVES)
        return _below(tensors, "best"), Curves(int(metadata["step"]), int(metadata["best_step"]), losses, validations)
    except (RuntimeError, LookupError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> WeightsError:
    reason = " ".join(str(error).split())
    return WeightsError(
        f"the state of training {path} is damaged, or of another model: {reason}; remove it to start anew"
    )


def _text(recipe: Mapping[str, Any]) -> str:
    return json.dumps(recipe, sort_keys=True)


def _below(tensors: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}
