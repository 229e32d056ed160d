"""The prior that partials are as narrow as the window's main lobe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit import Atom, Audio, Domain, Problem
from sepkit.builtin import Lobes
from sepkit.builtin.harmonic import harmonic_templates
from sepkit.informed.harmonics import partial_lobes
from sepkit.music.pitch import midi_to_hz
from sepkit.problem.prior import Density, GradientSplit
from sepkit.spectral import STFT

RATE = 8000
BINS_HZ = STFT(512, 128).bins_hz(RATE)
ATOMS = (Atom("a", 45), Atom("a", 57, transient=True), Atom("b", 60), Atom("drums"))
PITCHED = [0, 2]


def bound(weight: float = 2.0, pitch: float = 60) -> Density:
    atoms = (*ATOMS, Atom("b", pitch))
    layout = Problem(Audio(np.zeros((1, RATE), np.float32), RATE)).layout(
        bins_hz=BINS_HZ, frames_s=np.arange(3.0), atoms=atoms
    )
    return Lobes(weight=weight).bind(layout, Domain.TEMPLATES)


def templates(seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(0.1, 1, (len(BINS_HZ), len(ATOMS) + 1))


def lobes() -> NDArray[np.float64]:
    """Templates of lobes with partials as strong as it happens."""
    W = templates(0)
    for column in (*PITCHED, len(ATOMS)):
        number, height = partial_lobes(BINS_HZ, (*ATOMS, Atom("b", 60))[column].pitch or 0, cents=50)
        W[:, column] = height * np.random.default_rng(column).uniform(0.1, 1, number.max() + 1)[number]
    return W


def test_parts_that_play_the_same_pitches_share_their_lobes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def counted(bins_hz: NDArray[np.float64], pitch: float, **options: float) -> object:
        asked.append(pitch)
        return partial_lobes(bins_hz, pitch, **options)  # type: ignore[arg-type]

    for module in ("lobes", "harmonic"):
        monkeypatch.setattr(f"sepkit.builtin.{module}.partial_lobes", counted)
    pitches = [50, 60, 70]
    atoms = tuple(Atom(f"part {number}", pitch) for number in range(30) for pitch in pitches)
    silence = Audio(np.zeros((1, RATE), np.float32), RATE)
    layout = Problem(silence).layout(bins_hz=BINS_HZ, frames_s=np.arange(3.0), atoms=atoms)
    Lobes().bind(layout, Domain.TEMPLATES)
    harmonic_templates(layout, cents=50, inharmonicity=0)
    assert asked == pitches * 2


@pytest.mark.parametrize("pitch", [50, 64.3, 81])
def test_a_lobe_is_what_the_window_makes_of_a_partial(pitch: float) -> None:
    f0_hz = float(midi_to_hz(pitch))
    tone = np.sin(2 * np.pi * f0_hz * np.arange(RATE) / RATE).astype(np.float32)
    spectrum = STFT(512, 128).magnitude(tone)[:, 30]
    number, height = partial_lobes(BINS_HZ, pitch, cents=1)
    first = (number == 1) & (height > 0)
    found = spectrum[first] / spectrum[first].sum()
    np.testing.assert_allclose(found, height[first] / height[first].sum(), atol=0.02)
    assert np.square(spectrum[first]).sum() > 0.99 * np.square(spectrum).sum()


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_split_and_score_are_the_gradient_and_scale_does_not_matter(seed: int, scale: float) -> None:
    density, W = bound(), templates(seed)
    assert isinstance(density, GradientSplit)
    plus, minus = density.split_gradient(W)
    assert (plus >= 0).all()
    assert (minus >= 0).all()
    np.testing.assert_allclose(density.gradient(W), minus - plus)
    direction = W * np.random.default_rng(seed + 1).standard_normal(W.shape)
    ahead, behind = (density.log_prob(W + step * direction) for step in (1e-5, -1e-5))
    assert (ahead - behind) / 2e-5 == pytest.approx(np.sum(density.gradient(W) * direction), rel=1e-4, abs=1e-6)
    assert density.log_prob(scale * W) == pytest.approx(density.log_prob(W))


def test_lobes_are_the_likeliest_however_strong_the_partials_are() -> None:
    density, best = bound(), lobes()
    assert density.log_prob(best) == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose((best * density.gradient(best)), 0, atol=1e-9)
    rng = np.random.default_rng(2)
    for _ in range(20):
        assert density.log_prob(best * rng.uniform(0.5, 2, best.shape)) < -1e-3


def test_what_has_no_partials_may_be_anything() -> None:
    density, W = bound(), templates(0)
    others = W.copy()
    others[:, [1, 3]] = np.random.default_rng(1).random((len(W), 2))
    _, height = partial_lobes(BINS_HZ, 60, cents=50)
    others[height == 0, 2] = 7
    assert (height == 0).any()
    assert density.log_prob(others) == density.log_prob(W)
    assert not density.gradient(W)[:, [1, 3]].any()


def test_zeros_silence_and_pitches_beyond_all_bins_are_survived() -> None:
    density = bound(pitch=127)
    assert isinstance(density, GradientSplit)
    W = templates(0).astype(np.float32)
    W[:100, 0] = 0
    W[:, 2] = 0
    for part in (*density.split_gradient(W), density.log_prob(W)):
        assert np.isfinite(part).all()
    assert density.split_gradient(W)[0].dtype == np.float32


def test_tensors_give_what_arrays_give() -> None:
    torch = pytest.importorskip("torch", reason="needs torch")
    density, W = bound(), templates(4)
    tensor = torch.tensor(W, requires_grad=True)
    density.log_prob(tensor).backward()
    np.testing.assert_allclose(tensor.grad.numpy(), density.gradient(W), rtol=1e-9, atol=1e-12)
