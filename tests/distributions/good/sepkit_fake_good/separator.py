"""A method that shares the mixture out equally and keeps count of what it was given."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from sepkit import Audio, Problem, Run, Separator
from sepkit_fake_good.config import HalveConfig


class Halve(Separator[HalveConfig]):
    """Every stem is an equal share of the mixture."""

    def __init__(self, config: HalveConfig) -> None:
        super().__init__(config)
        self.loads = 0

    def load(self, weights: Path | None, run: Run) -> None:
        self.loads += 1

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        if self.config.fault == "raise":
            raise ZeroDivisionError("on purpose")
        if self.config.fault == "exit":
            sys.exit("on purpose")
        for _ in run.steps(self.config.steps, "halve"):
            pass
        names = problem.sources or ("first", "second")
        run.trace("loads", [self.loads])
        run.trace("priors", [prior.statement.weight for prior in problem.priors])
        score = problem.side_information.score
        run.trace("notes", [note.pitch for note in score.notes] if score else [])
        for source, track in problem.side_information.f0.items():
            run.trace(f"f0 of {source}", track.f0_hz)
        share = Audio(problem.mixture.samples / len(names), problem.mixture.sample_rate)
        return dict.fromkeys(names, share)
