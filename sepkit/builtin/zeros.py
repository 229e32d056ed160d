"""What constraints that only set entries to zero have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray


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
        largest = float(xp.max(xp.abs(value)))
        if largest == 0:
            return 0.0
        scaled = value / largest
        outside = scaled * (1 - self._like(value))
        return float(xp.sqrt(xp.sum(outside**2) / xp.sum(scaled**2)))

    def _like(self, value: Any) -> Any:
        """The support as zeros and ones of the value's kind."""
        xp = array_api_compat.array_namespace(value)
        return xp.asarray(self.support, dtype=value.dtype, device=array_api_compat.device(value))
