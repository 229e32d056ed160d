"""Separation without learning, for sepkit.

The functions that methods are made of work on any spectrogram.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["HPSSConfig"],
        "centre": ["similarity"],
        "ft2d": ["peaks_and_rest"],
        "kernels": ["harmonic_percussive"],
        "part_masks": ["PartMasks"],
        "repet_sim": ["similar_frames"],
        "repetition": [
            "beat_spectrum",
            "local_periods",
            "repeating_neighbours",
            "repeating_period",
            "repeating_segment",
        ],
        "robust_pca": ["robust_pca"],
        "salience": ["a_weighting", "best_path", "candidates_hz", "melody_hz", "subharmonic_summation"],
    },
)
