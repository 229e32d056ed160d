"""The model of tones on linear bins, beside independent formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Run
from sepkit.spectral import STFT
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.sizes import SIZES
from sepkit_policy_unet.tones import fit_harmonics, gaussians, magnitude, model_spectrum, partial_bins

SMALL = SIZES["small"]


@given(st.floats(8, 30), st.floats(0, 1e-3))
def test_partials_show_where_the_formula_has_them(fundamental: float, inharmonicity: float) -> None:
    f, b = torch.tensor([fundamental]), torch.tensor([inharmonicity])
    G = gaussians(partial_bins(f, b, 8), torch.tensor([SMALL.width]), SMALL.bins)[0]
    for h in range(1, 9):
        assert abs(int(G[h - 1].argmax()) - fundamental * h * np.sqrt(1 + inharmonicity * h**2)) <= 0.5 + 1e-3


def test_a_sinusoid_shows_as_the_gaussian_with_its_phase() -> None:
    """Height, width and place are those of a recording's spectrum; the phase is that in the middle of the window."""
    rate, hz, phase = SMALL.sample_rate, 1000.0, 0.7
    time = np.arange(rate) / rate
    frames = Frames.of(SMALL, np.cos(2 * np.pi * hz * time).astype(np.float32), Run())
    centre = rate // 2
    shifted = Frames.of(SMALL, np.cos(2 * np.pi * hz * (time - centre / rate) + phase).astype(np.float32), Run())
    spectrum = shifted.at(np.array([centre]))[0]
    G = gaussians(torch.tensor([[hz * SMALL.window_length / rate]]), torch.tensor([SMALL.width]), SMALL.bins)
    torch.testing.assert_close(magnitude(spectrum)[0], G[0, 0], atol=0.02, rtol=0)
    c = fit_harmonics(G, spectrum[None])[0, :, 0]
    assert np.angle(complex(*c.tolist())) == pytest.approx(phase, abs=0.01)
    assert frames.scale == pytest.approx(shifted.scale, rel=1e-3)


@given(st.integers(0, 2**32 - 1), st.floats(10, 25))
def test_harmonics_come_back_from_the_spectrum_of_the_true_tone(seed: int, fundamental: float) -> None:
    """To less than 1 %, for harmonics that are more than four widths apart."""
    generator = torch.Generator().manual_seed(seed)
    f, b = torch.tensor([fundamental]), torch.tensor([1e-4])
    G = gaussians(partial_bins(f, b, 16), torch.tensor([SMALL.width]), SMALL.bins)
    size = torch.rand(16, generator=generator) + 0.1
    angle = 2 * np.pi * torch.rand(16, generator=generator)
    c = torch.stack([size * angle.cos(), size * angle.sin()])[None]
    found = fit_harmonics(G, c @ G)
    inside = partial_bins(f, b, 16)[0] < SMALL.bins - 4
    assert float(magnitude(found - c)[0, 0, inside].max()) < 0.01 * float(size.max())
    # The model with these amplitudes and the phases that were found is the spectrum itself.
    torch.testing.assert_close(model_spectrum(G, size[None], found), found @ G, atol=0.02, rtol=0)


def test_partials_above_the_last_bin_are_nothing_and_have_finite_gradients() -> None:
    f = torch.tensor([200.0], requires_grad=True)
    direct = torch.randn(1, 2, SMALL.bins, generator=torch.Generator().manual_seed(0)).requires_grad_()
    G = gaussians(partial_bins(f, torch.zeros(1), 16), torch.tensor([SMALL.width]), SMALL.bins)
    c = fit_harmonics(G, direct)
    assert not c[0, :, 5:].any()
    model_spectrum(G, torch.ones(1, 16), c).square().sum().backward()
    assert torch.isfinite(f.grad).all()
    assert torch.isfinite(direct.grad).all()


@pytest.mark.parametrize("size", ["small", "paper"])
def test_the_inverse_transform_gives_the_samples_back(size: str) -> None:
    """To 45 dB and better, limited by what lies above the last bin kept."""
    chosen = SIZES[size]
    rng = np.random.default_rng(0)
    samples = rng.normal(size=chosen.sample_rate).astype(np.float32)
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples)) > 0.45] = 0
    samples = np.fft.irfft(spectrum, len(samples)).astype(np.float32)
    frames = Frames.of(chosen, samples, Run())
    stft = frames.stft
    assert isinstance(stft, STFT)
    back = stft.synthesize(lambda block: frames.restored(frames.block(block)).T, samples.shape)
    inner = slice(chosen.window_length, -chosen.window_length)
    error = back[inner] - samples[inner]
    assert 10 * np.log10((samples[inner] ** 2).mean() / (error**2).mean()) > 45


def test_frames_around_samples_are_those_of_the_transform() -> None:
    rng = np.random.default_rng(0)
    frames = Frames.of(SMALL, rng.normal(size=8000).astype(np.float32), Run())
    centres = np.rint(frames.stft.frames_s(8000, 1)).astype(int)
    inside = np.flatnonzero((centres >= 0) & (centres < 8000))
    torch.testing.assert_close(
        frames.at(centres[inside]), frames.block(slice(inside[0], inside[-1] + 1)), atol=1e-4, rtol=1e-3
    )
