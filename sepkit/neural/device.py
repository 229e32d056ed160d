"""Where a run computes, and its random numbers there."""

from __future__ import annotations

import os

import numpy as np
import torch

from sepkit.errors import ConfigError
from sepkit.problem.run import Run

if hasattr(os, "register_at_fork"):
    # GNU's OpenMP, which torch has on Linux, waits in a forked child for threads that only the parent has.
    os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


def choose_device(run: Run) -> torch.device:
    """The device that the host of `run` wants; ``"auto"`` is CUDA where there is any, else the CPU.

    The run's `device` is set to what was chosen, so that the provenance names it.

    Raises
    ------
    ConfigError
        If torch knows no such device, or sees none here.
    """
    wanted = run.device
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ConfigError(f"torch knows no device '{wanted}'; give auto, cpu, cuda or cuda:1") from error
    if device.type != "cpu":
        seen = getattr(getattr(torch, device.type, None), "device_count", lambda: 0)()
        if (device.index or 0) >= seen:
            raise ConfigError(
                f"torch sees {seen} devices of type {device.type}, asked for '{wanted}'; give auto or cpu"
            )
    run.device = str(device)
    return device


def devices() -> list[str]:
    """What torch sees here, with the names of accelerators."""
    found = [f"cuda:{index} ({torch.cuda.get_device_name(index)})" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return ["cpu", *found]


def generator(rng: np.random.Generator, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of torch whose seed is one draw from `rng`: nothing global is seeded."""
    return torch.Generator(device).manual_seed(int(rng.integers(2**63)))
