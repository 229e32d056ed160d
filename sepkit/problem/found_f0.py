"""F0 tracks from the F0 that a method keeps among its variables."""

from __future__ import annotations

import numpy as np

from sepkit.music.f0 import F0Track
from sepkit.problem.domain import Domain
from sepkit.problem.variables import Variables


def found_f0(variables: Variables) -> dict[str, F0Track]:
    """The track of every source whose F0 was found, from the start of the recording; empty where none was."""
    layout, f0_hz = variables.layout, variables.values.get(Domain.F0)
    if f0_hz is None or layout.frames_s is None:
        return {}
    within = layout.frames_s >= 0
    times_s = np.asarray(layout.frames_s[within], np.float64)
    rows = np.asarray(f0_hz[:, within], np.float64)
    return {source: F0Track(times_s, row) for source, row in zip(layout.sources, rows, strict=True)}
