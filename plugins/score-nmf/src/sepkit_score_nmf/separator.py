"""The separator: a factorisation whose zeros come from a score, then soft masks for every part."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from sepkit.builtin.harmonic import places_of_partials
from sepkit.informed import chords
from sepkit.informed.atoms import score_atoms
from sepkit.informed.envelopes import SharedEnvelopes
from sepkit.informed.levels import SharedLevels
from sepkit.informed.parts_asked import remark_on_strangers, wanted_parts
from sepkit.music.audio import Audio
from sepkit.music.score import Score
from sepkit.problem.layout import Layout
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit_nmf import (
    factorize_hosting,
    normalized,
    ringing_on,
    shared_beside,
    shares_unexplained,
    source_magnitudes,
)
from sepkit_score_nmf.config import FactorizationConfig, ScoreNMFConfig, TutorialConfig
from sepkit_score_nmf.shaping import Shaping
from sepkit_score_nmf.start import Array, drawn_where_free, given_start, partials_start, tutorial_start
from sepkit_score_nmf.stiffness import fitted_inharmonicity, known_inharmonicity, with_inharmonicity

Shape: TypeAlias = Callable[[NDArray[np.floating]], NDArray[np.floating]]
C = TypeVar("C", bound=FactorizationConfig)


class FactorizationOfNotes(Separator[C]):
    """A factorisation that knows the notes.

    Every pitch of every part has a template that starts around its partials and an activation that starts at one while
    its notes sound; both are zero elsewhere, and multiplicative updates keep zeros. What a part's atoms explain becomes
    its soft mask on the mixture's spectrum. Sources that are no part of the score get free atoms.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        score = problem.side_information.score
        assert score is not None
        wanted = wanted_parts(score, problem.sources)
        # Parts that nobody asked for sound all the same, and are explained.
        modelled = (*wanted, *(part for part in score.parts if part not in wanted))
        mixture = problem.mixture
        remark_on_strangers(score, wanted, run)
        stft = self.transform(score, mixture.sample_rate)
        layout = problem.layout(
            bins_hz=stft.bins_hz(mixture.sample_rate),
            frames_s=stft.frames_s(mixture.length, mixture.sample_rate),
            atoms=score_atoms(score, modelled, transients=self.config.transients, rest_rank=self.config.rest_rank),
        )
        W, H = drawn_where_free(*self.start(problem, layout), layout, run.rng)
        if self.config.start is not None:
            W, H = given_start(self.config.start, layout, W, H)
        V = normalized(stft.magnitude(mixture.samples[0]))
        shaping = self.shaping(problem, layout, W)
        fit = factorize_hosting(V, W, H, self.config, layout, problem, run, keep_zeros=True, **shaping)
        assert layout.atoms is not None
        labels = np.array([atom.source for atom in layout.atoms])
        members = {source: np.flatnonzero(labels == source) for source in modelled}
        explained = partial(source_magnitudes, fit, members)
        shares = shares_unexplained(self.config.unexplained, V, explained, run)
        del V
        ringing = replace(fit, H=ringing_on(fit.H, stft.hop / mixture.sample_rate)) if shares else None

        def masks(block: slice) -> NDArray[np.floating]:
            model = explained(block)
            if ringing is not None:
                model += shared_beside(source_magnitudes(ringing, members, block))
            return soft_masks(model, self.config.mask_exponent)[: len(wanted)]

        steps = partial(run.steps, stage="filter")
        stems = stft.filter(mixture.samples[0], masks, len(wanted), steps=steps)
        return {name: Audio(stem[np.newaxis], mixture.sample_rate) for name, stem in zip(wanted, stems, strict=True)}

    @abstractmethod
    def transform(self, score: Score, sample_rate: int) -> STFT:
        """The transform to work in."""

    @abstractmethod
    def start(self, problem: Problem, layout: Layout) -> tuple[Array, Array]:
        """Templates [shape=(bins, atoms)] and activations [shape=(atoms, frames)] to start from; zeros stay zero."""

    def shaping(self, problem: Problem, layout: Layout, templates: Array) -> dict[str, Shape]:
        """What changes the factors after each of their updates, if anything does: arguments of `factorize_hosting`."""
        return {}


class ScoreNMF(FactorizationOfNotes[ScoreNMFConfig]):
    """Score-informed nonnegative matrix factorisation, from lobes around partials, with envelopes that pitches share.

    References
    ----------
    Ewert and Müller, "Using score-informed constraints for NMF-based source separation", ICASSP 2012.
    Driedger, Grohganz, Prätzlich, Ewert and Müller, "Score-informed audio decomposition and applications", ACM MM 2013.
    Heittola, Klapuri and Virtanen, "Musical instrument recognition in polyphonic audio using source-filter model for
    sound separation", ISMIR 2009.
    Rigaud, Falaize, David and Daudet, "Does inharmonicity improve an NMF-based piano transcription model?",
    ICASSP 2013.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        return super().separate(self._with_partials_in_place(problem, run), run)

    def _with_partials_in_place(self, problem: Problem, run: Run) -> Problem:
        """The problem, its statements told how stiff the strings are where that is known or can be found."""
        score, mixture = problem.side_information.score, problem.mixture
        assert score is not None
        inharmonicity = self.config.inharmonicity
        if inharmonicity is None:
            inharmonicity = known_inharmonicity(problem)
        if inharmonicity is None and chords.has_chords(score):
            stft = self.transform(score, mixture.sample_rate)
            inharmonicity = fitted_inharmonicity(problem, stft, self.config.beta, run)
            run.trace("inharmonicity", [inharmonicity])
        return problem if inharmonicity is None else with_inharmonicity(problem, inharmonicity)

    def transform(self, score: Score, sample_rate: int) -> STFT:
        window_s = self.config.window_s or chords.window_s(score)
        return STFT.of_duration(window_s, self.config.overlap, sample_rate)

    def start(self, problem: Problem, layout: Layout) -> tuple[Array, Array]:
        return partials_start(problem, layout)

    def shaping(self, problem: Problem, layout: Layout, templates: Array) -> dict[str, Shape]:
        score = problem.side_information.score
        assert score is not None
        of_envelopes = chords.weights(score, self.config.shared_envelope, chords.SHARED_ENVELOPE)
        of_levels = chords.weights(score, self.config.shared_level, chords.SHARED_LEVEL)
        envelopes = SharedEnvelopes(layout, of_envelopes, **places_of_partials(problem))
        levels = SharedLevels(layout, of_levels)
        shaping = Shaping(envelopes, levels, templates)
        return {"shape_w": shaping.templates, "shape_h": shaping.activations} if envelopes or levels else {}


class TutorialNMF(FactorizationOfNotes[TutorialConfig]):
    """The same from the tutorial's start, exactly as libfmp makes it, and without further statements.

    References
    ----------
    M. Müller, "Fundamentals of Music Processing", 2nd edition, section 8.3, Springer 2021.
    """

    def transform(self, score: Score, sample_rate: int) -> STFT:
        return STFT.of_duration(self.config.window_s, self.config.overlap, sample_rate)

    def start(self, problem: Problem, layout: Layout) -> tuple[Array, Array]:
        return tutorial_start(self.config, layout)
