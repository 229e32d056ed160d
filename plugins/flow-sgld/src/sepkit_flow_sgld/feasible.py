"""All that is asked of the stems, as one projection of all chains."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.builtin import MixtureConsistency
from sepkit.problem.constraint import BoundConstraints
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.spectral import STFT
from sepkit_flow_sgld.spectral_projection import SpectralProjection


class FeasibleSet:
    """The constraints of one window: the mixture's first, then those that were declared.

    Parameters
    ----------
    problem : Problem
    sources : tuple of str
    level : float
        The sampler's values times this are waveforms of the recording.
    stft : STFT
        In which constraints on spectrograms hold.
    """

    def __init__(self, problem: Problem, sources: tuple[str, ...], level: float, stft: STFT) -> None:
        layout = problem.layout(sources=sources)
        self._level = level
        self._spectral = SpectralProjection(problem, sources, stft)
        self._consistency = MixtureConsistency().bind(layout, Domain.WAVEFORMS)
        self._declared = problem.bind_constraints(layout, Domain.WAVEFORMS)

    def project(self, chains: Tensor) -> Tensor:
        """Allowed stems near those of every chain [shape=(chains, sources, channels, samples)]."""
        waveforms = self._level * chains
        if self._spectral:
            # It shares the gap to the mixture out by itself, and leaves what no source may sound to the residual.
            waveforms = torch.stack([self._spectral.project(stems) for stems in waveforms])
        else:
            # Consistency is a matter of the first axis: any others may follow.
            waveforms = self._consistency.project(waveforms.movedim(0, 1)).movedim(1, 0)
        if self._declared:
            waveforms = torch.stack([self._declared.project(stems) for stems in waveforms])
        return waveforms / self._level

    def project_stems(self, stems: NDArray[np.float32]) -> tuple[NDArray[np.float32], dict[str, float]]:
        """Allowed stems near `stems`, and the violations that are left of what was declared."""
        if self._spectral:
            projected = (self.project(torch.from_numpy(stems)[None] / self._level) * self._level)[0].numpy()
        else:
            mixture = ("mixture", self._consistency)
            projected = BoundConstraints((mixture, *self._declared.projections)).project_waveforms(stems)
        return projected, {**self._spectral.violations(projected), **self._declared.violations(projected)}
