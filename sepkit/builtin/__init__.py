"""What comes with sepkit, published through the hooks that all plugins use."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "activity": ["Activity"],
        "consistency": ["MixtureConsistency"],
        "f0_priors": ["NearScore", "SmoothF0"],
        "harmonic": ["HarmonicConstraint", "HarmonicTemplates"],
        "lobes": ["Lobes"],
        "notes": ["ScoreConstraint"],
        "regions": ["Regions"],
        "temporal": ["Continuity", "Sparsity"],
    },
)
