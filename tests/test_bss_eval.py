"""BSS Eval: equal to museval and to the MATLAB toolbox, seams or none, and what is done where they give up."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit import Audio, Registry
from sepkit.evaluation import Stems
from sepkit.evaluation.metrics import bss_eval
from sepkit.evaluation.metrics.bss_eval import BSSEval
from sepkit.evaluation.metrics.energy import SDR
from sepkit.problem.run import Progress, Run

SHARED = Path(__file__).parents[2] / "shared" / "data" / "metrics"
RATE = 100
FIGURES = ["BSS-SDR", "BSS-ISR", "BSS-SIR", "BSS-SAR"]
WHOLE = BSSEval(window_s=1e9, filter_length=16)

Signals = NDArray[np.floating]


def stems(signals: Signals, rate: int = RATE) -> Stems:
    return Stems({f"source {row}": Audio(np.ascontiguousarray(one), rate) for row, one in enumerate(signals)})


def measure(metric: BSSEval | SDR, estimates: Signals, references: Signals, rate: int = RATE) -> dict[str, Signals]:
    """All figures of signals [shape=(sources, channels, samples)]."""
    return dict(metric.measure(stems(references, rate), stems(estimates, rate), Run()))


@pytest.fixture(scope="module")
def museval() -> Any:
    """The module that computes, without the rest of its package, which cannot be imported where ffmpeg is missing."""
    package = importlib.util.find_spec("museval")
    if package is None or not package.submodule_search_locations:
        pytest.skip("museval is not installed")
    spec = importlib.util.spec_from_file_location(
        "museval_metrics", Path(package.submodule_search_locations[0]) / "metrics.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_museval(
    museval: Any, metric: BSSEval, estimates: Signals, references: Signals, rate: int = RATE
) -> dict[str, Signals]:
    truth, guess = (np.swapaxes(signals, 1, 2).astype(np.float64) for signals in (references, estimates))
    window, hop = metric.window_s * rate, metric.hop_s * rate
    return dict(
        zip(FIGURES, museval.bss_eval(truth, guess, window, hop, filters_len=metric.filter_length), strict=False)
    )


def by_definition(metric: BSSEval, estimates: Signals, references: Signals) -> dict[str, Signals]:
    """One frame as the papers define it: projections on all delayed references at once, by singular values."""
    lags = metric.filter_length
    truth, guess = (
        np.pad(signals.astype(np.float64), [(0, 0), (0, 0), (0, lags - 1)]) for signals in (references, estimates)
    )
    delayed = np.stack([np.roll(truth, lag, axis=2) for lag in range(lags)], axis=2)
    columns = delayed.reshape(len(truth), -1, truth.shape[2])

    def projected(basis: Signals, target: Signals) -> Signals:
        return np.stack([basis @ np.linalg.lstsq(basis, channel, rcond=None)[0] for channel in target])

    rows = []
    for target, estimate, own in zip(truth, guess, columns, strict=True):
        on_own, on_all = projected(own.T, estimate), projected(columns.reshape(-1, columns.shape[2]).T, estimate)
        pairs = [
            (target, estimate - target),
            (target, on_own - target),
            (on_own, on_all - on_own),
            (on_all, estimate - on_all),
        ]
        rows.append([10 * np.log10(np.sum(signal**2) / np.sum(noise**2)) for signal, noise in pairs])
    return dict(zip(FIGURES, np.array(rows).T[..., np.newaxis], strict=True))


def scene(sources: int, channels: int = 1, length: int = 700, seed: int = 0) -> tuple[Signals, Signals]:
    """Estimates with leaking, filtering and noise, and their references."""
    rng = np.random.default_rng(seed)
    references = rng.standard_normal((sources, channels, length)).astype(np.float32)
    estimates = references + 0.3 * np.roll(references, 3, axis=2) + 0.2 * references.sum(axis=(0, 1))
    return (estimates + 0.1 * rng.standard_normal(references.shape)).astype(np.float32), references


def assert_equal(given: dict[str, Signals], expected: dict[str, Signals], tolerance: float = 1e-6) -> None:
    assert list(given) == FIGURES
    for name in FIGURES:
        np.testing.assert_allclose(given[name], expected[name], rtol=0, atol=tolerance, err_msg=name)


@settings(max_examples=30)
@given(
    sources=st.integers(2, 3),
    channels=st.integers(1, 2),
    length=st.integers(100, 400),
    filter_length=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_figures_are_those_of_the_definition(
    sources: int, channels: int, length: int, filter_length: int, seed: int
) -> None:
    metric = BSSEval(window_s=1e9, filter_length=filter_length)
    signals = scene(sources, channels, length, seed)
    assert_equal(measure(metric, *signals), by_definition(metric, *signals))


@pytest.mark.parametrize("transform", [1, 200, 1 << 13])
@pytest.mark.parametrize(
    ("sources", "channels", "length", "window_s", "hop_s", "filter_length"),
    [
        (1, 1, 1000, 3, 3, 16),
        (1, 2, 997, 3, 2, 16),
        (2, 1, 1000, 2.5, 1, 5),
        (3, 2, 501, 5, 5, 8),
        (4, 1, 640, 1e9, 1, 32),
        (2, 2, 300, 3, 3, 1),
        (1, 3, 299, 3, 1, 7),
    ],
)
def test_figures_of_all_frames_equal_musevals(
    sources: int,
    channels: int,
    length: int,
    window_s: float,
    hop_s: float,
    filter_length: int,
    transform: int,
    museval: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The shorter the transform, the more blocks of signal with seams between them.
    monkeypatch.setattr(bss_eval, "_TRANSFORM", transform)
    metric = BSSEval(window_s=window_s, hop_s=hop_s, filter_length=filter_length)
    signals = scene(sources, channels, length)
    assert_equal(measure(metric, *signals), by_museval(museval, metric, *signals))


def test_as_published_figures_equal_musevals(museval: Any) -> None:
    signals = scene(2, 2, 3 * 44100 + 17)
    assert_equal(measure(BSSEval(), *signals, rate=44100), by_museval(museval, BSSEval(), *signals, rate=44100))


def test_in_one_frame_sdr_is_the_plain_one() -> None:
    signals = scene(3, 2)
    np.testing.assert_allclose(
        measure(WHOLE, *signals)["BSS-SDR"][:, 0], measure(SDR(), *signals)["SDR"], rtol=0, atol=1e-9
    )


# The same holds for 05 and 08, which have up to 12 channels and take minutes.
@pytest.mark.parametrize("number", ["01", "02", "03", "06", pytest.param("07", marks=pytest.mark.slow), "09"])
def test_in_one_frame_figures_equal_those_of_the_matlab_toolbox(number: str) -> None:
    """Images of several channels, which the published case makes of mono ones: all references are singular."""
    folder = SHARED / "mir_eval_separation"
    if not folder.is_dir():
        pytest.skip("the published cases are not there")
    expected = json.loads((folder / f"output{number}.json").read_text())["Images"]

    def images(kind: str, gain: float) -> Signals:
        mono = np.stack(
            [Audio.read(path).mixdown().samples for path in sorted((folder / f"{kind}{number}").glob("*.wav"))]
        )
        gains = np.array([1.0] + [gain] * (expected["nchan"] - 1), np.float32)
        return mono * gains[:, np.newaxis]

    references, estimates = images("ref", 1), images("est", expected["gain"])
    figures = measure(BSSEval(window_s=1e9), estimates[expected["Source permutation"]], references, 8000)
    names = ["Source to Distortion", "Image to Spatial", "Source to Interference", "Source to Artifact"]
    assert_equal(figures, dict(zip(FIGURES, [np.array(expected[name])[:, None] for name in names], strict=True)), 1e-3)


@pytest.mark.slow
@pytest.mark.system
def test_figures_of_a_song_of_musdb18_are_those_published_with_museval() -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("the program ffmpeg, with which musdb decodes, is not installed")
    musdb = pytest.importorskip("musdb")
    folder = SHARED / "museval_data"
    if not folder.is_dir():
        pytest.skip("the published case is not there")
    [song] = musdb.DB(root=folder / "MUSDB18-7-SAMPLE", subsets="train")
    random = np.random.RandomState(0)
    estimates = np.stack([random.random_sample(song.audio.shape).T for _ in range(2)])
    names = ["vocals", "accompaniment"]
    references = np.stack([song.targets[name].audio.T for name in names])
    figures = measure(BSSEval(), estimates.astype(np.float32), references.astype(np.float32), song.rate)
    published = json.loads((folder / f"{song.name}.json").read_text())["targets"]
    frames = {target["name"]: [frame["metrics"] for frame in target["frames"]] for target in published}
    for figure, values in figures.items():
        expected = [[frame[figure.removeprefix("BSS-")] for frame in frames[name]] for name in names]
        np.testing.assert_allclose(values, expected, rtol=0, atol=2e-5, err_msg=figure)


def test_frames_in_which_anything_is_silent_are_no_numbers(museval: Any) -> None:
    metric = BSSEval(filter_length=16)
    estimates, references = scene(2, 2, 600)
    references[0, :, 100:200], estimates[1, :, 300:400] = 0, 0
    figures = measure(metric, estimates, references)
    assert_equal(figures, by_museval(museval, metric, estimates, references))
    for values in figures.values():
        assert np.isnan(values).tolist() == [[False, True, False, True, False, False]] * 2


def test_channels_that_cancel_are_not_silent() -> None:
    estimates, references = scene(1, 2)
    references[:, 1] = -references[:, 0]
    assert all(np.isfinite(measure(WHOLE, estimates, references)[name]).all() for name in FIGURES[:2])


@pytest.mark.parametrize("guess", [0.0, 1.0])
def test_a_silent_reference_is_left_out_with_its_estimate(guess: float) -> None:
    metric = BSSEval(filter_length=16)
    estimates, references = scene(3, 2, 500)
    references[1], estimates[1] = 0, guess
    kept = [0, 2]
    figures, expected = measure(metric, estimates, references), measure(metric, estimates[kept], references[kept])
    assert_equal({name: values[kept] for name, values in figures.items()}, expected)
    assert all(np.isnan(values[1]).all() for values in figures.values())


def test_a_silent_estimate_is_no_number_and_its_reference_still_interferes() -> None:
    metric = BSSEval(filter_length=16)
    estimates, references = scene(3, 2, 500)
    expected = measure(metric, estimates, references)
    estimates[1] = 0
    figures = measure(metric, estimates, references)
    for name, values in figures.items():
        np.testing.assert_allclose(values[[0, 2]], expected[name][[0, 2]], atol=1e-9)
        assert np.isnan(values[1]).all()


def test_where_all_is_silent_nothing_is_measured() -> None:
    estimates, references = scene(2, 1, 350)
    for values in measure(BSSEval(), estimates, 0 * references).values():
        assert values.shape == (2, 3)
        assert np.isnan(values).all()


@pytest.mark.parametrize("gain", [1, 0.25, 0.3])
def test_a_reference_that_is_another_one_changes_nothing(gain: float) -> None:
    estimates, references = scene(2, 1, 4000)
    third = np.float32(gain) * references[:1]
    figures = measure(WHOLE, np.concatenate([estimates, third]), np.concatenate([references, third]))
    expected = measure(WHOLE, estimates, references)
    assert_equal({name: values[:2] for name, values in figures.items()}, expected, 0.02 if gain == 0.3 else 1e-6)


def test_a_mono_signal_on_two_channels_is_as_good_as_on_one() -> None:
    estimates, references = scene(2, 1, 2000)
    expected = measure(WHOLE, estimates, references)
    assert_equal(measure(WHOLE, np.tile(estimates, (1, 2, 1)), np.tile(references, (1, 2, 1))), expected)


def test_pure_tones_in_frames_have_sensible_figures() -> None:
    time_s = np.arange(16000) / 8000
    references = np.sin(2 * np.pi * np.array([440, 660])[:, np.newaxis, np.newaxis] * time_s).astype(np.float32)
    noise = 0.1 * np.random.default_rng(0).standard_normal(references.shape).astype(np.float32)
    figures = measure(BSSEval(filter_length=64, window_s=0.1, hop_s=0.1), references + noise, references, 8000)
    for name in ("BSS-SDR", "BSS-SAR"):
        np.testing.assert_allclose(np.median(figures[name], axis=1), 17, atol=1.5)
    # Of white noise hardly anything lies in the two dimensions of the other tone, whatever single precision adds to it.
    assert np.median(figures["BSS-SIR"], axis=1).min() > 45


def test_a_quiet_reference_counts_like_a_loud_one() -> None:
    estimates, references = scene(2)
    expected = measure(WHOLE, estimates, references)
    references[1] *= np.float32(2.0**-30)
    figures = measure(WHOLE, estimates, references)
    for name in FIGURES:
        np.testing.assert_allclose(figures[name][0], expected[name][0], atol=1e-6)


@pytest.mark.parametrize("power", [-40, 20])
def test_a_common_gain_changes_nothing(power: int) -> None:
    estimates, references = scene(2, 2)
    gain = np.float32(2.0**power)
    assert_equal(measure(WHOLE, gain * estimates, gain * references), measure(WHOLE, estimates, references))


@pytest.mark.parametrize("length", [1, 2, 15, 17])
@pytest.mark.parametrize("sources", [1, 2])
def test_signals_shorter_than_the_filters_can_be_measured(length: int, sources: int) -> None:
    estimates, references = scene(sources, 2, length)
    figures = measure(WHOLE, estimates, references)
    expected = measure(SDR(), estimates, references)["SDR"]
    np.testing.assert_allclose(figures["BSS-SDR"][:, 0], expected, rtol=0, atol=1e-6)
    assert not any(np.isnan(values).any() for values in figures.values())


def test_progress_has_a_stage_for_every_pass() -> None:
    estimates, references = map(stems, scene(2))
    events: list[Progress] = []
    with Run(reporter=events.append) as run:
        WHOLE.measure(references, estimates, run)
    ends = {event.stage: event.fraction for event in events}
    assert len(ends) == 2
    assert set(ends.values()) == {1}


def test_it_needs_nothing_but_sepkit() -> None:
    assert (BSSEval().name, BSSEval.library) == ("bss-eval", "sepkit")
    assert Registry.discover(disabled={"*"}).metrics["bss-eval"].available
