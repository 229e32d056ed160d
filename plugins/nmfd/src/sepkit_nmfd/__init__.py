"""Nonnegative matrix factor deconvolution for sepkit.

`deconvolve` and the functions around it work on any nonnegative matrix; the separator `NMFD` puts them to work on
recordings.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["NMFDConfig"],
        "factorization": ["Deconvolution", "deconvolve", "normalize_lagged"],
        "plots": ["plot_drums"],
        "separator": ["NMFD"],
        "start": ["onset_activations", "onset_strength"],
    },
)
