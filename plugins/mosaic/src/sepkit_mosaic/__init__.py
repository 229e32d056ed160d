"""Audio mosaics for sepkit: a recording rebuilt from the sounds of another."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "activations": ["mosaic_activations"],
        "config": ["MosaicConfig"],
        "separator": ["Mosaic"],
    },
)
