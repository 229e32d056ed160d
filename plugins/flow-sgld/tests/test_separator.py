"""The separator with priors of several kinds; none of these tests needs weights."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from sepkit import Audio, Constraint, Domain, Layout, Note, Prior, Problem, Progress, Run, Score, SideInformation
from sepkit.builtin import MixtureConsistency, ScoreConstraint
from sepkit.errors import Cancelled, ConfigError
from sepkit.problem import Hosted
from sepkit.spectral import STFT
from sepkit_flow_sgld.config import FlowSGLDConfig
from sepkit_flow_sgld.gaussian import GaussianPrior
from sepkit_flow_sgld.separator import FlowSGLD

RATE = 8000
LOW_AND_HIGH = GaussianPrior(spectra={"low": (1.0, 0.3, 0.01, 0.01), "high": (0.01, 0.01, 0.3, 1.0)})
QUICK = {"start": "noise", "chains": 3, "levels": 3, "steps": 4}


class DiffusionPrior(Prior):
    """What a denoiser knows: the score at every noise level, and no density."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    def bind(self, layout: Layout, domain: Domain) -> Any:
        return _Denoiser(0.0)


@dataclass(frozen=True)
class _Denoiser:
    sigma: float

    def smoothed(self, sigma: float) -> _Denoiser:
        return _Denoiser(sigma)

    def gradient(self, value: Any) -> Any:
        return -value / (0.01 + self.sigma**2)


def problem_of(
    mixture: Audio, *priors: Prior, constraints: tuple[Constraint, ...] = (), score: Score | None = None
) -> Problem:
    hosted = tuple(Hosted(prior, Domain.WAVEFORMS, prior.name) for prior in priors)
    bound = tuple(
        Hosted(c, next(d for d in (Domain.WAVEFORMS, Domain.SPECTROGRAMS) if d in c.domains), c.name)
        for c in constraints
    )
    return Problem(mixture, ("low", "high"), SideInformation(score), hosted, bound)


def noise(length: int = 1500, gain: float = 0.1, seed: int = 0) -> Audio:
    samples = gain * np.random.default_rng(seed).standard_normal((1, length))
    return Audio(samples.astype(np.float32), RATE)


def separated(problem: Problem, seed: int = 0, **options: Any) -> tuple[NDArray[np.float32], Run]:
    run = Run(seed=seed, device="cpu")
    with run:
        stems = FlowSGLD(FlowSGLDConfig.model_validate({**QUICK, **options})).separate(problem, run)
    assert tuple(stems) == problem.sources
    return np.stack([stem.samples for stem in stems.values()]), run


def test_gaussian_priors_give_the_wiener_filter() -> None:
    mixture = noise(500)
    options = {"chains": 100, "levels": 1, "lowest": 0.2, "steps": 80, "select": "mean", "precondition": True}
    stems, run = separated(problem_of(mixture, LOW_AND_HIGH), **options)
    at = np.linspace(0, 3, 251)
    low, high = (np.interp(at, range(4), row) for row in LOW_AND_HIGH.spectra.values())
    wanted = np.fft.irfft(np.fft.rfft(mixture.samples[0]) * low / (low + high), n=500)
    error = np.sqrt(np.mean((stems[0, 0] - wanted) ** 2) / np.mean(wanted**2))
    assert error < 0.12
    assert run.uncertainty["low"].samples.mean() > 0


@pytest.mark.parametrize("prior", [LOW_AND_HIGH, DiffusionPrior()], ids=["gaussian", "diffusion"])
@pytest.mark.parametrize("length", [1, 2, 7, 999])
def test_any_prior_and_any_length(prior: Prior, length: int) -> None:
    mixture = noise(length)
    for start in ("noise", "periodic", "wiener"):
        stems, run = separated(problem_of(mixture, prior), start=start)
        np.testing.assert_allclose(stems.sum(0), mixture.samples, atol=1e-5)
        assert run.uncertainty["low"].samples.shape == mixture.samples.shape


def test_wiener_starts_are_the_wiener_filter_by_the_spectra_that_priors_expect() -> None:
    mixture = noise(500)
    hardly_sampled = {"start": "wiener", "levels": 1, "lowest": 1e-4, "steps": 1}
    at = np.linspace(0, 3, 251)
    low, high = (np.interp(at, range(4), row) for row in LOW_AND_HIGH.spectra.values())
    filtered = np.fft.irfft(np.fft.rfft(mixture.samples[0]) * low / (low + high), n=500)
    for prior, wanted in ((LOW_AND_HIGH, filtered), (DiffusionPrior(), mixture.samples[0] / 2)):
        stems, _ = separated(problem_of(mixture, prior), **hardly_sampled)
        np.testing.assert_allclose(stems[0, 0], wanted, atol=1e-3)


def test_priors_may_answer_with_read_only_arrays_that_run_backwards() -> None:
    class FlatPrior(DiffusionPrior):
        def bind(self, layout: Layout, domain: Domain) -> Any:
            return self

        def gradient(self, value: Any) -> Any:
            answer = np.zeros(value.shape, np.float32)[..., ::-1]
            answer.flags.writeable = False
            return answer

    stems, _ = separated(problem_of(noise(), FlatPrior()))
    assert np.isfinite(stems).all()


def test_chains_without_a_density_are_told_apart_by_denoising_or_averaged() -> None:
    """Where priors know how to denoise the likeliest chain is the result; the mean has to be asked for."""
    problem = problem_of(noise(), DiffusionPrior())
    ranked, _ = separated(problem)
    averaged, _ = separated(problem, select="mean")
    assert not np.array_equal(ranked, averaged)
    np.testing.assert_allclose(ranked.sum(0), problem.mixture.samples, atol=1e-5)


