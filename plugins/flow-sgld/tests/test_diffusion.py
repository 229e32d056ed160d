"""The prior `diffusion`: periods, cycles, what its gradient is, and that training it teaches denoising."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sepkit
from sepkit import Audio, Domain, Layout, Run, SideInformation
from sepkit.config import validate
from sepkit.errors import ConfigError, WeightsError
from sepkit.evaluation.datasets.toy import ToyWaveforms
from sepkit.neural import Checkpoint
from sepkit.training import TrainingData
from sepkit_flow_sgld.bundled import bundled_denoisers, bundled_instruments
from sepkit_flow_sgld.clutter import random_tones
from sepkit_flow_sgld.diffusion import DiffusionPrior
from sepkit_flow_sgld.diffusion_config import DiffusionTrainingConfig
from sepkit_flow_sgld.diffusion_training import DiffusionTrainer
from sepkit_flow_sgld.periods import harmonics, likeliest_periods, multiplicities, repeated
from sepkit_flow_sgld.spectral_denoiser import SpectralDenoiser

RATE = 14700


def periodic(period: int, length: int, seed: int = 0) -> torch.Tensor:
    """A random cycle, repeated [shape=(1, length)]."""
    cycle = torch.from_numpy(np.random.default_rng(seed).standard_normal(period))
    return cycle.repeat(-(-length // period))[None, :length]


def layout(*sources: str, rate: int = RATE, samples: int = 2000) -> Layout:
    mixture = Audio(np.zeros((1, samples), np.float32), rate)
    return Layout(mixture=mixture, side_information=SideInformation(), sources=sources)


def waves(kind: Any, count: int = 4) -> Any:
    data = ToyWaveforms(count=count, seed=4711)
    return np.stack([data.stem(item, kind).samples[None] for item in range(count)])


@pytest.mark.parametrize("period", [7, 8, 31, 100])
def test_harmonics_of_a_periodic_signal_give_it_back(period: int) -> None:
    signal, periods = periodic(period, 730), torch.tensor([[period]])
    found = harmonics(signal, periods, 60)
    power = (multiplicities(periods, 60) * found.abs().square()).sum()
    assert float(power) == pytest.approx(float(signal[0, :period].square().mean()))
    back = repeated(found, periods, torch.ones(1, 1, dtype=torch.float64), 730)
    torch.testing.assert_close(back, signal)


@pytest.mark.parametrize("period", [9, 40, 77])
def test_the_period_is_found_under_noise_louder_than_the_signal(period: int) -> None:
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal((1, 6000)))
    found = likeliest_periods(periodic(period, 6000) + 1.5 * noise, torch.tensor([1.5]), 5, 90, 3)
    assert period in found[0].tolist()


@pytest.mark.parametrize("period", [13, 40, 54])
def test_a_period_is_found_before_its_multiples_in_little_noise(period: int) -> None:
    """Multiples fit as well, and need not go into the length, so that they are counted exactly."""
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal((1, 14_700)).astype(np.float32))
    sine = torch.sin(2 * math.pi * torch.arange(14_700) / period)[None]
    found = likeliest_periods(0.56 * sine + 0.01 * noise, torch.tensor([0.01]), 5, 560, 1)
    assert found.tolist() == [[period]]


def test_harmonics_are_the_least_squares_cycle() -> None:
    """Of all cycles, the mean over repeats is nearest, also where the last repeat is broken off."""
    signal = torch.from_numpy(np.random.default_rng(2).standard_normal((1, 103)))
    design = np.eye(10)[np.arange(103) % 10]
    cycle, *_ = np.linalg.lstsq(design, signal[0].numpy(), rcond=None)
    found = harmonics(signal, torch.tensor([[10]]), 6)[0, 0]
    np.testing.assert_allclose(found.numpy(), np.fft.rfft(cycle, norm="forward"), atol=1e-12)


@pytest.mark.parametrize("kind", ["sine", "square", "saw", "triangle"])
def test_bundled_denoisers_take_noise_out_of_their_own_waves(kind: str) -> None:
    clean = waves(kind).astype(np.float64)
    density = DiffusionPrior().bind(layout(kind), Domain.WAVEFORMS)
    for level in (0.05, 0.5):
        sigma = level * float(np.sqrt(np.mean(clean**2)))
        noisy = clean + sigma * np.random.default_rng(0).standard_normal(clean.shape)
        error = noisy + sigma**2 * density.smoothed(sigma).gradient(noisy) - clean
        assert np.mean(error**2) < 0.02 * sigma**2


def test_chains_and_sources_do_not_meet() -> None:
    density = DiffusionPrior().bind(layout("saw", "sine"), Domain.WAVEFORMS).smoothed(0.1)
    value = 0.2 * np.random.default_rng(0).standard_normal((3, 2, 1, 900))
    alone = DiffusionPrior().bind(layout("sine"), Domain.WAVEFORMS).smoothed(0.1)
    np.testing.assert_allclose(density.gradient(value)[2, 1:], alone.gradient(value[2, 1:]), rtol=1e-9, atol=1e-9)


def test_gibbs_separates_two_waves_from_noise() -> None:
    data = ToyWaveforms(count=1, seed=7002, sources=("sine", "saw"))
    stems = {kind: data.stem(0, kind) for kind in ("sine", "saw")}
    mixture = Audio(stems["sine"].samples + stems["saw"].samples, RATE)
    options = {"start": "noise", "sampler": "gibbs", "highest": 10.0, "lowest": 0.02, "levels": 20, "steps": 1}
    found = sepkit.separate(
        mixture, "flow-sgld", sources=list(stems), priors=[DiffusionPrior()], config={**options, "chains": 4}, seed=0
    )
    np.testing.assert_allclose(found["sine"].samples + found["saw"].samples, mixture.samples, atol=1e-5)
    for kind, stem in stems.items():
        error = np.sum((found[kind].samples - stem.samples) ** 2)
        assert error < 0.05 * np.sum(stem.samples**2), kind


def test_a_recording_of_another_rate_is_taken_to_that_of_the_denoisers() -> None:
    mixture = Audio(np.random.default_rng(0).uniform(-0.1, 0.1, (1, 1500)).astype(np.float32), 22050)
    options = {"levels": 1, "steps": 1, "chains": 1}
    found = sepkit.separate(mixture, "flow-sgld", sources=["sine", "saw"], priors=["diffusion"], config=options)
    assert found.provenance.adaptations == ("22050 Hz to 14700 Hz and back",)
    assert {(stem.length, stem.sample_rate) for stem in found.values()} == {(1500, 22050)}


def test_training_teaches_denoising_and_comes_out_the_same_again(tmp_path: Path) -> None:
    tracks = list(ToyWaveforms(count=6, sources=("sine",), duration_s=0.2).tracks())
    data = TrainingData(tuple(tracks[:5]), tuple(tracks[5:]), ("sine",))
    options = {"steps": 12, "batch": 4, "segment": 2940, "validate_every": 6, "lowest_hz": 100.0, "width": 12}
    config = validate(DiffusionTrainingConfig, options, "training of prior 'diffusion'")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        DiffusionTrainer(config).train(data, tmp_path / folder, Run(seed=3, device="cpu"))
    one, two = (Checkpoint.read(tmp_path / folder / "sine", "diffusion") for folder in ("one", "two"))
    assert all(torch.equal(one.tensors[name], two.tensors[name]) for name in one.tensors)
    assert one.about["validations_db"][-1] < one.about["validations_db"][0] < 0
    density = DiffusionPrior(weights=tmp_path / "one").bind(layout("sine"), Domain.WAVEFORMS)
    assert np.isfinite(density.gradient(np.zeros((1, 1, 50), np.float32))).all()


SPECTRAL = {
    "kind": "spectral",
    "window": 128,
    "width": 16,
    "dilations": (1,),
    "segment": 1000,
    "batch": 2,
    "filter_db": 3.0,
    "clutter": 0.5,
    "steps": 20,
    "validate_every": 10,
    "warmup": 0,
}


def test_spectral_denoisers_learn_recordings_of_any_length(tmp_path: Path) -> None:
    tracks = list(ToyWaveforms(count=6, sources=("sine",), duration_s=0.2).tracks())
    data = TrainingData(tuple(tracks[:5]), tuple(tracks[5:]), ("sine",))
    config = validate(DiffusionTrainingConfig, SPECTRAL, "training of prior 'diffusion'")
    DiffusionTrainer(config).train(data, tmp_path, Run(seed=3, device="cpu"))
    checkpoint = Checkpoint.read(tmp_path / "sine", "diffusion")
    assert checkpoint.about["validations_db"][-1] < checkpoint.about["validations_db"][0]
    density = DiffusionPrior(weights=tmp_path).bind(layout("sine"), Domain.WAVEFORMS).smoothed(0.1)
    for length in (1, 50, 128, 999):
        value = np.random.default_rng(0).standard_normal((2, 1, 1, length)).astype(np.float32)
        assert np.isfinite(density.gradient(value)).all()
        # White noise alone is taken for noise, most of it.
        denoised = 0.1 * value + 0.01 * density.gradient(0.1 * value)
        assert np.sum(denoised**2) <= np.sum(np.square(0.1 * value))


def test_white_noise_has_power_one_over_itself_in_every_bin() -> None:
    """What the network is told of the noise is its level, whatever the window."""
    denoiser = SpectralDenoiser(data_std=1.0, levels=(0.1, 1.0), window=256, width=4, dilations=(1,))
    for parameter in denoiser.parameters():
        torch.nn.init.zeros_(parameter)
    noise = torch.from_numpy(0.3 * np.random.default_rng(0).standard_normal((1, 50_000)).astype(np.float32))
    powers = torch.stft(noise, 256, 64, window=denoiser.window, return_complex=True).abs().square()
    with torch.no_grad():
        gains = denoiser.gains(powers, torch.tensor([0.3]))
    # With zeros for weights a gain is the logistic of log(power over noise + 0.1).
    ratio = gains / (1 - gains) - 0.1
    assert float(ratio[:, 1:-1].mean()) == pytest.approx(1.0, rel=0.02)


def test_clutter_is_loud_and_never_the_same() -> None:
    one, two = (random_tones(2.0, 8000, np.random.default_rng(seed)) for seed in (0, 1))
    assert len(one) == 16_000
    assert np.mean(one**2) > 0.01
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.2


def test_errors_name_what_there_is() -> None:
    with pytest.raises(WeightsError, match=r"no diffusion for 'flute'.* saw, "):
        DiffusionPrior().bind(layout("flute"), Domain.WAVEFORMS)
    with pytest.raises(WeightsError, match="for 14700 Hz, the mixture has 8000 Hz"):
        DiffusionPrior().bind(layout("sine", rate=8000), Domain.WAVEFORMS)
    with pytest.raises(ValueError, match=r"1 sources.*given \(2, 1, 9\)"):
        DiffusionPrior().bind(layout("sine"), Domain.WAVEFORMS).gradient(np.zeros((2, 1, 9)))
    with pytest.raises(ConfigError, match="lowest_hz needs to be below highest_hz"):
        validate(DiffusionTrainingConfig, {"lowest_hz": 2000.0}, "training of prior 'diffusion'")


@pytest.mark.parametrize("instrument", ["violin", "piano", "bassoon"])
def test_bundled_instruments_take_noise_out_of_tones(instrument: str) -> None:
    time = np.arange(16_000) / 16_000
    tone = sum(np.sin(2 * np.pi * 330 * k * time) * 0.9**k / k for k in range(1, 15)) * np.exp(-time)
    prior = DiffusionPrior(weights=bundled_instruments())
    density = prior.bind(layout(instrument, rate=16_000), Domain.WAVEFORMS)
    std = float(density.power[0] ** 0.5)
    clean = std * tone / np.sqrt(np.mean(tone**2))
    noisy = clean + std * np.random.default_rng(0).standard_normal(clean.shape)
    found = noisy + std**2 * density.smoothed(std).gradient(noisy[None, None])[0, 0]
    assert np.sum((found - clean) ** 2) < 0.2 * np.sum((noisy - clean) ** 2)


def test_bundled_denoisers_are_small() -> None:
    toys, instruments = (
        [file.stat().st_size for file in folder().rglob("*.safetensors")]
        for folder in (bundled_denoisers, bundled_instruments)
    )
    assert (len(toys), len(instruments)) == (4, 3)
    assert max(*toys, *instruments) < 4e6
    assert sum(instruments) < 10e6
