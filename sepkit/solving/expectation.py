"""How good stems are, as far as their method knows how sure it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sepkit.music.audio import Audio


def expected_sdr_db(stems: Mapping[str, Audio], uncertainty: Mapping[str, Audio]) -> dict[str, float]:
    """The SDR that stems have if their errors are as large as their uncertainty says, in dB.

    Parameters
    ----------
    stems, uncertainty : mapping of str to Audio

    Returns
    -------
    expected : dict of str to float
        For every source whose uncertainty is known: infinite where there is none, NaN for a silent stem without any.
    """
    energies = {name: (stems[name].energies.sum(), spread.energies.sum()) for name, spread in uncertainty.items()}
    with np.errstate(divide="ignore", invalid="ignore"):
        return {name: float(10 * np.log10(of_stem / of_error)) for name, (of_stem, of_error) in energies.items()}
