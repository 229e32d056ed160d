"""What a network gives, before it is taken for audio: strange weights can overflow whatever they compute."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import WeightsError
from sepkit.music.audio import LOUDEST


def usable(values: NDArray[np.floating], weights: str) -> NDArray[np.floating]:
    """The values, if audio can be made of them.

    Parameters
    ----------
    values : ndarray
    weights : str
        Whose they are, for the message: ``"the weights of 'nae'"``.

    Raises
    ------
    WeightsError
        If any is no number, or larger than samples can be.
    """
    if not bool(np.isfinite(values).all()) or max(values.max(), -values.min(), 0) > LOUDEST:
        raise WeightsError(f"{weights} make values of this mixture that are no samples of sound; train or fetch others")
    return values
