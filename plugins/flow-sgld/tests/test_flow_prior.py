"""The prior: the flows of the sources by name, as one density of stems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sepkit import Audio, Domain, Layout, Sampler, SideInformation, Smoothed
from sepkit.errors import WeightsError
from sepkit.evaluation.datasets.toy import WAVES, ToyWaveforms
from sepkit.neural import Checkpoint
from sepkit_flow_sgld.bundled import bundled_weights
from sepkit_flow_sgld.density import FlowDensity
from sepkit_flow_sgld.flow import Flow
from sepkit_flow_sgld.prior import FlowPrior

RATE = 8000
OPTIONS = {
    "frames": [8],
    "widths": [6],
    "steps": [2],
    "dilations": [1, 2],
    "embedding": 4,
    "levels": [0.01, 5.0],
}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Those of three sources of different loudness, one of whose names is no name of a folder."""
    for seed, source in enumerate(("low", "high", "a/b")):
        options = {**OPTIONS, "data_std": 0.1 * (1 + seed)}
        flow = Flow(**options)  # type: ignore[arg-type]
        generator = torch.Generator().manual_seed(seed)
        flow.initialize(generator)
        for parameter in flow.parameters():
            parameter.data += 0.15 * torch.randn(parameter.shape, generator=generator)
        Checkpoint("flow", options, (source,), RATE, flow.state_dict()).write(tmp_path / str(seed))
    return tmp_path


def layout(*sources: str, rate: int = RATE, channels: int = 1, samples: int = 61) -> Layout:
    mixture = Audio(np.zeros((channels, samples), np.float32), rate)
    return Layout(mixture=mixture, side_information=SideInformation(), sources=sources)


def bound(weights: Path | None, *sources: str, **axes: int) -> FlowDensity:
    density = FlowPrior(weights=weights).bind(layout(*sources, **axes), Domain.WAVEFORMS)
    assert isinstance(density, FlowDensity)
    return density


def values(*shape: int, dtype: Any = np.float64) -> Any:
    return (0.2 * np.random.default_rng(0).standard_normal(shape)).astype(dtype)


