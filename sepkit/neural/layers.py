"""Layers of torch whose weights are still to be filled."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def undrawn(layer: type[M], *args: Any, **kwargs: Any) -> M:
    """A layer that has drawn no weights, so that torch's global generator is left alone.

    `torch.nn.utils.skip_init` does it too, by way of the device ``meta``; for that torch imports its symbolic algebra,
    which takes a second and changes the filters of warnings in the host.

    Parameters
    ----------
    layer : type
        Such as `torch.nn.Linear`: any that draws in its method `reset_parameters`.
    *args, **kwargs
        Of its constructor.

    Examples
    --------
    >>> import torch
    >>> from sepkit.neural import generator, undrawn
    >>> layer = undrawn(torch.nn.Linear, 4, 1)
    >>> _ = torch.nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    """
    made: M = type(layer.__name__, (layer,), {"reset_parameters": lambda self: None})(*args, **kwargs)
    # A layer like any other from here on: it can be pickled, and drawn anew.
    made.__class__ = layer
    return made
