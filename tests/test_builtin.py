from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from sepkit import Atom, Audio, Density, Domain, GradientSplit, Problem, Projection
from sepkit.builtin import Continuity, MixtureConsistency, Sparsity

MIXTURE = Audio(np.random.default_rng(9).uniform(-1, 1, (2, 60)), 8000)


def consistency(mixture: Audio = MIXTURE) -> Projection:
    return MixtureConsistency().bind(Problem(mixture).layout(sources=("a", "b", "c")), Domain.WAVEFORMS)


def stems(seed: int = 0, dtype: type = np.float64) -> NDArray[Any]:
    return np.random.default_rng(seed).standard_normal((3, 2, 60)).astype(dtype)


class TestMixtureConsistency:
    @settings(max_examples=50)
    @given(
        hnp.arrays(np.float64, (3, 2, 60), elements=st.just(0.0) | st.floats(-10, 10), fill=st.just(0.0)),
    )
    def test_projection_sums_to_the_mixture_and_is_idempotent(self, value: NDArray[np.float64]) -> None:
        bound = consistency()
        projected = bound.project(value)
        np.testing.assert_allclose(projected.sum(axis=0), MIXTURE.samples, atol=1e-12)
        np.testing.assert_allclose(bound.project(projected), projected, atol=1e-12)
        assert bound.violation(projected) < 1e-12

    def test_gap_is_shared_equally(self) -> None:
        value = stems()
        gap = MIXTURE.samples - value.sum(axis=0)
        np.testing.assert_allclose(consistency().project(value) - value, np.broadcast_to(gap / 3, value.shape))

    def test_is_the_nearest_point_that_is_allowed(self) -> None:
        value, bound = stems(), consistency()
        nearest = np.linalg.norm(bound.project(value) - value)
        for seed in range(1, 20):
            other = bound.project(stems(seed))
            assert np.linalg.norm(other - value) >= nearest

    def test_silent_sources_stay_silent_while_others_sound(self) -> None:
        value = stems()
        value[1, :, :30] = 0
        projected = consistency().project(value)
        np.testing.assert_array_equal(projected[1, :, :30], 0)
        np.testing.assert_allclose(projected.sum(axis=0), MIXTURE.samples, atol=1e-12)

    def test_all_silent_share_equally(self) -> None:
        projected = consistency().project(np.zeros((3, 2, 60)))
        np.testing.assert_allclose(projected, np.broadcast_to(MIXTURE.samples / 3, (3, 2, 60)), atol=1e-7)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_numpy_in_numpy_out(self, dtype: type) -> None:
        value = stems(dtype=dtype)
        before = value.copy()
        projected = consistency().project(value)
        assert type(projected) is np.ndarray
        assert (projected.dtype, projected.shape) == (dtype, value.shape)
        assert not np.shares_memory(projected, value)
        np.testing.assert_array_equal(value, before)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_torch_in_torch_out(self, dtype: type) -> None:
        import torch

        value = stems(dtype=dtype)
        projected = consistency().project(torch.tensor(value))
        assert type(projected) is torch.Tensor
        np.testing.assert_allclose(projected.numpy(), consistency().project(value), atol=1e-6)
        assert projected.numpy().dtype == dtype

    def test_can_be_differentiated(self) -> None:
        import torch

        mixture = Audio(MIXTURE.samples[:, :4], 8000)
        value = torch.tensor(stems()[:, :, :4], requires_grad=True)
        assert torch.autograd.gradcheck(consistency(mixture).project, (value,))

    def test_violation_of_tensors_that_are_being_optimised(self) -> None:
        import torch

        value = torch.tensor(stems(), requires_grad=True)
        assert consistency().violation(value) == pytest.approx(consistency().violation(stems()))

    @pytest.mark.parametrize("gain", [1e-3, 1.0, 1e3])
    def test_violation_is_relative_to_the_mixture(self, gain: float) -> None:
        bound = consistency(Audio(gain * MIXTURE.samples, 8000))
        assert bound.violation(np.zeros((3, 2, 60))) == pytest.approx(1, rel=1e-6)

    def test_violation_for_a_silent_mixture_is_the_gap(self) -> None:
        bound = consistency(Audio(np.zeros((2, 60)), 8000))
        assert bound.violation(np.zeros((3, 2, 60))) == 0
        assert bound.violation(np.ones((3, 2, 60))) == pytest.approx(np.sqrt(9 * 120))


def bind(prior: Sparsity | Continuity, atoms: int = 3, frames: int = 8) -> Density:
    layout = Problem(MIXTURE).layout(frames_s=np.arange(float(frames)), atoms=(Atom(),) * atoms)
    return prior.bind(layout, Domain.ACTIVATIONS)


