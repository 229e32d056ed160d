"""The method `repet`: what repeats with a period is the accompaniment."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit_classical.config import REPETConfig
from sepkit_classical.repetition import (
    REPETITIONS,
    beat_spectrum,
    local_periods,
    repeating_neighbours,
    repeating_period,
    repeating_segment,
)
from sepkit_classical.voice import Heard, VoiceSeparator, beside_background

Array = NDArray[np.floating]


class REPET(VoiceSeparator[REPETConfig]):
    """The repeating pattern extraction technique.

    The beat spectrum tells the period of the accompaniment; the median over all periods is what repeats, since a singer
    does not. In the adaptive form the period is a local one, and the median that of the nearest periods.

    References
    ----------
    Z. Rafii and B. Pardo, "Repeating pattern extraction technique (REPET): a simple method for music/voice separation",
    IEEE TASLP 21(1), 2013.
    A. Liutkus, Z. Rafii, R. Badeau, B. Pardo and G. Richard, "Adaptive filtering for music/voice separation exploiting
    the repeating musical structure", ICASSP 2012.
    """

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        config = self.config
        seen_s = min(problem.mixture.duration_s, config.context_s if config.adaptive else config.span_s)
        if config.period_s is None and seen_s < REPETITIONS * config.shortest_s:
            run.remark(
                f"in {seen_s:.2g} s no period from shortest_s {config.shortest_s:g} up is heard {REPETITIONS} times: "
                "a shorter one was taken; give a longer recording, or period_s"
            )
        return super().separate(problem, run)

    def magnitudes(self, heard: Heard) -> Array:
        config, V = self.config, heard.V
        shortest, longest, context = map(heard.frames, (config.shortest_s, config.longest_s, config.context_s))
        if config.adaptive:
            periods = local_periods(V, context, shortest, longest)
            if config.period_s is not None:
                periods[:] = heard.frames(config.period_s)
            return beside_background(V, repeating_neighbours(V, periods, config.repetitions))
        if config.period_s is not None:
            period = heard.frames(config.period_s)
        else:
            period = repeating_period(beat_spectrum(V), shortest, longest)
        return beside_background(V, repeating_segment(V, period))
