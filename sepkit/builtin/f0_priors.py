"""Priors on F0: it changes slowly, and it stays near the notes of a score.

Both are integrals over time, so that they weigh the same whatever the distance between frames. Frames in which a source
is unvoiced say nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import array_api_compat
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sepkit.informed.f0_known import f0_of_notes
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior


class SmoothF0(Prior):
    """F0 changes slowly: half the integral of the squared speed in semitones per second."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.F0})

    weight: float = Field(
        default=20.0, ge=0, description="Weight relative to the misfit to a spectrogram scaled to mean 1."
    )

    @property
    def name(self) -> str:
        return "smooth-f0"

    def bind(self, layout: Layout, domain: Domain) -> Density:
        assert layout.frames_s is not None
        return _SmoothF0(self.weight, np.diff(layout.frames_s))


class NearScore(Prior):
    """F0 stays near the notes: half the integral of the squared distance in semitones, while a note sounds.

    Sources that are no part of the score are left alone.
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.F0})
    needs: ClassVar[frozenset[str]] = frozenset({"score"})

    weight: float = Field(
        default=20_000.0, ge=0, description="Weight relative to the misfit to a spectrogram scaled to mean 1."
    )

    def vacuous(self, layout: Layout, domain: Domain) -> str | None:
        score = layout.side_information.score
        assert score is not None
        if set(layout.sources) & set(score.parts):
            return None
        return "knows none of the sources: give sources the names of parts, or rename parts with --parts"

    def bind(self, layout: Layout, domain: Domain) -> Density:
        score, frames_s = layout.side_information.score, layout.frames_s
        assert score is not None
        assert frames_s is not None
        notes_hz = np.stack([f0_of_notes(score.part(source).notes, frames_s, 0.0) for source in layout.sources])
        frame_s = float(np.median(np.diff(frames_s))) if len(frames_s) > 1 else 1.0
        return _NearScore(self.weight * frame_s, notes_hz)


@dataclass(frozen=True, eq=False)
class _SmoothF0:
    weight: float
    steps_s: NDArray[np.float64]

    def log_prob(self, value: Any) -> Any:
        xp = array_api_compat.array_namespace(value)
        changes, steps_s = self._changes(xp, value)
        return -self.weight / 2 * xp.sum(changes**2 / steps_s)

    def gradient(self, value: Any) -> Any:
        xp = array_api_compat.array_namespace(value)
        changes, steps_s = self._changes(xp, value)
        speed = changes / steps_s
        nothing = _known(xp, value[:, :1]) * 0
        pull = xp.concat([speed, nothing], axis=1) - xp.concat([nothing, speed], axis=1)
        return self.weight * pull * _slope_of_semitones(xp, value)

    def _changes(self, xp: Any, value: Any) -> tuple[Any, Any]:
        """In semitones from frame to frame; zero where either is unvoiced."""
        semitones = 12 * xp.log2(value)
        return _known(xp, semitones[:, 1:] - semitones[:, :-1]), _like(xp, self.steps_s, value)


@dataclass(frozen=True, eq=False)
class _NearScore:
    weight: float
    notes_hz: NDArray[np.float64]

    def log_prob(self, value: Any) -> Any:
        xp = array_api_compat.array_namespace(value)
        return -self.weight / 2 * xp.sum(self._distance(xp, value) ** 2)

    def gradient(self, value: Any) -> Any:
        xp = array_api_compat.array_namespace(value)
        return -self.weight * self._distance(xp, value) * _slope_of_semitones(xp, value)

    def _distance(self, xp: Any, value: Any) -> Any:
        """In semitones; zero where no note sounds or the source is unvoiced."""
        return _known(xp, 12 * xp.log2(value / _like(xp, self.notes_hz, value)))


def _slope_of_semitones(xp: Any, f0_hz: Any) -> Any:
    return _known(xp, 12 / (math.log(2) * f0_hz))


def _known(xp: Any, value: Any) -> Any:
    return xp.where(xp.isfinite(value), value, xp.zeros_like(value))


def _like(xp: Any, array: NDArray[np.float64], value: Any) -> Any:
    return xp.asarray(array, dtype=value.dtype, device=array_api_compat.device(value))
