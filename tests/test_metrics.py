"""Plain SDR and the scale-invariant figures: against other implementations, their identities, silence and extremes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit import Audio
from sepkit.errors import Cancelled
from sepkit.evaluation import Metric, Stems
from sepkit.evaluation.metrics import blocks
from sepkit.evaluation.metrics.bss_eval import BSSEval
from sepkit.evaluation.metrics.energy import SDR, SISDR
from sepkit.problem.run import Progress, Run

RATE = 8000

Signals = NDArray[np.floating]


def stems(signals: Signals) -> Stems:
    return Stems({f"source {row}": Audio(samples, RATE) for row, samples in enumerate(signals)})


def measure(metric: Metric, estimates: Signals, references: Signals) -> dict[str, NDArray[np.floating]]:
    """All figures of signals [shape=(sources, channels, samples)], without warnings."""
    return dict(metric.measure(stems(references), stems(estimates), Run()))


def scene(sources: int, channels: int = 1, length: int = 500, seed: int = 0) -> tuple[Signals, Signals]:
    """Estimates with interference and artifacts, and their references."""
    rng = np.random.default_rng(seed)
    references = rng.standard_normal((sources, channels, length)).astype(np.float32)
    leak = rng.uniform(-0.4, 0.4, (sources, sources)) + np.eye(sources)
    estimates = np.einsum("er,rct->ect", leak, references) + 0.2 * rng.standard_normal(references.shape)
    return estimates.astype(np.float32), references


@pytest.fixture(params=[1, 7, 64, 1 << 18])
def block_values(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that there are seams, and that a block does not divide the signals."""
    monkeypatch.setattr(blocks, "_BLOCK_VALUES", request.param)


scenes = st.builds(
    scene,
    sources=st.integers(1, 4),
    channels=st.integers(1, 3),
    length=st.integers(20, 300),
    seed=st.integers(0, 1 << 30),
)
exact_gains = st.builds(lambda power, sign: sign * 2.0**power, st.integers(-30, 30), st.sampled_from([1, -1]))


@pytest.mark.usefixtures("block_values")
@pytest.mark.parametrize("channels", [1, 2])
def test_ratios_equal_those_of_torchmetrics(channels: int) -> None:
    torch = pytest.importorskip("torch")
    audio = pytest.importorskip("torchmetrics.functional.audio")
    estimates, references = scene(3, channels, 501)
    # All channels as one: one gain for them together is the gain of the signals in a row.
    given, truth = (torch.tensor(signals.astype(np.float64).reshape(3, -1)) for signals in (estimates, references))
    plain = audio.signal_noise_ratio(given, truth)
    invariant = audio.scale_invariant_signal_distortion_ratio(given, truth)
    np.testing.assert_allclose(measure(SDR(), estimates, references)["SDR"], plain, atol=1e-6)
    np.testing.assert_allclose(measure(SISDR(), estimates, references)["SI-SDR"], invariant, atol=1e-6)


@pytest.mark.usefixtures("block_values")
@pytest.mark.parametrize("sources", [2, 4])
def test_si_sir_is_the_interference_ratio_of_bss_eval_with_filters_of_one_sample(sources: int) -> None:
    estimates, references = scene(sources, 1, 333)
    expected = measure(BSSEval(window_s=1, filter_length=1), estimates, references)["BSS-SIR"][:, 0]
    np.testing.assert_allclose(measure(SISDR(), estimates, references)["SI-SIR"], expected, atol=1e-9)


@given(scenes)
def test_interference_and_artifacts_are_orthogonal_and_add_up(signals: tuple[Signals, Signals]) -> None:
    figures = measure(SISDR(), *signals)
    shares = {name: 10 ** (-figures[name] / 10) for name in figures}
    np.testing.assert_allclose(shares["SI-SDR"], shares["SI-SIR"] + shares["SI-SAR"], rtol=1e-9)


@given(scenes, exact_gains)
def test_scale_invariant_figures_do_not_depend_on_the_gain_of_estimates(
    signals: tuple[Signals, Signals], gain: float
) -> None:
    estimates, references = signals
    figures = measure(SISDR(), estimates, references)
    louder = measure(SISDR(), np.float32(gain) * estimates, references)
    for name, values in figures.items():
        np.testing.assert_allclose(louder[name], values, rtol=1e-9, atol=1e-9)


@given(scenes, exact_gains)
def test_a_gain_of_estimates_costs_plain_sdr(signals: tuple[Signals, Signals], gain: float) -> None:
    references = signals[1]
    values = measure(SDR(), np.float32(gain) * references, references)["SDR"]
    expected = np.inf if gain == 1 else -20 * np.log10(abs(1 - gain))
    np.testing.assert_allclose(values, np.full(len(references), expected), atol=1e-9)


@pytest.mark.parametrize("metric", [SDR(), SISDR()])
@given(signals=scenes, gain=exact_gains, order=st.randoms(use_true_random=False))
def test_no_figure_depends_on_a_common_gain_or_on_the_order(
    metric: Metric, signals: tuple[Signals, Signals], gain: float, order: object
) -> None:
    estimates, references = signals
    rows = list(range(len(references)))
    order.shuffle(rows)  # type: ignore[attr-defined]
    figures = measure(metric, estimates, references)
    moved = measure(metric, np.float32(gain) * estimates[rows], np.float32(gain) * references[rows])
    for name, values in figures.items():
        np.testing.assert_allclose(moved[name], values[rows], rtol=1e-9, atol=1e-9)


