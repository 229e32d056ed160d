"""What constraints that only set entries to zero have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from sepkit import large


@dataclass(frozen=True, eq=False)
class Zeros:
    """A projection that sets to zero what lies outside of its support.

    Attributes
    ----------
    support : ndarray of bool
        True where nonzero values are allowed, in the domain's shape.
    """

    support: NDArray[np.bool_]

    def part(self, samples: slice) -> Zeros:
        """Those of some samples alone."""
        return Zeros(self.support[..., samples])

    def project(self, value: Any) -> Any:
        """The value with zeros outside of the support."""
        return value * self._like(value)

    def violation(self, value: Any) -> float:
        """Norm of what lies outside of the support, relative to the norm of the value."""
        if hasattr(value, "detach"):  # a torch tensor in the middle of a computation that is differentiated
            value = value.detach()
        xp = array_api_compat.array_namespace(value)
        largest = max(float(xp.max(value)), -float(xp.min(value)))
        if largest == 0:
            return 0.0
        outside = everything = 0.0
        length = value.shape[-1]
        for span in large.spans(length, rows=self.support.size // length):
            scaled = value[..., span] / largest
            outside += float(xp.sum((scaled * (1 - self._like(scaled, span))) ** 2))
            everything += float(xp.sum(scaled**2))
        return math.sqrt(outside / everything)

    def _like(self, value: Any, span: slice = slice(None)) -> Any:
        """The support as zeros and ones of the value's kind."""
        xp = array_api_compat.array_namespace(value)
        return xp.asarray(self.support[..., span], dtype=value.dtype, device=array_api_compat.device(value))