def activations(atoms: int = 3, frames: int = 8, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(0.1, 2, (atoms, frames))


def numeric_gradient(f: Callable[[Any], Any], x: NDArray[np.float64], step: float = 1e-6) -> NDArray[np.float64]:
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[index] += step
        behind[index] -= step
        gradient[index] = (f(ahead) - f(behind)) / (2 * step)
    return gradient


@pytest.mark.parametrize("prior", [Sparsity(), Sparsity(weight=0.5), Continuity(), Continuity(weight=0.5)], ids=repr)
class TestPriorsOnActivations:
    @pytest.mark.parametrize(("atoms", "frames"), [(3, 8), (1, 2), (2, 1)])
    def test_score_is_the_gradient_of_log_prob(self, prior: Sparsity, atoms: int, frames: int) -> None:
        density, H = bind(prior, atoms, frames), activations(atoms, frames)
        scale = prior.weight
        np.testing.assert_allclose(
            density.gradient(H) / scale, numeric_gradient(density.log_prob, H) / scale, rtol=1e-5, atol=1e-7
        )

    def test_score_is_torchs_gradient_of_log_prob(self, prior: Sparsity) -> None:
        import torch

        density = bind(prior)
        H = torch.tensor(activations(), requires_grad=True)
        density.log_prob(H).backward()
        assert H.grad is not None
        np.testing.assert_allclose(density.gradient(H.detach()).numpy(), H.grad.numpy(), rtol=1e-9, atol=1e-9)

    def test_parts_are_nonnegative_and_their_difference_is_the_score(self, prior: Sparsity) -> None:
        density, H = bind(prior), activations()
        H[0, :3] = 0
        assert isinstance(density, GradientSplit)
        plus, minus = density.split_gradient(H)
        assert plus.shape == minus.shape == H.shape
        assert (plus >= 0).all()
        assert (minus >= 0).all()
        np.testing.assert_allclose(density.gradient(H), minus - plus)

    def test_scale_of_an_atom_does_not_matter(self, prior: Sparsity) -> None:
        density, H = bind(prior), activations()
        scaled = H * np.array([[1e-3], [1], [50]])
        assert density.log_prob(scaled) == pytest.approx(density.log_prob(H))

    def test_score_is_orthogonal_to_scaling(self, prior: Sparsity) -> None:
        H = activations()
        np.testing.assert_allclose((bind(prior).gradient(H) * H).sum(axis=1), 0, atol=1e-10)

    @pytest.mark.parametrize("scale", [0, 1e-30, 1e-22, 1e-18, 1e-12, 1e-6, 1e6, 1e15])
    @pytest.mark.parametrize("kind", ["numpy", "torch"])
    def test_silent_soft_and_loud_atoms_are_finite(self, prior: Sparsity, scale: float, kind: str) -> None:
        import torch

        H: Any = activations().astype(np.float32)
        H[1] *= np.float32(scale)
        if kind == "torch":
            H = torch.from_numpy(H)
        density = bind(prior)
        assert isinstance(density, GradientSplit)
        for part in (*density.split_gradient(H), density.gradient(H), density.log_prob(H)):
            assert np.isfinite(np.asarray(part)).all()

    def test_keep_kind_and_type(self, prior: Sparsity) -> None:
        import torch

        density, H = bind(prior), activations().astype(np.float32)
        assert density.gradient(H).dtype == np.float32
        assert density.gradient(torch.from_numpy(H)).dtype == torch.float32
        of_tensor = density.gradient(torch.from_numpy(H)).numpy()
        np.testing.assert_allclose(of_tensor, density.gradient(H), rtol=1e-4, atol=1e-3)

    def test_weight_scales_them(self, prior: Sparsity) -> None:
        H, twice = activations(), type(prior)(weight=2 * prior.weight)
        assert bind(twice).log_prob(H) == pytest.approx(2 * bind(prior).log_prob(H))
        np.testing.assert_allclose(bind(twice).gradient(H), 2 * bind(prior).gradient(H))


def test_sparsity_prefers_few_large_activations() -> None:
    even, peaked = np.ones((1, 8)), np.eye(1, 8)
    density = bind(Sparsity(), 1)
    assert density.log_prob(peaked) > density.log_prob(even)
    assert density.log_prob(even) == pytest.approx(-10 * 8)


def test_continuity_prefers_slow_changes() -> None:
    slow, fast = np.array([[1.0, 1, 1, 1, 2, 2, 2, 2]]), np.array([[1.0, 2, 1, 2, 1, 2, 1, 2]])
    density = bind(Continuity(), 1)
    assert density.log_prob(slow) > density.log_prob(fast)
    assert density.log_prob(np.ones((1, 8))) == 0
