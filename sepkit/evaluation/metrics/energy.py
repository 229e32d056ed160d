"""Ratios of energies over the whole signal: plain SDR, and the scale-invariant figures.

References
----------
J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sepkit.evaluation.metric import Figure, Metric
from sepkit.evaluation.metrics.blocks import decibels, energies, paired_blocks
from sepkit.evaluation.stems import Stems
from sepkit.problem.run import Run

_ROUNDING = 1e-25
"""What projections in double precision leave of a signal that they should remove, as a share of its energy."""


class SDR(Metric):
    """Plain signal-to-distortion ratio: energy of the reference over energy of the error, all channels together.

    Infinite for a perfect estimate, 0 dB for a silent one, NaN for a silent reference.
    """

    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("SDR", "energy of the reference over that of the error (estimate less reference), all channels as one"),
    )

    def measure(self, references: Stems, estimates: Stems, run: Run) -> Mapping[str, NDArray[np.floating]]:
        signal, error = np.zeros((2, len(references.names)))
        for truth, guess in paired_blocks(references, estimates, run, "plain SDR"):
            signal += energies(truth)
            error += energies(guess - truth)
        return {"SDR": np.where(signal > 0, decibels(signal, error), np.nan)}


class SISDR(Metric):
    """Scale-invariant ratios to distortion, interference and artifacts, after Le Roux et al.

    The estimate is the sum of three parts: the target, its orthogonal projection on its own reference (one gain for
    all channels, no mean removed); interference, its projection on the span of all references less the target; and
    artifacts, what is left. A silent reference is no direction to project on: its own figures are NaN, the others' are
    as if it were not there. A silent estimate has no part of its reference: SI-SDR is minus infinite; without
    interference and artifacts, SI-SIR and SI-SAR are NaN. Parts below -250 dB of the estimate are rounding, and count
    as zero.
    """

    figures: ClassVar[tuple[Figure, ...]] = (
        Figure("SI-SDR", "energy of the target, the estimate's projection on its reference, over that of all the rest"),
        Figure(
            "SI-SIR", "energy of the target over that of the interference, the rest of the projection on all references"
        ),
        Figure("SI-SAR", "energy of the target over that of the artifacts, what is orthogonal to all references"),
    )

    @property
    def name(self) -> str:
        """As it is published."""
        return "si-sdr"

    def measure(self, references: Stems, estimates: Stems, run: Run) -> Mapping[str, NDArray[np.floating]]:
        gram, cross, loudness = _inner_products(references, estimates, run)
        own, all_of_them = _gains(gram, cross)
        # A second pass over the signals: a small error that is the difference of inner products would be all rounding.
        target, error, interference, artifacts = parts = np.zeros((4, len(references.names)))
        for truth, guess in paired_blocks(references, estimates, run, "SI-SDR: energies"):
            on_own = own[:, np.newaxis, np.newaxis] * truth
            on_all = np.einsum("re,rct->ect", all_of_them, truth)
            target += energies(on_own)
            error += energies(guess - on_own)
            interference += energies(on_all - on_own)
            artifacts += energies(guess - on_all)
        parts[parts < _ROUNDING * loudness] = 0
        si_sdr = np.where(loudness > 0, decibels(target, error), -np.inf)
        ratios = np.stack([si_sdr, decibels(target, interference), decibels(target, artifacts)])
        ratios[:, np.diag(gram) == 0] = np.nan
        return dict(zip(("SI-SDR", "SI-SIR", "SI-SAR"), ratios, strict=True))


def _inner_products(
    references: Stems, estimates: Stems, run: Run
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Of references [shape=(sources, sources)], of references and estimates, and energies of estimates."""
    sources = len(references.names)
    gram, cross, loudness = np.zeros((sources, sources)), np.zeros((sources, sources)), np.zeros(sources)
    for truth, guess in paired_blocks(references, estimates, run, "SI-SDR: gains"):
        # einsum, for sums this small, outpaces what spreads over threads.
        gram += np.einsum("rct,sct->rs", truth, truth)
        cross += np.einsum("rct,ect->re", truth, guess)
        loudness += energies(guess)
    return gram, cross, loudness


def _gains(gram: NDArray[np.float64], cross: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gains of the projections on the own reference [shape=(sources,)] and on all [shape=(references, estimates)]."""
    loudness = np.diag(gram)
    # As if all references were equally loud, or a quiet one would be taken for one that depends on the others.
    norms = np.sqrt(np.where(loudness > 0, loudness, 1))
    on_all = np.linalg.lstsq(gram / np.outer(norms, norms), cross / norms[:, np.newaxis], rcond=None)[0]
    return np.diag(cross) / norms**2, on_all / norms[:, np.newaxis]
