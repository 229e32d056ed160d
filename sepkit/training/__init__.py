"""Training: what learns the weights of a method or of a prior from recordings of stems."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "adaptation": ["adapt"],
        "config": ["TrainingConfig"],
        "learn": ["TrainingResult", "train"],
        "trainer": ["Task", "Trainer", "TrainingData"],
    },
)
