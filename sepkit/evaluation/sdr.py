"""Signal-to-distortion ratio, and the ideal ratio mask that bounds what masking can reach."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sepkit.audio import Audio
from sepkit.spectral import STFT, WINDOW_S, soft_masks


def sdr(reference: Audio, estimate: Audio) -> float:
    """Plain signal-to-distortion ratio in dB: energy of the reference over energy of the error.

    Parameters
    ----------
    reference, estimate : Audio
        Of the same shape and rate.

    Returns
    -------
    sdr_db : float
        Infinite for a perfect estimate, NaN for a silent reference.

    Raises
    ------
    ValueError
        If the shapes or rates differ.
    """
    if (reference.samples.shape, reference.sample_rate) != (estimate.samples.shape, estimate.sample_rate):
        raise ValueError(f"reference and estimate need the same shape and rate, given {reference} and {estimate}")
    signal = np.sum(reference.samples.astype(np.float64) ** 2)
    error = np.sum((reference.samples.astype(np.float64) - estimate.samples) ** 2)
    if signal == 0:
        return float("nan")
    return float(10 * np.log10(signal / error)) if error > 0 else float("inf")


def ideal_ratio_mask(mixture: Audio, references: Mapping[str, Audio], exponent: float = 1.0) -> dict[str, Audio]:
    """Separate with the masks of the true stems: the oracle that no masking method passes by much.

    Parameters
    ----------
    mixture : Audio
    references : mapping of str to Audio
    exponent : float
        1 gives ratio masks of magnitudes, 2 of powers.
    """
    stft = STFT.of_duration(WINDOW_S, 4, mixture.sample_rate)
    stems = {name: np.empty_like(mixture.samples) for name in references}
    for channel, samples in enumerate(mixture.samples):
        truth = [reference.samples[channel] for reference in references.values()]

        def masks(block: slice, truth: list[NDArray[np.float32]] = truth) -> NDArray[np.floating]:
            return soft_masks(np.abs(np.stack([stft.forward(stem, block) for stem in truth])), exponent)

        for stem, filtered in zip(stems.values(), stft.filter(samples, masks, len(truth)), strict=True):
            stem[channel] = filtered
    return {name: Audio(stem, mixture.sample_rate) for name, stem in stems.items()}
