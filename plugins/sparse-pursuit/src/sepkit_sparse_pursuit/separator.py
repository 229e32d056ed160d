"""The separator: learn the instruments' harmonics from the mixture, find their tones, share the mixture out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit_sparse_pursuit.config import SparsePursuitConfig
from sepkit_sparse_pursuit.dictionary import Learning
from sepkit_sparse_pursuit.dictionary_separator import DictionarySeparator, audible, silence
from sepkit_sparse_pursuit.duration import about
from sepkit_sparse_pursuit.naming import instruments_of_names, loudness_of
from sepkit_sparse_pursuit.piano_roll import piano_roll
from sepkit_sparse_pursuit.resynthesis import draw_tones, share_mixture
from sepkit_sparse_pursuit.tones import Array, Tones
from sepkit_sparse_pursuit.trained import HARMONICS_OF
from sepkit_sparse_pursuit.transform import Transform
from sepkit_sparse_pursuit.voices import Voices, find_voices, ticks_for

_JUDGED = 1000
"""Spectra by which starts are compared."""

_STRETCHES = 4
"""Of successive spectra, in which these lie."""

_TIMES_AS_LONG = 1.5
"""A spectrum takes so many times as long with the instruments that a dictionary grows from as finding voices in it."""


class SparsePursuit(DictionarySeparator[SparsePursuitConfig]):
    """Blind separation by tones.

    Every spectrum is explained by few tones, each a pattern of harmonics that belongs to an instrument. How loud the
    harmonics of each instrument are is learned from random spectra of the mixture. Which instrument plays which tone is
    then decided by the lines that the tones make over time as well; of several random starts that one is used which
    makes spectra and lines most likely. The mixture is shared out in proportion to the tones.

    References
    ----------
    Schulze and King, "Sparse pursuit and dictionary learning for blind source separation in polyphonic music
    recordings", EURASIP Journal on Audio, Speech, and Music Processing, 2021.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config, mixture = self.config, problem.mixture
        examples = problem.side_information.examples
        names = problem.sources or tuple(examples) or self._numbered()
        samples = mixture.samples[0]
        transform = Transform.of(config, mixture.sample_rate)
        model = transform.model(config.exponent)
        Y, scale = transform.log_spectra(samples, partial(run.steps, stage="log spectrogram"))
        if not len(audible(Y)):
            return silence(problem, names, run)
        if self.trained is None:
            known = {name: self.learn_example(transform, name, examples[name], run) for name in examples}
            dictionary, tones = self.explain(transform, Y, len(names), run)
            run.identify(known)
            order = instruments_of_names(names, dictionary, loudness_of(tones, dictionary), known)
            tones, dictionary = replace(tones, instrument=np.argsort(order)[tones.instrument]), dictionary[order]
        else:
            dictionary = self.trained.dictionary
            run.identify(self.trained.sources)
            if examples:
                run.remark("the weights' dictionary was used as it is: the examples had nothing to add")
            tones = self._find_tones(transform, Y, dictionary, run)
        for name, harmonics in zip(names, dictionary, strict=True):
            run.trace(HARMONICS_OF + name, harmonics)
        atoms, templates, activations = piano_roll(model, tones, dictionary, names)
        frames_s = transform.stft.frames_s(len(samples), mixture.sample_rate)
        layout = problem.layout(sources=names, bins_hz=transform.axis.bins_hz, frames_s=frames_s, atoms=atoms)
        run.keep(layout, {Domain.TEMPLATES: templates, Domain.ACTIVATIONS: activations})
        steps = partial(run.steps, stage="filter")
        if config.resynthesis == "mask":
            stems = share_mixture(transform, samples, tones, dictionary, steps)
        else:
            stems = draw_tones(transform, samples, tones, dictionary, scale, steps)
        return {name: Audio(stem[np.newaxis], mixture.sample_rate) for name, stem in zip(names, stems, strict=True)}

    def explain(
        self, transform: Transform, Y: Array, instruments: int, run: Run, *, then_s: float = 0.0
    ) -> tuple[Array, Tones]:
        """Learn a dictionary from spectra, and find the tones of its instruments in them.

        Parameters
        ----------
        transform : Transform
        Y : ndarray [shape=(spectra, bins)]
            On its logarithmic axis; some are audible.
        instruments : int
        run : Run
        then_s : float
            What the caller does with them takes so many seconds: part of the time that is told.

        Returns
        -------
        dictionary : ndarray [shape=(instruments, harmonics)]
        tones : Tones
        """
        dictionary = self._learn(transform, Y, audible(Y), instruments, run, then_s)
        return dictionary, self._find_tones(transform, Y, dictionary, run)

    def _numbered(self) -> tuple[str, ...]:
        return tuple(f"instrument{number}" for number in range(1, self.config.instruments + 1))

    def _learn(
        self, transform: Transform, Y: Array, heard: NDArray[np.intp], instruments: int, run: Run, then_s: float
    ) -> Array:
        """Dictionaries from several starts, and of these the one that explains the spectra best."""
        config = self.config
        rngs = run.rng.spawn(config.starts)
        learning = Learning(
            transform.model(config.exponent),
            Y,
            heard,
            instruments,
            config.harmonics,
            config.batch,
            config.tones,
            config.learning_rate,
        )
        told = about(then_s + self._seconds(learning, len(Y), run))
        dictionaries, losses = learning.grow(rngs, run.steps(config.iterations, f"learn{told}"), config.prune_every)
        dictionaries = learning.settle(dictionaries, rngs, run.steps(config.settle, "settle"), config.settle)
        judged = Y[stretches(heard)]
        ticks = run.steps(len(dictionaries) * ticks_for(len(judged)), "compare starts")
        likelihoods = [
            self._find_voices(transform, judged, dictionary, ticks).log_likelihood for dictionary in dictionaries
        ]
        best = int(np.argmax(likelihoods))
        run.trace("cost", losses[:, best])
        run.trace("log-likelihood by start", likelihoods)
        chosen: Array = dictionaries[best]
        return chosen

    def _find_tones(self, transform: Transform, Y: Array, dictionary: Array, run: Run) -> Tones:
        return self._find_voices(transform, Y, dictionary, run.steps(ticks_for(len(Y)), "find tones")).tones

    def _find_voices(self, transform: Transform, Y: Array, dictionary: Array, ticks: Iterator[int]) -> Voices:
        model = transform.model(self.config.exponent)
        return find_voices(model, Y, dictionary, transform.hop_s, most_tones=self.config.tones, ticks=ticks)

    def _seconds(self, learning: Learning, frames: int, run: Run) -> float:
        """About how long all will take."""
        config = self.config
        # Random numbers of its own: how long a step takes must not change what is learned.
        rngs = run.rng.spawn(config.starts)
        learning.grow(rngs, range(1), 1)
        begun = time.perf_counter()
        learning.grow(rngs, range(1), 1)
        step_s = time.perf_counter() - begun
        spectrum_s = step_s / (_TIMES_AS_LONG * config.starts * config.batch)
        return (config.iterations + config.settle) * step_s + (frames + _JUDGED * config.starts) * spectrum_s


def stretches(heard: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of many spectra by which dictionaries are compared: evenly spaced stretches of successive ones."""
    if len(heard) <= _JUDGED:
        return heard
    length = _JUDGED // _STRETCHES
    first = np.linspace(0, len(heard) - length, _STRETCHES).astype(np.intp)
    return np.asarray(heard[(first[:, np.newaxis] + np.arange(length)).ravel()])
