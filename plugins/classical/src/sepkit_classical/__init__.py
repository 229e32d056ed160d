"""Separation without learning, for sepkit."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "robust_pca": ["robust_pca"],
    },
)
