"""Parameters as sound: oscillators, silence, levels, and gradients of the loss on it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import sepkit
from sepkit.informed.f0_tracking import Tracking
from sepkit.spectral import STFT
from sepkit_source_filter.hearing import HOP, RATE, Heard
from sepkit_source_filter.network import NOISE_BANDS, Parameters, SourceFilterNetwork, exp_sigmoid
from sepkit_source_filter.network_engine import NetworkEngine
from sepkit_source_filter.rendering import amplitudes, harmonic_sound, oscillators, phases_within, sound
from sepkit_source_filter.spectral_loss import spectral_loss

CPU = torch.device("cpu")


def heard(f0_hz: list[float], seconds: float, samples: Any = None) -> Heard:
    """Voices that hold their F0, over silence if nothing else is given."""
    mixture = sepkit.Audio.mono(np.zeros(round(seconds * RATE), np.float32) if samples is None else samples, RATE)
    times_s = np.arange(0, seconds + 0.01, 0.01)
    return Heard.of(mixture, times_s, np.repeat(np.array(f0_hz)[:, np.newaxis], len(times_s), axis=1))


def test_phases_of_high_partials_hold_for_half_a_minute() -> None:
    batch = heard([441.3], 30.0)
    loudness = torch.zeros(1, batch.frames, 18)
    loudness[..., 17] = 1
    rendered = harmonic_sound(loudness, phases_within(batch.phases, batch.held_hz))[0].double().numpy()
    time_s = np.arange(len(rendered)) / RATE
    last = slice(len(rendered) - RATE // 2, None)
    carrier = np.exp(-2j * np.pi * 18 * 441.3 * time_s[last])
    # A sine is half of i times the conjugate of its carrier.
    assert abs(np.angle(1j * (rendered[last] @ carrier))) < 0.02
    peak = np.abs(np.fft.rfft(rendered[:-1] * np.hanning(len(rendered) - 1), 8 * len(rendered)))
    assert np.argmax(peak) * RATE / (8 * len(rendered)) == pytest.approx(18 * 441.3, abs=0.01 * 18)


def test_oscillators_are_sines_of_multiples() -> None:
    phases = 2 * torch.pi * torch.rand(3, 50, generator=torch.Generator().manual_seed(0))
    found = oscillators(phases, 40)
    for number in (1, 2, 3, 17, 40):
        assert float((found[:, number - 1] - torch.sin(number * phases.double())).abs().max()) < 2e-3


def random_parameters(voices: int, frames: int, order: int = 6, seed: int = 0) -> Parameters:
    drawn = torch.Generator().manual_seed(seed)
    normal = {"generator": drawn, "dtype": torch.float64}
    return Parameters(
        gains=torch.rand(1, voices, frames, **normal) + 0.1,
        logits=torch.randn(1, voices, frames, order + 1, **normal),
        noise_gains=torch.rand(1, voices, frames, **normal) + 0.1,
        noise_bands=torch.rand(1, voices, NOISE_BANDS, **normal) + 0.1,
    )


def test_unvoiced_frames_and_partials_beyond_nyquist_are_silent() -> None:
    f0_hz = torch.tensor([[[0.0, 0.0, 0.0, 500.0, 3000.0]]], dtype=torch.float64)
    loudness = amplitudes(random_parameters(1, 5), f0_hz)[0, 0]
    assert float(loudness[:3].abs().max()) == 0
    assert bool((loudness[3, :15] > 0).all())
    assert bool((loudness[4, 2:] == 0).all())
    rendered = harmonic_sound(loudness, torch.rand(4, HOP, dtype=torch.float64))
    assert float(rendered[: 2 * HOP].abs().max()) < 1e-6
    assert float(rendered[3 * HOP :].abs().max()) > 1e-2


def test_a_network_is_silent_where_f0_is_not() -> None:
    network = SourceFilterNetwork("small", 10)
    network.draw(torch.Generator().manual_seed(0))
    batch = heard([200.0, np.nan], 0.5, np.random.default_rng(0).standard_normal(RATE // 2).astype(np.float32))
    with torch.no_grad():
        parameters = network(Heard.stacked([batch], CPU))
    assert bool((parameters.gains[:, 0] > 0).all())
    assert float(parameters.gains[:, 1].abs().max()) == 0


def test_gradients_of_the_loss_are_those_of_finite_differences() -> None:
    batch = Heard.stacked([heard([310.0, 440.0], 2 * HOP / RATE)], CPU)
    batch = dataclasses.replace(
        batch, **{name: getattr(batch, name).double() for name in ("f0_hz", "held_hz", "phases")}
    )
    drawn = torch.Generator().manual_seed(1)
    white, truth = (torch.randn(1, 2, 2 * HOP, generator=drawn, dtype=torch.float64) for _ in range(2))
    begin = torch.zeros(1, 2, dtype=torch.float64)
    given = random_parameters(2, 3)

    def loss(*tensors: Tensor) -> Tensor:
        rendered = sound(Parameters(*tensors), batch, begin, white).sum(dim=1, keepdim=True)
        return spectral_loss(rendered, truth[:, :1])

    tensors = [getattr(given, field.name).requires_grad_() for field in dataclasses.fields(given)]
    assert torch.autograd.gradcheck(loss, tensors, atol=1e-6, rtol=1e-3)


def test_every_weight_gets_a_gradient() -> None:
    network = SourceFilterNetwork("small", 10, voices=2)
    network.draw(torch.Generator().manual_seed(0))
    samples = np.random.default_rng(0).standard_normal(RATE // 2).astype(np.float32)
    batch = Heard.stacked([heard([200.0, 333.0], 0.5, samples)], CPU)
    white = torch.randn(1, 2, batch.samples.shape[-1], generator=torch.Generator().manual_seed(0))
    rendered = sound(network(batch), batch, torch.zeros(1, 2), white)
    spectral_loss(rendered.sum(dim=1, keepdim=True), batch.samples).backward()
    for name, weights in network.named_parameters():
        assert weights.grad is not None, name
        assert bool(weights.grad.isfinite().all()), name
        assert float(weights.grad.abs().sum()) > 0, name


def test_the_loss_knows_equal_sounds_and_no_phases() -> None:
    time_s = torch.arange(RATE // 4) / RATE
    one, turned, other = (
        torch.sin(2 * torch.pi * f0_hz * time_s + phase)[None, None] for f0_hz, phase in ((500, 0), (500, 2), (700, 0))
    )
    assert float(spectral_loss(one, one)) == 0
    assert float(spectral_loss(one, turned)) < 0.15 * float(spectral_loss(one, other))


def test_masks_see_what_the_models_sound_like() -> None:
    """Magnitudes of the models are those of the spectrum of their sound: partials at their peaks, noise in the mean."""
    seconds, rng = 2.0, np.random.default_rng(0)
    f0_hz = {"low": 210.0, "high": 350.0}
    mixture = sepkit.Audio.mono(rng.standard_normal(round(seconds * RATE)).astype(np.float32), RATE)
    times_s = np.arange(0, seconds + 0.01, 0.01)
    tracks = {name: sepkit.F0Track(times_s, np.full(len(times_s), hz)) for name, hz in f0_hz.items()}
    problem = sepkit.Problem(mixture, tuple(f0_hz), sepkit.SideInformation(f0=tracks))
    stft = STFT(2048, 512)
    tracking = Tracking(problem, tuple(f0_hz), stft)
    network = SourceFilterNetwork("small", 20)
    network.draw(torch.Generator().manual_seed(3))
    recording = Heard.of(mixture, tracking.follower.times_s, tracking.follower.f0_hz)
    models = NetworkEngine(network, None).models(recording, tracking)
    batch = Heard.stacked([recording], CPU)
    with torch.no_grad():
        parameters = network(batch)
        loudness = amplitudes(parameters, batch.f0_hz)
        harmonics = harmonic_sound(loudness, phases_within(batch.phases, batch.held_hz))[0]
        white = torch.randn(1, 2, batch.samples.shape[-1], generator=torch.Generator().manual_seed(0))
        noise = (sound(parameters, batch, torch.zeros(1, 2), white)[0] - harmonics) * recording.level
    heard_partials = stft.magnitude((harmonics * recording.level).numpy()).swapaxes(1, 2) / tracking.level
    given = tracking.follower.combs() * models.envelopes
    inner = slice(10, -10)
    for voice, hz in enumerate(f0_hz.values()):
        peaks = np.rint(hz * np.arange(1, 12) / tracking.bins_hz[1]).astype(int)
        ratios = given[voice, inner][:, peaks] / heard_partials[voice, inner][:, peaks]
        assert np.abs(20 * np.log10(ratios)).max() < 0.5
    heard_noise = stft.magnitude(noise.numpy()).swapaxes(1, 2)[:, inner].mean(axis=(1, 2)) / tracking.level
    np.testing.assert_allclose(models.noise[:, inner].mean(axis=(1, 2)), heard_noise, rtol=0.05)


def test_exp_sigmoid_goes_from_nothing_to_one() -> None:
    values = exp_sigmoid(torch.tensor([-40.0, 0.0, 40.0]))
    np.testing.assert_allclose(values.numpy(), [1e-7, 0.5 ** np.log(10), 1], rtol=1e-5)
