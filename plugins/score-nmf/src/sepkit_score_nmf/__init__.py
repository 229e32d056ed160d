"""Score-informed nonnegative matrix factorisation for sepkit."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "config": ["ScoreNMFConfig", "TutorialConfig"],
        "separator": ["ScoreNMF", "TutorialNMF"],
        "tutorial": [
            "onset_activations",
            "onset_templates",
            "pitch_activations",
            "pitch_templates",
        ],
    },
)
