"""Harmonic and percussive sounds apart, for sepkit."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["HPSSConfig"],
        "kernels": ["harmonic_percussive"],
        "masks": ["PartMasks"],
        "separator": ["HPSS"],
    },
)
