"""Where the partials of a pitched sound lie, and which bins of a spectrum they claim.

References
----------
Fletcher, Blackham and Stratton, "Quality of piano tones", JASA 34(6), 1962 (inharmonicity of stiff strings).
Ewert and Müller, "Using score-informed constraints for NMF-based source separation", ICASSP 2012 (harmonic templates).
Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", 1978 (the lobe).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.music.pitch import midi_to_hz

_HANN_BINS = 2.0
"""From the peak of a Hann window's main lobe to its end, where the transform is as long as the window."""


def partials_hz(f0_hz: float, highest_hz: float, inharmonicity: float = 0.0) -> NDArray[np.float64]:
    """Frequencies of all partials up to `highest_hz`, and the first one beyond [shape=(partials,)].

    Parameters
    ----------
    f0_hz : float
    highest_hz : float
    inharmonicity : float
        B of a stiff string, whose m-th partial lies at ``m * f0 * sqrt(1 + B * m**2)``; 0 for exact harmonics.
    """
    order = np.arange(1, int(highest_hz / f0_hz) + 2)
    return np.asarray(order * f0_hz * np.sqrt(1.0 + inharmonicity * order**2))


def partial_lobes(
    bins_hz: NDArray[np.floating], pitch: float, *, cents: float, inharmonicity: float = 0.0
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The nearest partial of every bin, and the height of that partial's lobe there.

    Parameters
    ----------
    bins_hz : ndarray [shape=(bins,)]
        Equally spaced.
    pitch : float
        MIDI pitch.
    cents : float
        How far a lobe reaches from its partial, in cents; at least as far as the window's main lobe, two bins.
    inharmonicity : float
        See `partials_hz`.

    Returns
    -------
    number : ndarray [shape=(bins,)]
        From 1.
    height : ndarray [shape=(bins,)]
        A raised cosine, nearly a Hann window's main lobe: one at the partial, zero beyond its reach.
    """
    partials = partials_hz(float(midi_to_hz(pitch)), float(bins_hz[-1]), inharmonicity)
    nearest = np.searchsorted((partials[:-1] + partials[1:]) / 2, bins_hz)
    width_hz = _HANN_BINS * float(bins_hz[1] - bins_hz[0]) if len(bins_hz) > 1 else np.inf
    reach_hz = np.maximum(partials * (2.0 ** (cents / 1200.0) - 1.0), width_hz)
    distance = np.minimum(np.abs(bins_hz - partials[nearest]) / reach_hz[nearest], 1.0)
    return nearest + 1, np.asarray(0.5 + 0.5 * np.cos(np.pi * distance))