@given(scenes, st.integers(-40, 0))
def test_a_quiet_reference_counts_like_a_loud_one(signals: tuple[Signals, Signals], power: int) -> None:
    estimates, references = signals
    levels = np.ones((len(references), 1, 1), np.float32)
    levels[-1] = 2.0**power
    figures, quiet = (measure(SISDR(), estimates, level * references) for level in (1, levels))
    for name, values in figures.items():
        np.testing.assert_allclose(quiet[name], values, rtol=1e-7, atol=1e-7)


def test_figures_of_nearly_perfect_estimates_are_right_to_far_below_the_rounding_of_energies() -> None:
    references = np.zeros((2, 1, 2000), np.float32)
    references[:, :, :1000] = np.random.default_rng(0).standard_normal((2, 1, 1000))
    error = np.zeros_like(references)
    error[:, :, 1000:] = 1e-10 * np.random.default_rng(1).standard_normal((2, 1, 1000))
    expected = 10 * np.log10((references**2.0).sum((1, 2)) / (error.astype(np.float64) ** 2).sum((1, 2)))
    assert expected.min() > 195
    for metric, name in ((SDR(), "SDR"), (SISDR(), "SI-SDR"), (SISDR(), "SI-SAR")):
        np.testing.assert_allclose(measure(metric, references + error, references)[name], expected, atol=1e-4)


@pytest.mark.parametrize("sources", [1, 3])
def test_perfect_estimates_are_infinitely_good(sources: int) -> None:
    references = scene(sources)[1]
    for metric in (SDR(), SISDR()):
        for values in measure(metric, references, references).values():
            assert (values == np.inf).all()


def test_a_reference_that_depends_on_others_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    # Small whole numbers, so that sums in single precision are exact.
    first, second, noise = rng.integers(-50, 50, (3, 1, 400)).astype(np.float32)
    two = np.stack([first, second])
    estimates = np.stack([first + second / 4 + noise, second - noise / 2])
    three = np.stack([first, second, first + second])
    expected = measure(SISDR(), estimates, two)
    figures = measure(SISDR(), np.concatenate([estimates, estimates[:1]]), three)
    for name, values in expected.items():
        np.testing.assert_allclose(figures[name][:2], values, atol=1e-6)


def test_a_silent_reference_is_not_a_number_and_touches_no_other() -> None:
    estimates, references = scene(2, 2)
    truth = np.concatenate([references, np.zeros_like(references[:1])])
    for metric in (SDR(), SISDR()):
        expected = measure(metric, estimates, references)
        for third in (estimates[:1], np.zeros_like(estimates[:1])):
            for name, values in measure(metric, np.concatenate([estimates, third]), truth).items():
                np.testing.assert_allclose(values, [*expected[name], np.nan], atol=1e-9)


def test_what_a_silent_estimate_is_worth() -> None:
    estimates, references = scene(2)
    estimates[1] = 0
    figures = {**measure(SDR(), estimates, references), **measure(SISDR(), estimates, references)}
    assert figures["SDR"][1] == 0
    assert figures["SI-SDR"][1] == -np.inf
    assert np.isnan([figures["SI-SIR"][1], figures["SI-SAR"][1]]).all()
    assert all(np.isfinite(values[0]) for values in figures.values())


def test_an_estimate_that_holds_nothing_of_its_reference_is_infinitely_bad() -> None:
    references = np.zeros((2, 1, 8), np.float32)
    references[0, 0, ::2], references[1, 0, 1::2] = 1, 3
    figures = measure(SISDR(), references[::-1], references)
    assert (figures["SI-SDR"] == -np.inf).all()
    assert (figures["SI-SIR"] == -np.inf).all()
    assert np.isnan(figures["SI-SAR"]).all()


def test_one_sample_is_enough() -> None:
    references, estimates = np.full((2, 1, 1), 0.5, np.float32), np.full((2, 1, 1), 0.25, np.float32)
    np.testing.assert_allclose(measure(SDR(), estimates, references)["SDR"], 10 * np.log10(4))
    assert (measure(SISDR(), estimates, references)["SI-SDR"] == np.inf).all()


def test_metrics_are_published_under_the_names_of_the_field() -> None:
    assert (SDR().name, SISDR().name) == ("sdr", "si-sdr")


@pytest.mark.usefixtures("block_values")
@pytest.mark.parametrize("metric", [SDR(), SISDR()])
def test_progress_is_reported_to_the_end_and_cancelling_stops_it(metric: Metric) -> None:
    estimates, references = map(stems, scene(2, length=50))
    events: list[Progress] = []
    with Run(reporter=events.append) as run:
        metric.measure(references, estimates, run)
    ends = {event.stage: event for event in events}
    assert len(ends) == (1 if isinstance(metric, SDR) else 2)
    assert all(event.fraction == 1 for event in ends.values())

    class Now:
        def is_set(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        metric.measure(references, estimates, Run(cancel=Now()))
