"""What separators with dictionaries of tones share: where dictionaries come from, and what silence gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit_sparse_pursuit.config import ToneConfig
from sepkit_sparse_pursuit.dictionary import Learning
from sepkit_sparse_pursuit.tones import Array
from sepkit_sparse_pursuit.trained import Trained
from sepkit_sparse_pursuit.transform import Transform

AUDIBLE = 1e-4
"""Spectra whose largest magnitude is below this share of the loudest teach nothing."""

T = TypeVar("T", bound=ToneConfig)


class DictionarySeparator(Separator[T]):
    """Base of separators that explain spectra by the tones of a dictionary's instruments."""

    trained: Trained | None = None

    def load(self, weights: Path | None, run: Run) -> None:
        """Take the dictionary that an earlier separation found."""
        self.trained = None if weights is None else Trained.read(weights)

    @property
    def parameters(self) -> int:
        return 0 if self.trained is None else self.trained.dictionary.size

    @property
    def sources(self) -> tuple[str, ...]:
        return () if self.trained is None else self.trained.sources

    def learn_example(self, transform: Transform, name: str, recordings: Sequence[Audio], run: Run) -> Array:
        """The harmonics of the one instrument that plays in recordings."""
        config = self.config
        samples = np.concatenate([recording.samples[0] for recording in recordings])
        Y, _ = transform.log_spectra(samples, partial(run.steps, stage=f"log spectrogram of {name}"))
        heard = audible(Y)
        if not len(heard):
            run.remark(f"the example of '{name}' is silent where tones are looked for: its harmonics count alike")
            return np.ones(config.harmonics, np.float32)
        learning = Learning(
            transform.model(config.exponent),
            Y,
            heard,
            1,
            config.harmonics,
            config.batch,
            config.tones,
            config.learning_rate,
        )
        rngs = run.rng.spawn(1)
        grown, _ = learning.grow(rngs, run.steps(config.iterations, f"learn {name}"), config.prune_every)
        settled = learning.settle(grown, rngs, run.steps(config.settle, f"settle {name}"), config.settle)
        harmonics: Array = settled[0, 0]
        return harmonics


def audible(Y: Array) -> NDArray[np.intp]:
    """The spectra [shape=(spectra, bins)] in which there is something to find."""
    return np.flatnonzero(Y.max(axis=1) > AUDIBLE)


def silence(problem: Problem, names: Sequence[str], run: Run) -> Mapping[str, Audio]:
    """Silent stems for a recording in which there is nothing to find."""
    run.remark("the recording is silent where tones are looked for: all of it went to the residual")
    stem = Audio(large.zeros(problem.mixture.samples.shape), problem.mixture.sample_rate)
    return dict.fromkeys(names, stem)
