"""The separator: a factorisation whose zeros come from a score, then soft masks for every part."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sepkit.builtin import Continuity, Lobes
from sepkit.informed.atoms import score_atoms
from sepkit.informed.parts_asked import remark_on_late_notes, wanted_parts
from sepkit.music.audio import Audio
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit_nmf import Factorization, factorize, normalized, source_magnitudes
from sepkit_score_nmf.config import ScoreNMFConfig
from sepkit_score_nmf.start import Start, score_start

_SHARED = 1e-3
"""What is shared where no note explains anything, beside the mean of a source's model in that frame."""


class ScoreNMF(Separator[ScoreNMFConfig]):
    """Score-informed nonnegative matrix factorisation.

    Every pitch of every part has a template that starts around its partials and an activation that starts at one while
    its notes sound; both are zero elsewhere, and multiplicative updates keep zeros. What a part's atoms explain becomes
    its soft mask on the mixture's spectrum. Sources that are no part of the score get free atoms.

    References
    ----------
    Ewert and Müller, "Using score-informed constraints for NMF-based source separation", ICASSP 2012.
    Driedger, Grohganz, Prätzlich, Ewert and Müller, "Score-informed audio decomposition and applications", ACM MM 2013.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        score = problem.side_information.score
        assert score is not None
        wanted = wanted_parts(score, problem.sources)
        # Parts that nobody asked for sound all the same, and are explained.
        modelled = (*wanted, *(part for part in score.parts if part not in wanted))
        mixture = problem.mixture
        remark_on_late_notes(score, mixture, run)
        stft = STFT.of_duration(self.config.window_s, self.config.overlap, mixture.sample_rate)
        layout = problem.layout(
            bins_hz=stft.bins_hz(mixture.sample_rate),
            frames_s=stft.frames_s(mixture.length, mixture.sample_rate),
            atoms=score_atoms(score, modelled, transients=self.config.transients, rest_rank=self.config.rest_rank),
        )
        fit = self._factorize(
            normalized(stft.magnitude(mixture.samples[0])),
            score_start(self.config, layout, run.rng),
            layout,
            problem,
            run,
        )
        assert layout.atoms is not None
        labels = np.array([atom.source for atom in layout.atoms])
        members = {source: np.flatnonzero(labels == source) for source in modelled}

        def masks(block: slice) -> NDArray[np.floating]:
            model = source_magnitudes(fit, members, block)
            if self.config.unexplained == "share":
                model += _SHARED * model.mean(axis=1, keepdims=True)
            return soft_masks(model, self.config.mask_exponent)[: len(wanted)]

        steps = partial(run.steps, stage="filter")
        stems = stft.filter(mixture.samples[0], masks, len(wanted), steps=steps)
        return {name: Audio(stem[np.newaxis], mixture.sample_rate) for name, stem in zip(wanted, stems, strict=True)}

    def _factorize(
        self, V: NDArray[np.floating], start: Start, layout: Layout, problem: Problem, run: Run
    ) -> Factorization:
        on_w = problem.bind_constraints(layout, Domain.TEMPLATES)
        on_h = problem.bind_constraints(layout, Domain.ACTIVATIONS)
        support_w, support_h = on_w.support(), on_h.support()
        fit = factorize(
            V,
            start.W,
            start.H,
            beta=self.config.beta,
            solver=self.config.chosen_solver,
            max_iterations=self.config.iterations,
            tolerance=self.config.tolerance,
            support_w=(start.W > 0) if support_w is None else (start.W > 0) & support_w,
            support_h=(start.H > 0) if support_h is None else (start.H > 0) & support_h,
            densities_w=(*self._lobes(layout), *problem.bind_priors(layout, Domain.TEMPLATES)),
            densities_h=(*self._continuity(layout), *problem.bind_priors(layout, Domain.ACTIVATIONS)),
            project_w=on_w.beyond_support().project if on_w.beyond_support() else None,
            project_h=on_h.beyond_support().project if on_h.beyond_support() else None,
            steps=partial(run.steps, stage="factorise"),
        )
        run.trace("cost", fit.costs)
        run.keep(layout, {Domain.TEMPLATES: fit.W, Domain.ACTIVATIONS: fit.H})
        run.report_violations({**on_w.violations(fit.W), **on_h.violations(fit.H)})
        return fit

    def _continuity(self, layout: Layout) -> tuple[Density, ...]:
        if self.config.continuity == 0:
            return ()
        return (Continuity(weight=self.config.continuity).bind(layout, Domain.ACTIVATIONS),)

    def _lobes(self, layout: Layout) -> tuple[Density, ...]:
        config = self.config
        # The tutorial's templates reach wider than lobes, which would pull partials of stiff strings away from them.
        if config.lobes == 0 or config.start == "tutorial":
            return ()
        prior = Lobes(weight=config.lobes, cents=config.cents, inharmonicity=config.inharmonicity)
        return (prior.bind(layout, Domain.TEMPLATES),)
