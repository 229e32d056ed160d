"""The method `ensemble`: what several methods find, combined."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
from sepkit.music.side import SideInformation
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.method import Method
from sepkit.solving.negotiation import told_unused
from sepkit.solving.separation import Separation
from sepkit.solving.separator import Separator
from sepkit_classical.config import EnsembleConfig, Member

Array = NDArray[np.float32]

_PIECE = 1 << 18
"""Samples combined at a time."""


class Ensemble(Separator[EnsembleConfig]):
    """Stems of the same names by several installed methods, combined sample by sample.

    Means of stems that sum to the mixture sum to it too. Medians do so for two sources; what they leave of more is
    shared out equally, so that if all members promise to sum to the mixture the ensemble does.

    References
    ----------
    S. Uhlich, M. Porcu, F. Giron, M. Enenkl, T. Kemp, N. Takahashi and Y. Mitsufuji, "Improving music source separation
    based on deep neural networks through data augmentation and network blending", ICASSP 2017.
    """

    def load(self, weights: Path | None, run: Run) -> None:
        self._methods = tuple(
            Method(
                member.method, config=member.config, weights=member.weights, device=run.device, registry=run.registry
            )
            for member in self.config.members
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """The names that all members always give; empty when one can be asked for any."""
        given = [method.sources for method in self._methods]
        return tuple(name for name in given[0] if all(name in names for names in given)) if all(given) else ()

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config = self.config
        self._tell_what_is_unused(problem.side_information, run)
        weights = np.array([member.weight for member in config.members])
        found: list[Separation] = []
        combined: dict[str, Array] = {}
        for index in run.steps(len(self._methods), "members"):
            separation = _separated(self._methods[index], problem, run)
            names = problem.sources or (tuple(combined) or separation.sources)
            _require_names(config.members[index], separation, names)
            if config.combine == "median":
                found.append(separation)
            for name in names:
                # A mean needs no more than one member's stems at a time.
                if name not in combined:
                    combined[name] = large.zeros(problem.mixture.samples.shape, np.float32)
                if config.combine == "mean":
                    _add(combined[name], separation[name].samples, np.float32(weights[index] / weights.sum()))
        if config.combine == "median":
            for name, total in combined.items():
                _median(total, [separation[name].samples for separation in found])
        if all("sums-to-mixture" in method.spec.traits for method in self._methods):
            _share_out(problem.mixture.samples, list(combined.values()))
        by_any = dict.fromkeys(name for method in self._methods for name in method.sources)
        if self.sources and (rest := [name for name in by_any if name not in self.sources]):
            run.remark(f"not all members give a stem {' or '.join(rest)}: the ensemble gives none")
        return {name: Audio(samples, problem.mixture.sample_rate) for name, samples in combined.items()}

    def _tell_what_is_unused(self, known: SideInformation, run: Run) -> None:
        used = frozenset[str]().union(*(method.spec.side_information for method in self._methods))
        unused = known.kinds - used
        for remark in told_unused(unused - {"labels"}, "no member of the ensemble has a use for it"):
            run.remark(remark)
        if "labels" in unused:
            run.remark(
                "the labels made no difference to the members of the ensemble: its stems are fitted to them afterwards"
            )


def _require_names(member: Member, separation: Separation, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in separation.sources]
    if missing:
        raise ConfigError(
            f"member '{member.method}' of the ensemble gives {', '.join(separation.sources)} and no "
            f"{', '.join(missing)}; take members that give stems of the same names"
        )


def _add(total: Array, samples: Array, weight: np.float32) -> None:
    for start in range(0, total.shape[-1], _PIECE):
        total[:, start : start + _PIECE] += weight * samples[:, start : start + _PIECE]


def _share_out(mixture: Array, stems: list[Array]) -> None:
    """Give each stem an equal share of what all miss of the mixture."""
    for start in range(0, mixture.shape[-1], _PIECE):
        piece = slice(start, start + _PIECE)
        missed = mixture[:, piece] - np.sum([stem[:, piece] for stem in stems], axis=0)
        for stem in stems:
            stem[:, piece] += missed / np.float32(len(stems))


def _median(total: Array, given: list[Array]) -> None:
    for start in range(0, total.shape[-1], _PIECE):
        piece = slice(start, start + _PIECE)
        total[:, piece] = np.median([one[:, piece] for one in given], axis=0)


def _separated(method: Method, problem: Problem, run: Run) -> Separation:
    """What one member finds, by what it makes use of."""
    known = problem.side_information.only(method.spec.side_information)
    separation = method.separate(
        problem.mixture,
        sources=problem.sources,
        score=known.score,
        f0=known.f0,
        examples=known.examples,
        labels=known.labels,
        align="never",
        seed=run.seed,
        within=run,
    )
    for remark in separation.provenance.remarks:
        run.remark(f"{method.spec.name}: {remark}")
    return separation
