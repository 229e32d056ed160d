"""The separator: an autoencoder of the magnitude spectrogram, then soft masks from what its atoms give."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.builtin.harmonic import start_templates
from sepkit.informed import chords
from sepkit.informed.atoms import score_atoms
from sepkit.informed.parts_asked import remark_on_strangers, wanted_parts
from sepkit.music.audio import Audio
from sepkit.neural import choose_device, generator
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom, Layout
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.separator import Separator
from sepkit.spectral import STFT, soft_masks
from sepkit.spectral_config import WINDOW_S
from sepkit_nae.config import NAEConfig
from sepkit_nae.fitting import fit
from sepkit_nae.model import Autoencoder
from sepkit_nae.objective import Objective
from sepkit_nae.start import drawn_where_free, fill, scale_encoder
from sepkit_nae.statements import FactorStatements
from sepkit_nae.trained import TrainedAutoencoder
from sepkit_nmf import (
    atoms_of_sources,
    blind_rank,
    labelled_factors,
    labelled_sources,
    normalized,
    ringing_on,
    shared_beside,
    shares_unexplained,
)
from sepkit_nmf.config import fastest_solver


class NAE(Separator[NAEConfig]):
    """Nonnegative autoencoder.

    An encoder turns the magnitude spectrogram of the mixture into activations, a decoder turns these into the
    spectrogram again. With a score every pitch of every part has an atom; its activation is zero while none of its
    notes sound (structured dropout) and its template away from its partials (removed weights). What a part's atoms
    give becomes its soft mask on the mixture's spectrum. Without a score, atoms are grouped as those of `nmf` are.

    With trained weights nothing is fitted: their encoder finds the atoms of every source in the mixture (see
    `sepkit_nae.trained`).

    With labels it starts from the templates that those of `nmf` start from, and activations are zero while their
    source rests.

    References
    ----------
    Smaragdis and Venkataramani, "A neural network alternative to non-negative audio models", ICASSP 2017.
    Ewert and Sandler, "Structured dropout for weak label and multi-instance learning and its application to
    score-informed source separation", ICASSP 2017.
    Özer, Hansen, Zunner and Müller, "Investigating nonnegative autoencoders for efficient audio decomposition",
    EUSIPCO 2022.
    """

    trained: TrainedAutoencoder | None = None

    @property
    def parameters(self) -> int:
        return 0 if self.trained is None else self.trained.parameters

    @property
    def sample_rate(self) -> int | None:
        return None if self.trained is None else self.trained.sample_rate

    @property
    def sources(self) -> tuple[str, ...]:
        return () if self.trained is None else self.trained.sources

    def load(self, weights: Path | None, run: Run) -> None:
        if weights is not None:
            self.trained = TrainedAutoencoder.read(weights, choose_device(run))

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        device = choose_device(run)
        if self.trained is not None:
            run.identify(self.sources)
            return self.trained.separate(problem, self.config, run)
        mixture, score = problem.mixture, problem.side_information.score
        rate, samples = mixture.sample_rate, mixture.samples[0]
        usual = WINDOW_S if score is None else chords.window_s(score)
        stft = STFT.of_duration(self.config.window_s or usual, self.config.overlap, rate)
        axes: dict[str, Any] = {"bins_hz": stft.bins_hz(rate), "frames_s": stft.frames_s(len(samples), rate)}
        V = normalized(stft.magnitude(samples))
        wanted = problem.sources
        start: Tensor | None = None
        if score is None and problem.side_information.labels:
            told = labelled_sources(problem)
            run.identify(told)
            modelled = wanted = wanted or told
            start, atoms = self._labelled(V, problem, wanted, axes, run)
        elif score is None:
            modelled, atoms = wanted, (Atom(),) * blind_rank(self.config.rank, wanted)
        else:
            wanted = wanted_parts(score, wanted)
            run.identify(score.parts)
            # Parts that nobody asked for sound all the same.
            modelled = (*wanted, *(part for part in score.parts if part not in wanted))
            atoms = score_atoms(score, modelled, rest_rank=self.config.rest_rank)
            remark_on_strangers(score, wanted, run)
        layout = problem.layout(atoms=atoms, **axes)
        if start is None:
            start = drawn_where_free(start_templates(problem, layout), layout, run.rng)
        model, H = self._fit(torch.from_numpy(V).to(device), start, problem, layout, run)
        labels = [atom.source for atom in atoms]
        W = model.templates.detach().cpu().numpy()
        members = atoms_of_sources(W, H.cpu().numpy(), labels, modelled, bins_hz=axes["bins_hz"])

        @torch.no_grad()
        def magnitudes(activations: Tensor, block: slice) -> NDArray[np.floating]:
            rows = (torch.from_numpy(of_source).to(device) for of_source in members.values())
            sources = [model.decode(activations[of_source, block], of_source) for of_source in rows]
            return np.asarray(torch.stack(sources).cpu().numpy())

        ringing: Tensor | None = None
        if score is not None and shares_unexplained(self.config.unexplained, V, partial(magnitudes, H), run):
            ringing = torch.from_numpy(ringing_on(H.cpu().numpy(), stft.hop / rate)).to(device)
        # An hour's spectrogram weighs twice its audio: it goes before the stems come.
        del V

        def masks(block: slice) -> NDArray[np.floating]:
            model_of_sources = magnitudes(H, block)
            if ringing is not None:
                model_of_sources = model_of_sources + shared_beside(magnitudes(ringing, block))
            return soft_masks(model_of_sources, self.config.mask_exponent)[: len(wanted) or None]

        names = wanted or tuple(members)
        stems = stft.filter(samples, masks, len(names), steps=partial(run.steps, stage="filter"))
        return {name: Audio(stem[np.newaxis], rate) for name, stem in zip(names, stems, strict=True)}

    def _labelled(
        self, V: NDArray[np.floating], problem: Problem, sources: tuple[str, ...], axes: dict[str, Any], run: Run
    ) -> tuple[Tensor, tuple[Atom, ...]]:
        """Templates to start from, and atoms that belong to the sources that the labels are about."""
        solver, rank = fastest_solver(self.config.beta), self.config.rank
        W, _, owners = labelled_factors(
            V, problem, problem.layout(**axes), sources, run, self.config, solver=solver, rank=rank
        )
        return torch.from_numpy(W), tuple(map(Atom, owners))

    def _fit(self, V: Tensor, start: Tensor, problem: Problem, layout: Layout, run: Run) -> tuple[Autoencoder, Tensor]:
        model = Autoencoder(
            *layout.shape(Domain.TEMPLATES),
            context_frames=self.config.context_frames,
            encoder_hidden=self.config.encoder_hidden,
            decoder_hidden=self.config.decoder_hidden,
        )
        fill(model, start, generator(run.rng))
        statements = FactorStatements.of(problem, layout, V.device)
        objective = Objective(V, model.to(V.device), statements, self.config.beta)
        objective.restrict_templates()
        scale_encoder(objective)
        H, costs = fit(objective, self.config, partial(run.steps, stage="fit"))
        run.trace("cost", costs)
        templates, activations = model.templates.detach().cpu().numpy(), H.cpu().numpy()
        run.keep(layout, {Domain.TEMPLATES: templates, Domain.ACTIVATIONS: activations})
        violations = statements.templates.constraints.violations(templates)
        run.report_violations({**violations, **statements.activations.constraints.violations(activations)})
        return model, H
