"""The values that a method found for its own variables, for those who want to look at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Variables:
    """Final values of a method's own variables, with their axes.

    Parameters
    ----------
    layout : Layout
    values : mapping of Domain to ndarray
        Each of the shape that `layout` gives its domain, such as ``{Domain.TEMPLATES: W, Domain.ACTIVATIONS: H}``.

    Raises
    ------
    ValueError
        If a value has another shape.
    """

    layout: Layout
    values: Mapping[Domain, NDArray[np.floating]]

    def __post_init__(self) -> None:
        for domain, value in self.values.items():
            if value.shape != self.layout.shape(domain):
                raise ValueError(f"{domain} need shape {self.layout.shape(domain)}, given {value.shape}")
