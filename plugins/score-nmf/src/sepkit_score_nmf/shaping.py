"""What the score makes of both factors beside their zeros: pitches share an envelope, and notes a level."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.informed.envelopes import SharedEnvelopes
from sepkit.informed.levels import SharedLevels

Array = NDArray[np.floating]


class Shaping:
    """Moves templates towards the envelopes of their parts, and notes towards the level of theirs.

    Data that are clear move them back in the next update; what the data leave open goes where it is drawn.

    Parameters
    ----------
    envelopes : SharedEnvelopes
    levels : SharedLevels
    templates : ndarray [shape=(bins, atoms)]
        Those of the start.
    """

    def __init__(self, envelopes: SharedEnvelopes, levels: SharedLevels, templates: Array) -> None:
        self._envelopes, self._levels = envelopes, levels
        self._sums = templates.sum(axis=0)

    def templates(self, values: Array) -> Array:
        """Those moved [shape=(bins, atoms)]."""
        values = self._envelopes(values) if self._envelopes else values
        self._sums = values.sum(axis=0)
        return values

    def activations(self, values: Array) -> Array:
        """Those moved [shape=(atoms, frames)]."""
        return self._levels(values, self._sums) if self._levels else values
