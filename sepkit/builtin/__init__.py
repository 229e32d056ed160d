"""Priors and constraints that come with sepkit, published through the same hooks as everyone else's."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"consistency": ["MixtureConsistency"], "temporal": ["Continuity", "Sparsity"]}
)
