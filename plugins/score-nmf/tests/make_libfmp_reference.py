"""Write libfmp_reference.npz: what the initialisers of libfmp 1.3.0 (MIT licence) give for awkward arguments.

Run it where libfmp is installed, which needs none of sepkit::

    python plugins/score-nmf/tests/make_libfmp_reference.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.float64]]

REFERENCE = Path(__file__).with_name("libfmp_reference.npz")

_HOP_S = 512 / 22050
_NOTES = [
    # Onset and duration in seconds, pitch: at the borders, beyond them, overlapping, on and off the grid of frames.
    (0.0, 0.1, 60),
    (0.05, 1 / 3, 61),
    (0.1, 0.2, 60),
    (0.25, 0.25, 64),
    (0.3, 2.1, 36),
    (3 * _HOP_S, 4 * _HOP_S, 72),
    (0.7, 0.1, 60),
    (0.7, 0.1, 72),
    (1.1, 2.2, 61),
    (2.95, 0.6, 108),
    (3.0, 1e-3, 64),
    (7.0, 1.0, 21),
]

TEMPLATES = [
    # Number of bins, pitches, Hz from bin to bin, tolerance.
    (513, [36, 60, 61, 69, 96], 22050 / 1024, 0.05),
    (513, [36, 60, 61, 69, 96], 22050 / 1024, 0.02),
    (257, [0, 21, 107, 127], 8000 / 512, 0.05),
    (257, [45.5, 59.75, 127], 44100 / 512, 0.02),
    (100, [60, 72], 4.4, 0.05),
    (1, [60], 10.0, 0.05),
]
ACTIVATIONS = [
    # Number of frames, notes, seconds from frame to frame, tolerance before and after a note, and around its onset.
    (130, _NOTES, _HOP_S, (0.2, 0.5), (0.3, 0.1)),
    (130, _NOTES, _HOP_S, (0.1, 0.5), (0.2, 0.1)),
    (400, _NOTES, 0.01, (0.0, 0.0), (0.0, 0.05)),
    (67, _NOTES[:5], 1 / 30, (0.05, 0.02), (0.02, 0.05)),
    (1, _NOTES[3:], 0.5, (0.2, 0.5), (0.3, 0.1)),
]


def template_references() -> Iterator[Arrays]:
    """Every case of `TEMPLATES` with libfmp's templates."""
    from libfmp.c8 import init_nmf_template_pitch, init_nmf_template_pitch_onset

    for bins, pitches, bin_hz, tolerance in TEMPLATES:
        yield {
            "arguments": np.array([bins, bin_hz, tolerance]),
            "pitches": np.array(pitches, np.float64),
            "plain": init_nmf_template_pitch(bins, pitches, bin_hz, tolerance),
            "onset": init_nmf_template_pitch_onset(bins, pitches, bin_hz, tolerance),
        }


def activation_references() -> Iterator[Arrays]:
    """Every case of `ACTIVATIONS` with libfmp's activations, and the pitches of their rows."""
    from libfmp.c8 import init_nmf_activation_score, init_nmf_activation_score_onset

    for frames, notes, frame_s, around_note, around_onset in ACTIVATIONS:
        plain, pitches = init_nmf_activation_score(frames, notes, frame_s, tol_note=around_note)
        onset, _, _ = init_nmf_activation_score_onset(
            frames, notes, frame_s, tol_note=around_note, tol_onset=around_onset
        )
        yield {
            "arguments": np.array([frames, frame_s, *around_note, *around_onset]),
            "notes": np.array(notes, np.float64),
            "pitches": np.array(pitches, np.float64),
            "plain": plain,
            "onset": onset,
        }


def references() -> dict[str, NDArray[np.float64]]:
    """All cases, as they are stored."""
    kinds = {"templates": template_references(), "activations": activation_references()}
    return {
        f"{kind}/{number}/{name}": array
        for kind, cases in kinds.items()
        for number, case in enumerate(cases)
        for name, array in case.items()
    }


if __name__ == "__main__":
    np.savez_compressed(REFERENCE, **references())
