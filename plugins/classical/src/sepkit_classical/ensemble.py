"""The method `ensemble`: what several methods find, combined."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import Cancelled, ConfigError
from sepkit.music.audio import Audio
from sepkit.plugin.registry import Registry
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.method import Method
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

    @property
    def sources(self) -> tuple[str, ...]:
        """The names that all members always give; empty when one can be asked for any."""
        registry = Registry.discover()
        given = [registry.separator(member.method).sources for member in self.config.members]
        return tuple(name for name in given[0] if all(name in names for names in given)) if all(given) else ()

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        registry = Registry.discover()
        members = self.config.members
        weights = np.array([member.weight for member in members], np.float32)
        steps = run.steps(len(members), "members")
        found = [_separated(members[index], problem, registry, run) for index in steps]
        names = problem.sources or found[0].sources
        for member, separation in zip(members, found, strict=True):
            missing = [name for name in names if name not in separation.sources]
            if missing:
                raise ConfigError(
                    f"member '{member.method}' of the ensemble gives {', '.join(separation.sources)} and no "
                    f"{', '.join(missing)}; take members that give stems of the same names"
                )
        stems = {name: [separation[name].samples for separation in found] for name in names}
        combined = {name: self._combined(given, weights / weights.sum()) for name, given in stems.items()}
        if self.config.combine == "median" and all(_sums(member, registry) for member in members):
            missed = (problem.mixture.samples - np.sum([*combined.values()], axis=0)) / np.float32(len(combined))
            combined = {name: samples + missed for name, samples in combined.items()}
        return {name: Audio(samples, problem.mixture.sample_rate) for name, samples in combined.items()}

    def _combined(self, given: list[Array], weights: Array) -> Array:
        """[shape=(channels, samples)]."""
        combined = np.zeros_like(given[0])
        for start in range(0, combined.shape[-1], _PIECE):
            piece = slice(start, start + _PIECE)
            if self.config.combine == "median":
                combined[:, piece] = np.median([one[:, piece] for one in given], axis=0)
            else:
                for one, weight in zip(given, weights, strict=True):
                    combined[:, piece] += weight * one[:, piece]
        return combined


def _separated(member: Member, problem: Problem, registry: Registry, run: Run) -> Separation:
    """What one member finds, with what the ensemble was given and its own options."""
    known = problem.side_information
    method = Method(member.method, config=member.config, device=run.device, registry=registry)
    kinds = method.spec.side_information
    separation = method.separate(
        problem.mixture,
        sources=problem.sources,
        score=known.score if "score" in kinds else None,
        f0=known.f0 if "f0" in kinds else None,
        examples=known.examples if "examples" in kinds else None,
        align="never",
        seed=run.seed,
        cancel=_Stop(run),
    )
    for remark in separation.provenance.remarks:
        run.remark(f"{member.method}: {remark}")
    return separation


def _sums(member: Member, registry: Registry) -> bool:
    return "sums-to-mixture" in registry.separator(member.method).traits


class _Stop:
    """Whether the ensemble's host wants to stop, for its members."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def is_set(self) -> bool:
        """True from when the host wants to stop."""
        try:
            self._run.check_cancelled()
        except Cancelled:
            return True
        return False