def test_score_is_the_gradient_by_finite_differences(weights: Path) -> None:
    density = bound(weights, "low", "high").smoothed(0.05)
    value = values(2, 1, 61)
    score = density.gradient(value)
    for place in [(0, 0, 0), (1, 0, 30), (0, 0, 60)]:
        step = np.zeros_like(value)
        step[place] = 1e-5
        slope = (density.log_prob(value + step) - density.log_prob(value - step)) / 2e-5
        assert score[place] == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_chains_channels_and_sources_do_not_meet(weights: Path) -> None:
    """The score of a stem is the same however many others there are: nothing is a mean over them."""
    density = bound(weights, "low", "high").smoothed(0.05)
    value = values(3, 2, 2, 2, 61)
    score, log_prob = density.gradient(value), density.log_prob(value)
    assert log_prob.shape == (3, 2)
    alone = bound(weights, "high").smoothed(0.05)
    np.testing.assert_allclose(score[2, 1, 1:, :1], alone.gradient(value[2, 1, 1:, :1]), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(log_prob[2, 1], density.log_prob(value[2, 1]))
    halves = [density.log_prob(value[..., [channel], :]) for channel in (0, 1)]
    np.testing.assert_allclose(log_prob, sum(halves))


def test_sources_are_found_by_name_in_any_order(weights: Path) -> None:
    value = values(3, 1, 61)
    forward, backward = bound(weights, "low", "high", "a/b"), bound(weights, "a/b", "high", "low")
    assert forward.log_prob(value) == pytest.approx(backward.log_prob(value[::-1]))
    assert forward.log_prob(value) != pytest.approx(forward.log_prob(value[::-1]))
    np.testing.assert_allclose(backward.power, [0.09, 0.04, 0.01])


def test_kind_and_precision_are_kept_and_gradients_flow(weights: Path) -> None:
    density = bound(weights, "low")
    for dtype in (np.float32, np.float64):
        value = values(4, 1, 1, 61, dtype=dtype)
        tensor = torch.tensor(value, requires_grad=True)
        assert density.gradient(value).dtype == density.log_prob(value).dtype == dtype
        assert not density.gradient(tensor).requires_grad
        density.log_prob(tensor).sum().backward()
        assert tensor.grad is not None
        np.testing.assert_array_equal(tensor.grad.numpy(), density.gradient(value))


def test_read_only_arrays_will_do(weights: Path) -> None:
    density, value = bound(weights, "low"), values(1, 1, 61)
    wanted = density.gradient(value)
    value.flags.writeable = False
    np.testing.assert_array_equal(density.gradient(value), wanted)


def test_noise_makes_the_density_broad_and_nearly_normal(weights: Path) -> None:
    """The score of white noise far above the signal is that of a normal density; the change of volume is counted."""
    density = bound(weights, "low", samples=4000)
    assert isinstance(density, Smoothed)
    peaks = [density.smoothed(sigma).log_prob(np.zeros((1, 1, 4000))) for sigma in (0.1, 1.0, 10.0)]
    assert np.diff(peaks) == pytest.approx([-4000 * np.log(10)] * 2, rel=0.3)


def test_below_the_lowest_level_the_lowest_counts(weights: Path) -> None:
    density, value = bound(weights, "low"), values(1, 1, 61)
    assert density.log_prob(value) == density.smoothed(density.lowest).log_prob(value)
    assert density.log_prob(value) != density.smoothed(2 * density.lowest).log_prob(value)


def test_draws_are_likelier_than_others(weights: Path) -> None:
    density = bound(weights, "low", "high", samples=400).smoothed(0.02)
    assert isinstance(density, Sampler)
    drawn = density.sample((5,), np.random.default_rng(0))
    assert drawn.shape == (5, 2, 1, 400)
    np.testing.assert_array_equal(drawn, density.sample((5,), np.random.default_rng(0)))
    shuffled = np.random.default_rng(1).permuted(drawn, axis=-1)
    assert density.log_prob(drawn).min() > density.log_prob(shuffled).max()


@pytest.mark.parametrize("samples", [1, 7, 8, 9])
def test_any_length_will_do(weights: Path, samples: int) -> None:
    density = bound(weights, "low", samples=samples)
    value = values(1, 1, samples)
    assert np.isfinite(density.log_prob(value))
    assert density.gradient(value).shape == value.shape


def test_error_names_the_sources_that_there_are(weights: Path) -> None:
    with pytest.raises(WeightsError, match=r"no flow for 'vocals'.* has low, high, a/b; name the sources"):
        bound(weights, "low", "vocals")


def test_error_names_the_rates(weights: Path) -> None:
    with pytest.raises(WeightsError, match="for 8000 Hz, the mixture has 44100 Hz"):
        bound(weights, "low", rate=44100)


def test_error_when_there_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="holds no folders with weights"):
        bound(tmp_path, "low")


def test_error_names_the_shape_that_is_wanted(weights: Path) -> None:
    with pytest.raises(ValueError, match=r"2 sources.*given \(3, 1, 61\)"):
        bound(weights, "low", "high").gradient(values(3, 1, 61))


@pytest.mark.slow
def test_bundled_flows_know_their_own_waves() -> None:
    """Of fresh waves with noise, those of a flow's own kind are likeliest under it, compared at equal noise."""
    priors = [bound(None, wave, rate=14700) for wave in WAVES]
    rms = float(np.sqrt(np.mean([prior.power for prior in priors])))
    rng, tracks = np.random.default_rng(0), ToyWaveforms(count=8, duration_s=0.3, seed=987).tracks()
    stems = np.stack([[stem.samples[np.newaxis] for stem in track.load_stems().values()] for track in tracks])
    for relative in (0.05, 0.2, 0.5):
        sigma = relative * rms
        noisy = stems + sigma * rng.standard_normal(stems.shape).astype(np.float32)
        table = np.stack([prior.smoothed(sigma).log_prob(noisy) for prior in priors])
        best = table.argmax(0)
        assert (table.mean(1).argmax(0) == np.arange(len(WAVES))).all()
        assert (best == np.arange(len(WAVES))).mean() > 0.8


def test_bundled_weights_say_how_they_came_about() -> None:
    for wave in WAVES:
        checkpoint = Checkpoint.read(bundled_weights() / wave, "flow")
        assert checkpoint.sample_rate == 14700
        assert checkpoint.about["recipe"]["seed"] == 0
