"""The method `ft2d`: peaks of the two-dimensional Fourier transform of a spectrogram are the accompaniment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit_classical.config import FT2DConfig
from sepkit_classical.voice import Heard, VoiceSeparator

Array = NDArray[np.floating]


class FT2D(VoiceSeparator[FT2DConfig]):
    """Separation in the two-dimensional Fourier transform.

    What repeats in a spectrogram is a row of peaks along the rate axis of its two-dimensional transform; what does not
    is spread over it. The transform of the peaks alone, back, is the accompaniment, and that of all else the voice.

    References
    ----------
    P. Seetharaman, F. Pishdadian and B. Pardo, "Music/voice separation using the 2D Fourier transform", WASPAA 2017.
    """

    def magnitudes(self, heard: Heard) -> Array:
        return np.abs(peaks_and_rest(heard.V, self.config.neighbourhood, self.config.threshold)[::-1])


def peaks_and_rest(V: Array, neighbourhood: int, threshold: float) -> Array:
    """What the peaks of the two-dimensional transform make, and what all else does; both sum to the spectrogram.

    Parameters
    ----------
    V : ndarray [shape=(bins, frames)]
    neighbourhood : int
        Points along the rate axis among which a peak is the highest.
    threshold : float
        Of a peak above the lowest of its neighbourhood, in standard deviations of the magnitudes at all
        scales from zero up.

    Returns
    -------
    parts : ndarray [shape=(2, bins, frames)]
        Values may be negative.
    """
    import scipy.fft
    import scipy.ndimage

    # Of a real spectrogram half of the scales are enough.
    spectrum = scipy.fft.rfft2(V, axes=(1, 0))
    heights = np.abs(spectrum)
    highest = scipy.ndimage.maximum_filter1d(heights, neighbourhood, axis=1, mode="wrap")
    lowest = scipy.ndimage.minimum_filter1d(heights, neighbourhood, axis=1, mode="wrap")
    spectrum[(heights < highest) | (highest - lowest <= threshold * heights.std())] = 0
    peaks = scipy.fft.irfft2(spectrum, (V.shape[1], len(V)), axes=(1, 0))
    return np.stack([peaks, V - peaks])
