"""F0 of sources in a recording, from what is known of it: searched around that, then made to follow the recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sepkit.informed.f0_following import FollowingF0
from sepkit.informed.f0_known import known_f0
from sepkit.informed.f0_refinement import offsets_cents
from sepkit.informed.moving_partials import bins_below
from sepkit.informed.source_filter import SourceFilterModel
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.side import SideInformation
from sepkit.problem.domain import Domain
from sepkit.problem.excerpt import excerpt
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.problem.spans import spans_of
from sepkit.spectral import STFT

WINDOW_S, OVERLAP = 0.11, 4
"""Long enough to tell the partials of two voices a tone apart, short enough for vibrato."""
HIGHEST_HZ = 8000.0
ENVELOPES = 8
ROUNDS = 6
BLOCK_S = 30.0
_POINTS = 4
"""Of F0 from one frame to the next."""


@dataclass(eq=False)
class Tracking:
    """F0 in a recording that fits into memory.

    Parameters
    ----------
    problem : Problem
    sources : sequence of str
        Each with an F0 track or notes in the side information.
    stft : STFT
    highest_hz : float
        The model of the recording reaches up to here.

    Attributes
    ----------
    X : ndarray [shape=(frames, bins)]
        Magnitudes of the mixture up to `highest_hz`, with a mean of 1.
    level : float
        The mean that they had.
    bins_hz : ndarray [shape=(bins,)]
    frames_s : ndarray [shape=(frames,)]
    given_hz : ndarray [shape=(sources, points)]
    follower : FollowingF0
        The F0 that there are.
    """

    problem: Problem
    sources: Sequence[str]
    stft: STFT
    highest_hz: float = HIGHEST_HZ

    def __post_init__(self) -> None:
        mixture, sources = self.problem.mixture, tuple(self.sources)
        rate = mixture.sample_rate
        highest_hz = min(self.highest_hz, rate / 2)
        bins = bins_below(self.stft, rate, highest_hz)
        self.bins_hz = self.stft.bins_hz(rate)[:bins]
        self.frames_s = self.stft.frames_s(mixture.length, rate)
        self.X = mean_magnitude(self.stft, mixture.samples)[:, :bins]
        self.level = float(self.X.mean()) or 1.0
        self.X /= np.float32(self.level)
        steps = np.arange(_POINTS * (len(self.frames_s) - 1) + 1) * (self.stft.hop / rate / _POINTS)
        times_s = self.frames_s[0] + steps
        self.given_hz = known_f0(self.problem.side_information, sources, times_s)
        layout = self.problem.layout(sources=sources, frames_s=times_s)
        self.follower = FollowingF0(
            times_s=times_s,
            f0_hz=self.given_hz,
            frames_s=self.frames_s,
            stft=self.stft,
            sample_rate=rate,
            highest_hz=highest_hz,
            densities=self.problem.bind_priors(layout, Domain.F0),
            constraints=self.problem.bind_constraints(layout, Domain.F0),
        )

    def model(self, envelopes: int, rng: np.random.Generator) -> SourceFilterModel:
        """A model of the mixture to start with."""
        return SourceFilterModel.drawn(self.bins_hz, len(self.given_hz), len(self.frames_s), envelopes, rng)

    def refine(self, model: SourceFilterModel, rounds: int) -> Iterator[float]:
        """Fit F0 and model to the recording; gives the misfit in every round."""
        if rounds:
            cents = offsets_cents(self.X, self.at_frames(self.given_hz), float(self.bins_hz[1]))
            along = np.stack([np.interp(self.follower.times_s, self.frames_s, offset) for offset in cents])
            self.follower.f0_hz = self.given_hz * 2 ** (along / 1200)
        yield from self.follower.rounds(self.X, model, rounds)
        if self.follower.constraints:
            self.follower.f0_hz = self.follower.constraints.project(self.follower.f0_hz)

    @property
    def f0_hz(self) -> NDArray[np.float64]:
        """[shape=(sources, frames)]."""
        return self.at_frames(self.follower.f0_hz)

    @property
    def moved_cents(self) -> NDArray[np.float64]:
        """From the F0 that was given, NaN where unvoiced [shape=(sources, frames)]."""
        return np.asarray(1200 * np.log2(self.f0_hz / self.at_frames(self.given_hz)))

    @staticmethod
    def at_frames(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of values at all points those at the frames."""
        return values[:, ::_POINTS]


def track_f0(
    mixture: Audio,
    known: SideInformation,
    sources: Sequence[str],
    run: Run,
    rounds: int = ROUNDS,
    stage: str = "follow F0",
) -> dict[str, F0Track]:
    """F0 of every source over a whole recording, which may be long.

    Parameters
    ----------
    mixture : Audio
    known : SideInformation
        With a score or F0 tracks.
    sources : sequence of str
    run : Run
    rounds : int
        In which F0 is made to follow the recording.
    stage : str
        What the progress is called.

    Returns
    -------
    tracks : dict of str to F0Track

    Raises
    ------
    SideInformationError
        If a source has neither notes nor a track.
    """
    problem = Problem(mixture, tuple(sources), known)
    stft = STFT.of_duration(WINDOW_S, OVERLAP, mixture.sample_rate)
    spans = spans_of(mixture.length, mixture.sample_rate, BLOCK_S, stft.hop)
    pieces: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []

    def work() -> Iterator[None]:
        for span in spans:
            tracking = Tracking(excerpt(problem, span.start, span.stop), sources, stft)
            for _ in tracking.refine(tracking.model(ENVELOPES, run.rng), rounds):
                yield
            times_s = tracking.follower.times_s + span.start / mixture.sample_rate
            own = span.own(times_s, mixture.sample_rate) & (times_s >= 0) & (times_s <= mixture.duration_s)
            pieces.append((times_s[own], tracking.follower.f0_hz[:, own]))
            yield

    steps = work()
    for _ in run.steps(len(spans) * (rounds + 1), stage):
        next(steps)
    times_s = np.concatenate([piece[0] for piece in pieces])
    f0_hz = np.concatenate([piece[1] for piece in pieces], axis=1)
    return {source: F0Track(times_s, track) for source, track in zip(sources, f0_hz, strict=True)}


def mean_magnitude(stft: STFT, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Root of the mean power of all channels [shape=(frames, bins)]; channels cannot cancel in it."""
    power = np.zeros((stft.frames(samples.shape[-1]), stft.bins), np.float32)
    for channel in samples:
        power += np.square(stft.magnitude(channel).T)
    return np.sqrt(power / len(samples))
