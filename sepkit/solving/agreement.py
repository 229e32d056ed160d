"""How far the draws of a method agree, if it makes several and says how they spread."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sepkit.music.audio import Audio


def agreement_db(stems: Mapping[str, Audio], uncertainty: Mapping[str, Audio]) -> dict[str, float]:
    """The energy of stems over that of their uncertainty, in dB.

    Draws of one method can agree on what is wrong: nothing here is an estimate of the error.

    Parameters
    ----------
    stems, uncertainty : mapping of str to Audio

    Returns
    -------
    agreement : dict of str to float
        For every source whose uncertainty is known: infinite where there is none, NaN for a silent stem without any.
    """
    energies = {name: (stems[name].energies.sum(), spread.energies.sum()) for name, spread in uncertainty.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: float(10 * np.log10(of_stem / of_error)) for name, (of_stem, of_error) in energies.items()}
