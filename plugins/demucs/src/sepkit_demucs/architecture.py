"""What a file of weights says of its network, as far as it is believed: one class, and options within bounds."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from typing import Annotated, Any

import torch
from demucs.htdemucs import HTDemucs
from demucs.transformer import create_sin_embedding
from pydantic import Field, ValidationError, field_validator
from torch import Tensor

from sepkit.config import Config
from sepkit.errors import WeightsError
from sepkit.neural.record import first_fault

KLASS = "demucs.htdemucs.HTDemucs"
CHANNELS = 2

Count = Annotated[int, Field(ge=1, le=8192)]


class Architecture(Config, extra="allow", arbitrary_types_allowed=True):
    """Arguments of `demucs.htdemucs.HTDemucs`: bounds of those that make it large, and all others as they are."""

    sources: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = Field(min_length=1, max_length=64)
    audio_channels: int = Field(default=CHANNELS, ge=CHANNELS, le=CHANNELS)
    samplerate: int = Field(default=44100, ge=1000, le=768_000)
    segment: Fraction = Field(default=Fraction(10), gt=0, le=600)
    channels: Count = 48
    channels_time: Count | None = None
    growth: Annotated[int, Field(ge=1, le=4)] | Annotated[float, Field(ge=1, le=4)] = 2
    nfft: int = Field(default=4096, ge=16, le=1 << 16)
    depth: int = Field(default=4, ge=1, le=8)
    dconv_depth: int = Field(default=2, ge=1, le=8)
    bottom_channels: int = Field(default=0, ge=0, le=8192)
    t_layers: int = Field(default=5, ge=0, le=64)
    t_hidden_scale: float = Field(default=4.0, gt=0, le=16)
    t_max_positions: int = Field(default=10_000, ge=1, le=100_000)

    @field_validator("segment", mode="before")
    @classmethod
    def _fraction(cls, value: Any) -> Any:
        """Seconds, or the fraction of seconds that JSON has no word for."""
        if isinstance(value, Mapping) and value.get("_type") == "fraction":
            return Fraction(int(value["numerator"]), int(value["denominator"]))
        return Fraction(value) if isinstance(value, int | float) else value

    @property
    def arguments(self) -> dict[str, Any]:
        """Those that the installed package knows."""
        known = inspect.signature(HTDemucs).parameters
        given = {name: getattr(self, name) for name in self.model_fields_set if name in known}
        # A list, as the network goes on to compare it with others.
        return {**given, "sources": list(self.sources)}

    @property
    def unknown(self) -> tuple[str, ...]:
        """Those that it does not know."""
        known = inspect.signature(HTDemucs).parameters
        return tuple(sorted(name for name in self.model_fields_set if name not in known))


def read_architecture(metadata: Mapping[str, str], where: str) -> Architecture:
    """What the header of a file tells of its network.

    The package demucs imports whatever module the header names. Here the class is one, and nothing is imported.

    Parameters
    ----------
    metadata : mapping of str to str
        ``klass``, ``args`` and ``kwargs``, the last two as JSON.
    where : str
        The file, for errors.

    Raises
    ------
    WeightsError
        If it is of another class, or its arguments are none of that class, or out of bounds.
    """
    klass = metadata.get("klass")
    if klass != KLASS:
        told = "no class" if klass is None else f"the class {klass[:80]!r}"
        raise WeightsError(f"{where} names {told}, and only networks of {KLASS} are made; give others")
    if "structure" in metadata:
        raise WeightsError(f"{where} holds quantised weights, which are not read; give others")
    try:
        args, kwargs = json.loads(metadata.get("args", "[]")), json.loads(metadata.get("kwargs", "{}"))
        if args != [] or not isinstance(kwargs, dict):
            raise ValueError("arguments without a name")
        return Architecture.model_validate(kwargs)
    except ValidationError as error:
        raise WeightsError(f"{where} describes a network that cannot be: {first_fault(error)}; give others") from error
    except (ValueError, ArithmeticError, LookupError, TypeError, RecursionError) as error:
        raise WeightsError(f"{where} describes no network: {error}; give others") from error


def build(architecture: Architecture, where: str) -> HTDemucs:
    """The network, with weights that are still to be filled; it draws no random numbers when it separates.

    Raises
    ------
    WeightsError
        If the package cannot make it.
    """
    try:
        network: HTDemucs = HTDemucs(**architecture.arguments)
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise WeightsError(f"{where} describes a network that demucs cannot make: {reason}; give others") from error
    transformer = network.crosstransformer
    if transformer is not None and transformer.emb == "sin":
        # It moves positions by a number from Python's global generator, in training by up to sin_random_shift.
        transformer.__dict__["_get_pos_embedding"] = partial(_positions, max_period=transformer.max_period)
    return network


def _positions(length: int, batch: int, width: int, device: torch.device, *, max_period: float) -> Tensor:
    """What the transformer adds at each place in time [shape=(length, 1, width)]."""
    embedding: Tensor = create_sin_embedding(length, width, device=device, max_period=max_period)
    return embedding
