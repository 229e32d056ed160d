"""What the blocks of a recording found, put together and told to the host."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sepkit import large
from sepkit.informed.f0_told import remark_on_moved_f0
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.problem.spans import Span
from sepkit_source_filter.block import Block
from sepkit_source_filter.merged import merged_frames, told

GAINS = Domain("gains", ("sources", "frames"), nonnegative=True)
"""Of every source's filter, beside a mixture whose mean magnitude is 1."""
FILTERS = Domain("filters", ("sources", "frames", "lines"), nonnegative=True)
"""Line spectral frequencies in radians, pi being the model's highest frequency."""

_MOST_SPANS = 4
_MOST_NOISE = 0.03
"""Measured: of quartets whose sources are all known, noise explains 0.01 to 0.02 of the power; where one of four is
missing, 0.02 to 0.10."""


class Findings:
    """F0, misfits and violations of all blocks.

    Parameters
    ----------
    modelled : tuple of str
        Names of all sources that have a model.
    frames : int
        Of the recording.
    """

    def __init__(self, modelled: tuple[str, ...], frames: int) -> None:
        self.modelled = modelled
        self._frames_s = np.zeros(frames)
        self._done = 0
        self._f0_hz, self._cents = (large.empty((len(modelled), frames), np.float64) for _ in range(2))
        self._gains = large.empty((len(modelled), frames))
        self._lsf = large.empty((len(modelled), frames, 0))
        self._misfits: list[list[float]] = []
        self._losses: list[list[float]] = []
        self._violations: dict[str, float] = {}
        self._worse: list[Span] = []
        self._noise: list[float] = []

    def add(self, block: Block, span: Span) -> None:
        """Take what a block found; where blocks overlap, the first half is that of the earlier one."""
        rate = block.problem.mixture.sample_rate
        frames_s = block.frames_s + span.start / rate
        own = span.own(frames_s, rate)
        place = slice(self._done, self._done + int(np.count_nonzero(own)))
        if not self._done:
            self._lsf = large.empty((*self._gains.shape, block.lsf.shape[2]))
        self._done = place.stop
        self._frames_s[place] = frames_s[own]
        self._f0_hz[:, place] = block.f0_hz[:, own]
        self._cents[:, place] = block.moved_cents[:, own]
        self._gains[:, place] = block.gains[:, own]
        self._lsf[:, place] = block.lsf[:, own]
        self._misfits.append(block.misfits)
        self._losses.append(block.losses)
        self._noise.append(block.noise_share * (span.stop - span.start))
        for label, violation in block.violations.items():
            self._violations[label] = max(violation, self._violations.get(label, 0.0))
        if block.worse:
            self._worse.append(span)

    def report(self, problem: Problem, run: Run) -> None:
        """Tell the host all of it."""
        f0_hz, frames_s = self._f0_hz, self._frames_s
        run.report_violations(self._violations)
        for name, curves in (("misfit", self._misfits), ("loss", self._losses)):
            if curves[0]:
                run.trace(name, np.mean(curves, axis=0))
        layout = problem.layout(sources=self.modelled, frames_s=frames_s, lengths={"lines": self._lsf.shape[-1]})
        run.keep(layout, {Domain.F0: f0_hz, GAINS: self._gains, FILTERS: self._lsf})
        self._remark_on_f0(f0_hz, run)
        for span in self._worse:
            rate = problem.mixture.sample_rate
            run.remark(
                f"from {span.start / rate:.1f} to {span.stop / rate:.1f} s the all-pole model explains the recording "
                "no better than its nonnegative start, whose masks are used there"
            )
        noise = sum(self._noise) / max(1, problem.mixture.length)
        if noise > _MOST_NOISE:
            run.remark(
                f"noise, which all sources share, explains {noise:.0%} of the power: give F0 or notes of every source "
                "that sounds, also of those that you do not want"
            )
        for one, other in combinations(range(len(self.modelled)), 2):
            frames = merged_frames(f0_hz[one], f0_hz[other])
            if frames.any():
                names = f"{self.modelled[one]} and {self.modelled[other]}"
                run.remark(
                    f"{names} are in unison or octaves for "
                    f"{told(frames, frames_s, problem.mixture.duration_s, _MOST_SPANS)}: no mask can tell them apart "
                    "there, and they share by what their sound is elsewhere"
                )

    def _remark_on_f0(self, f0_hz: NDArray[np.float64], run: Run) -> None:
        for name, track, moved in zip(self.modelled, f0_hz, self._cents, strict=True):
            if not np.isfinite(track).any():
                run.remark(f"F0 of {name} is unvoiced all along: its stem holds nothing but a share of the noise")
            else:
                remark_on_moved_f0(name, moved, run)