def test_priors_in_absolute_units_get_the_recordings_own() -> None:
    """A denoiser of signals of variance 0.01 leaves as much of a mixture as it expects, however loud that is."""
    spreads = []
    for gain in (0.1, 10.0):
        problem = problem_of(noise(300, gain), DiffusionPrior())
        draws = [separated(problem, seed, chains=1, levels=1, steps=80, lowest=0.3)[0][0] for seed in range(10)]
        spreads.append(float(np.std(draws, axis=0).mean()))
    assert spreads[1] < 20 * spreads[0]


def test_what_a_denoiser_does_not_find_again_is_doubted() -> None:
    """Stems ten thousand times as strong as the denoiser expects: it takes nearly all of them for noise."""
    _, run = separated(problem_of(noise(300, 10.0), DiffusionPrior()), chains=1)
    assert run.uncertainty["low"].samples.mean() > 1


def test_louder_mixtures_give_equally_louder_stems() -> None:
    plain, _ = separated(problem_of(noise(), LOW_AND_HIGH))
    louder, run = separated(problem_of(noise(gain=100.0), LOW_AND_HIGH))
    np.testing.assert_allclose(louder, 1000 * plain, rtol=1e-3, atol=0.05)
    assert run.uncertainty["low"].samples.max() > 1


def test_equal_seeds_give_equal_bytes() -> None:
    problem = problem_of(noise(), LOW_AND_HIGH)
    first, again, other = (separated(problem, seed)[0].tobytes() for seed in (1, 1, 2))
    assert first == again != other


def test_silence_stays_silent() -> None:
    stems, run = separated(problem_of(Audio(np.zeros((1, 500), np.float32), RATE), LOW_AND_HIGH))
    assert not stems.any()
    assert not run.uncertainty["high"].samples.any()


def test_cancels_within_one_step() -> None:
    cancel, events = threading.Event(), []

    def report(event: Progress) -> None:
        events.append(event.done)
        if event.done == 5:
            cancel.set()

    run = Run(device="cpu", reporter=report, cancel=cancel)
    with pytest.raises(Cancelled), run:
        FlowSGLD(FlowSGLDConfig.model_validate(QUICK)).separate(problem_of(noise(), LOW_AND_HIGH), run)
    assert events[-1] <= 6


def test_progress_ends_with_the_last_step() -> None:
    events: list[Progress] = []
    run = Run(device="cpu", reporter=events.append)
    with run:
        options = {**QUICK, "window_s": 0.1, "overlap_s": 0.05}
        FlowSGLD(FlowSGLDConfig.model_validate(options)).separate(problem_of(noise(), LOW_AND_HIGH), run)
    assert {event.total for event in events} == {3 * 12}
    assert events[-1].done == events[-1].total


def test_windows_agree_at_their_seams() -> None:
    """Unlike white sources, a constant one tells at a seam whether the next window went on with it."""
    problem = problem_of(noise(4000), LOW_AND_HIGH)
    options = {"levels": 6, "steps": 10, "lowest": 0.02, "chains": 2}
    stems, run = separated(problem, window_s=0.125, overlap_s=0.06, **options)
    assert len(run.traces["log density of windows"]) == 7
    np.testing.assert_allclose(stems.sum(0), problem.mixture.samples, atol=1e-5)
    jumps = np.abs(np.diff(stems[0, 0]))
    seams = np.concatenate([np.arange(start, start + 480) for start in range(520, 3000, 520)])
    assert jumps[seams].mean() < 1.5 * np.delete(jumps, seams).mean()


def test_mixture_consistency_can_be_declared_and_is_reported() -> None:
    _, run = separated(problem_of(noise(), LOW_AND_HIGH, constraints=(MixtureConsistency(),)))
    assert run.violations["mixture-consistency"] < 1e-6


def test_a_score_keeps_stems_silent_outside_their_notes() -> None:
    mixture = noise(4000)
    score = Score((Note(0.0, 0.2, 60, part="low"), Note(0.0, 0.5, 84, part="high")))
    constraint = ScoreConstraint(before_s=0.0, after_s=0.0, cents=100)
    stems, run = separated(problem_of(mixture, LOW_AND_HIGH, constraints=(constraint,), score=score))
    assert run.violations["score"] < 1e-6
    # A window's length after its last note, only spectral leakage is left.
    low = np.abs(stems[0, 0])
    assert low[round(0.3 * RATE) :].max() < 0.01 * low[: round(0.2 * RATE)].max()
    spectrum = STFT(2048, 512).magnitude(stems[1, 0])
    partial = round(1046.5 / RATE * 2048)
    assert spectrum[partial - 2 : partial + 3].max() > 10 * spectrum[partial // 2 - 2 : partial // 2 + 3].max()


def test_sources_without_a_flow_are_noise_and_a_remark_says_so() -> None:
    stems, run = separated(Problem(noise(), ("low", "high")))
    assert stems.any()
    assert run.remarks == [
        "there is no flow for low, high, only for no source: their stems are little more than equal shares of the "
        "mixture; train flows of them (sepkit train flow) and give them with --weights, or declare priors"
    ]


def test_names_are_needed_where_no_flow_gives_any() -> None:
    with pytest.raises(ConfigError, match="the sources need names"):
        separated(Problem(noise()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"highest": 0.01, "lowest": 0.1}, "lowest needs to be at most highest"),
        ({"window_s": 1, "overlap_s": 0.6}, "overlap_s needs to be at most half of window_s"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FlowSGLDConfig.model_validate(options)
