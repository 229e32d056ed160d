"""Differentiable source-filter models for music source separation, given F0 or a score.

`AllPoleModel` is the model that the separator `SourceFilter` fits to a recording; `plot_voices` draws what it found,
and `GAINS` and `FILTERS` are the variables, beside F0, that a separation keeps.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "allpole": ["AllPoleModel"],
        "config": ["SourceFilterConfig"],
        "findings": ["FILTERS", "GAINS"],
        "plots": ["plot_voices"],
        "separator": ["SourceFilter"],
    },
)
