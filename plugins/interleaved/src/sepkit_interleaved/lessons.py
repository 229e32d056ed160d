"""What a network learns by: masks are to make targets of mixtures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit_interleaved.hearing import heard
from sepkit_interleaved.recordings import Excerpts, Samples
from sepkit_interleaved.sizes import Plan

Kind = Literal["l1", "mse", "phase"]

_FLOOR = 1e-8
"""Least mean square whose root is taken, relative to noise of the mixture's level."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """A batch as a network sees it, and what its masks are measured by.

    The difference between masked mixture and target has the mean square ``M^2 |X|^2 - 2 M X S + |S|^2`` over the bins
    of a band, whose mask M is one: the three means are all that is kept.

    Attributes
    ----------
    heard : Tensor [shape=(batch, channels, frames, bands)]
    mixture : Tensor [shape=(batch, 1, channels, frames, bands)]
        Mean of ``|X|^2``, relative to the level of each mixture.
    both, stems : Tensor [shape=(batch, targets, channels, frames, bands)]
        Means of the product of mixture and target, and of ``|S|^2``.
    """

    heard: Tensor
    mixture: Tensor
    both: Tensor
    stems: Tensor

    @classmethod
    def of(
        cls,
        parts: Samples,
        plan: Plan,
        kind: Kind,
        device: torch.device,
        filters: NDArray[np.floating] | None = None,
    ) -> Lesson:
        """The lesson of mixtures.

        Parameters
        ----------
        parts : ndarray [shape=(batch, targets + 1, channels, samples)]
            The targets, and the rest.
        plan : Plan
        kind : str
            With ``"phase"`` the product is that of complex spectra, whose phases tell how much of a bin can be had;
            otherwise that of magnitudes.
        device : torch.device
        filters : ndarray [shape=(batch, targets + 1, bins)], optional
            By which every part is filtered before they are mixed.
        """
        # One by one, since a whole batch of spectra is more than processors have at hand.
        drawn = [None] * len(parts) if filters is None else filters.astype(np.float32)
        each = [_means(one, plan, kind, own) for one, own in zip(parts, drawn, strict=True)]
        return cls(*(torch.from_numpy(np.stack(values)).to(device) for values in zip(*each, strict=True)))

    def difference(self, mask: Tensor, row: int, kind: Kind) -> Tensor:
        """How far a masked mixture is from a target, in the mean over channels, frames and bands.

        Parameters
        ----------
        mask : Tensor [shape=(batch, channels, frames, bands)]
        row : int
            Of the target.
        kind : str
            ``"mse"``: of the mean squares in every band; otherwise of their roots.
        """
        square = mask.square() * self.mixture[:, 0] - 2 * mask * self.both[:, row] + self.stems[:, row]
        # With a floor, for the root of zero has no slope.
        return square.mean() if kind == "mse" else square.clamp_min(_FLOOR).sqrt().mean()


def random_filters(count: int, plan: Plan, most_db: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Gains that are drawn at the octaves, up to so many dB, with straight lines in between [shape=(count, bins)]."""
    octaves = np.log2(np.maximum(np.arange(plan.stft.bins), 1))
    points = np.arange(math.ceil(octaves[-1]) + 1)
    curves_db = [np.interp(octaves, points, rng.uniform(-most_db, most_db, len(points))) for _ in range(count)]
    return np.asarray(10 ** (np.stack(curves_db) / 20))


def shown(excerpts: Excerpts, plan: Plan, kind: Kind, device: torch.device, most: int) -> list[Lesson]:
    """Lessons of recordings as they were played, for validation: at most so many."""
    return [Lesson.of(parts[np.newaxis], plan, kind, device) for parts in excerpts.spread(most)]


def relative(mask: Callable[[Tensor], Tensor], lessons: Sequence[Lesson], kind: Kind) -> float:
    """The mean difference of a target, relative to that of silence: 1 for a mask of zeros.

    Parameters
    ----------
    mask : callable
        Of the one target of the lessons, from what is heard.
    lessons : sequence of Lesson
    kind : str
        As of `Lesson.difference`.
    """
    done = silence = 0.0
    for lesson in lessons:
        found = mask(lesson.heard)
        done += float(lesson.difference(found, 0, kind))
        silence += float(lesson.difference(torch.zeros_like(found), 0, kind))
    return done / silence


def _power(spectra: NDArray[np.complexfloating]) -> NDArray[np.floating]:
    power: NDArray[np.floating] = np.square(spectra.real) + np.square(spectra.imag)
    return power


def _means(
    parts: Samples, plan: Plan, kind: Kind, filters: NDArray[np.floating] | None
) -> tuple[NDArray[np.floating], ...]:
    """What a lesson keeps of one mixture."""
    P = _whole_frames(parts, plan)
    if filters is not None:
        P *= filters[:, np.newaxis, np.newaxis]
    X, S = P.sum(axis=0), P[:-1]
    power, powers = _power(X), _power(S)
    product = X.real * S.real + X.imag * S.imag if kind == "phase" else np.sqrt(power * powers)
    square = power.mean() or power.dtype.type(1)
    means = [plan.masked.mean(values) / square for values in (power[np.newaxis], product, powers)]
    return (heard(X / np.sqrt(square), plan), *means)


def _whole_frames(samples: Samples, plan: Plan) -> NDArray[np.complexfloating]:
    """Spectra of those frames that lie within the samples [shape=(..., frames, bins)]."""
    stft, length = plan.stft, samples.shape[-1]
    centres = stft.frames_s(length, 1)
    first = int(np.searchsorted(centres, stft.window_length // 2))
    last = int(np.searchsorted(centres, length - stft.window_length // 2, side="right"))
    spectra: NDArray[np.complexfloating] = np.swapaxes(
        stft.forward(samples, slice(first, max(last, first + 1))), -1, -2
    )
    return spectra
