"""Nonnegative autoencoders for sepkit.

`Autoencoder` is the model; `Objective` holds it together with a spectrogram and what is known of it; the rules lower
the objective's cost. The separator `NAE` puts them to work on recordings.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["NAEConfig"],
        "gradient": ["GradientSteps"],
        "statements": ["FactorStatements"],
        "model": ["Autoencoder"],
        "multiplicative": ["MultiplicativeUpdates"],
        "objective": ["Objective"],
        "separator": ["NAE"],
    },
)
