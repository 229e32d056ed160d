"""Constraints on spectrograms, hosted by a method whose variable is waveforms."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.spectral import STFT


class SpectralProjection:
    """Projects the magnitudes of the stems' spectra, and gives the gap to the mixture where stems may sound.

    Stems whose spectra sum to the mixture's sum to the mixture; where no stem may sound, it stays in the residual.

    Parameters
    ----------
    problem : Problem
        Its mixture has one channel.
    sources : tuple of str
    stft : STFT
    """

    def __init__(self, problem: Problem, sources: tuple[str, ...], stft: STFT) -> None:
        mixture = problem.mixture
        self._stft, self._length = stft, mixture.length
        layout = problem.layout(
            sources=sources,
            bins_hz=stft.bins_hz(mixture.sample_rate),
            frames_s=stft.frames_s(mixture.length, mixture.sample_rate),
        )
        self._bound = problem.bind_constraints(layout, Domain.SPECTROGRAMS)
        if self._bound:
            self._mixture = stft.forward(mixture.samples[0])

    def __bool__(self) -> bool:
        return bool(self._bound)

    def project(self, stems: Tensor) -> Tensor:
        """Stems [shape=(sources, 1, samples)] that are made of allowed spectra."""
        projected = self._stft.inverse(self._allowed(stems.cpu().numpy()), self._length)[:, np.newaxis]
        return torch.as_tensor(projected, dtype=stems.dtype, device=stems.device)

    def violations(self, stems: NDArray[np.floating]) -> dict[str, float]:
        """How far the spectra of which the stems are made are from being allowed."""
        return self._bound.violations(np.abs(self._allowed(stems))) if self._bound else {}

    def _allowed(self, stems: NDArray[np.floating]) -> NDArray[np.complexfloating]:
        spectra = self._projected(self._stft.forward(stems[:, 0]))
        sounding = spectra != 0
        gap = (self._mixture - spectra.sum(axis=0)) / np.maximum(sounding.sum(axis=0), 1)
        return self._projected(spectra + sounding * gap)

    def _projected(self, spectra: NDArray[np.complexfloating]) -> NDArray[np.complexfloating]:
        """The spectra with projected magnitudes and their own phases."""
        magnitudes = np.abs(spectra)
        projected = self._bound.project(magnitudes)
        ratio: NDArray[np.floating] = np.divide(
            projected, magnitudes, out=np.zeros_like(magnitudes), where=magnitudes > 0
        )
        return spectra * ratio
