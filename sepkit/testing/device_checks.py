"""Checks of methods that can run on an accelerator."""

from __future__ import annotations

import importlib.util

import numpy as np

from sepkit.errors import ConfigError, fault_of
from sepkit.testing.check import check, declares_trait
from sepkit.testing.outcome import CheckFailed, Skipped, require
from sepkit.testing.subject import MethodSubject

ABSENT = "cuda:99"
"""A device that no machine has."""
_TOLERANCE = 0.1


@check(when=declares_trait("accelerated"))
def absent_device_is_refused(subject: MethodSubject) -> None:
    """A device that is not there is a `ConfigError`."""
    try:
        subject.separate(subject.case(), device=ABSENT)
    except Skipped:
        raise
    except ConfigError:
        return
    except Exception as error:
        raise CheckFailed(
            f"asked for device {ABSENT} it raises {fault_of(error)}; raise ConfigError, as "
            "sepkit.neural.choose_device does"
        ) from error
    raise CheckFailed(f"asked for device {ABSENT}, which is not there, it separates all the same; look at run.device")


@check(when=declares_trait("accelerated"))
def accelerator_is_used(subject: MethodSubject) -> None:
    """On an accelerator it computes there, and unless it draws random numbers it gives the stems of the CPU."""
    device = accelerator()
    if device is None:
        raise Skipped("torch sees no CUDA device here")
    expected = subject.result()
    before = _allocated()
    result = subject.separate(subject.case(), device=device)
    require(_allocated() > before, f"asked for device {device} it computes elsewhere; look at run.device")
    require(np.isfinite(result.samples).all(), f"on device {device} its stems are not finite")
    if not declares_trait("stochastic")(subject):
        error, level = np.std(result.samples - expected.samples), np.std(expected.mixture.samples)
        require(error <= _TOLERANCE * level, f"on device {device} its stems are others than on the CPU")


def accelerator() -> str | None:
    """The device to check with, if there is any."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch

    return "cuda" if torch.cuda.is_available() else None


def _allocated() -> int:
    """Bytes that torch has ever asked its CUDA device for."""
    import torch

    return int(torch.cuda.memory_stats().get("allocated_bytes.all.allocated", 0))
