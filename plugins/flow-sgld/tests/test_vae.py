"""The variational posterior: its algebra, and a case whose answer is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

import sepkit
from sepkit import Audio, Problem, Run
from sepkit.errors import MismatchError
from sepkit.evaluation import Track
from sepkit.neural import Checkpoint
from sepkit.testing import run_checks
from sepkit.training import TrainingData
from sepkit_flow_sgld.flow import Flow
from sepkit_flow_sgld.vae import Encoder, entropy, project, projected_variance
from sepkit_flow_sgld.vae_config import FlowVAEConfig, FlowVAETrainingConfig
from sepkit_flow_sgld.vae_separator import FlowVAE
from sepkit_flow_sgld.vae_training import FlowVAETrainer

RATE = 8000
STDS = {"first": 2.0, "second": 1.0}
"""By the names that the conformance kit asks for."""
SHAPE = {"frames": [4], "widths": [4], "steps": [1], "dilations": [1], "embedding": 8}
SIGMA = 0.1


def plane(count: int) -> np.ndarray:
    """An orthonormal basis of the values that sum to zero [shape=(count, count - 1)]."""
    return np.linalg.svd(np.ones((1, count)))[2][1:].T


@pytest.fixture(scope="module")
def log_std() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(2, 4, 3)))


def test_projected_stems_sum_to_the_mixture_and_projecting_twice_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    stems, mixtures = torch.from_numpy(rng.normal(size=(2, 3, 5))), torch.from_numpy(rng.normal(size=(2, 5)))
    once = project(stems, mixtures)
    torch.testing.assert_close(once.sum(1), mixtures)
    torch.testing.assert_close(project(once, mixtures), once)


def test_variance_and_entropy_are_those_of_the_projected_normal_density(log_std: torch.Tensor) -> None:
    batch, count, samples = log_std.shape
    projection, basis = np.eye(count) - 1 / count, plane(count)
    variances = np.empty(log_std.shape)
    entropies = np.zeros(batch)
    for item in range(batch):
        for sample in range(samples):
            covariance = projection @ np.diag(np.exp(2 * log_std[item, :, sample].numpy())) @ projection
            variances[item, :, sample] = np.diag(covariance)
            _, log_det = np.linalg.slogdet(2 * math.pi * math.e * basis.T @ covariance @ basis)
            entropies[item] += log_det / 2
    np.testing.assert_allclose(projected_variance(log_std), variances, rtol=1e-10)
    np.testing.assert_allclose(entropy(log_std), entropies, rtol=1e-10)


def test_an_untrained_encoder_gives_equal_shares() -> None:
    encoder = Encoder(sources=3, frame=4, width=8, dilations=(1, 2), levels=(0.1, 1.0))
    encoder.initialize(torch.Generator().manual_seed(0))
    mixtures = torch.from_numpy(np.random.default_rng(2).normal(size=(2, 30)).astype(np.float32))
    mean, log_std = encoder(mixtures, torch.tensor([0.5]))
    torch.testing.assert_close(mean, (mixtures / 3).unsqueeze(1).expand(2, 3, 30))
    torch.testing.assert_close(log_std, torch.full_like(log_std, math.log(0.5)))


@pytest.fixture(scope="module")
def priors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Flows that were never trained: white noise of the deviations of `STDS`."""
    folder = tmp_path_factory.mktemp("priors")
    for source, std in STDS.items():
        config = {"data_std": std, "levels": [0.001, 10.0], **SHAPE}
        flow = Flow(**config)
        flow.initialize(torch.Generator().manual_seed(3))
        Checkpoint("flow", config, (source,), RATE, flow.state_dict(), {"power": std**2}).write(folder / source)
    return folder


@pytest.fixture(scope="module")
def trained(priors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    rng = np.random.default_rng(4)

    def noise() -> Audio:
        return Audio(rng.normal(size=(1, 4000)).astype(np.float32), RATE)

    tracks = [Track(name=str(item), stems=dict.fromkeys(STDS, noise), mixture=noise) for item in range(3)]
    config = FlowVAETrainingConfig(
        priors=priors, steps=500, learning_rate=1e-2, batch=8, excerpt=128, lowest=SIGMA, highest=SIGMA,
        frame=4, width=16, dilations=(1,), validate_every=300,
    )  # fmt: skip
    FlowVAETrainer(config).train(TrainingData(tuple(tracks[:2]), (tracks[2],), tuple(STDS)), folder, Run())
    return folder


def separated(weights: Path, mixture: Audio, **options: object) -> tuple[dict[str, Audio], Run]:
    method, run = FlowVAE(FlowVAEConfig(**options)), Run()
    method.load(weights, run)
    return dict(method.separate(Problem(mixture), run)), run


def test_under_white_priors_it_finds_the_wiener_filter_and_its_error(trained: Path) -> None:
    mixture = Audio(np.random.default_rng(5).normal(size=(1, 5000)).astype(np.float32), RATE)
    stems, run = separated(trained, mixture)
    total = sum(std**2 for std in STDS.values())
    variances = {source: std**2 / total + SIGMA**2 for source, std in STDS.items()}
    gap = math.prod(variances.values()) / sum(variances.values())
    for source, variance in variances.items():
        gain = np.vdot(stems[source].samples, mixture.samples) / np.vdot(mixture.samples, mixture.samples)
        assert gain == pytest.approx(variance / sum(variances.values()), abs=0.05)
        level = np.sqrt(np.mean(mixture.samples**2))
        assert run.uncertainty[source].samples.mean() == pytest.approx(level * math.sqrt(gap), rel=0.15)
    np.testing.assert_allclose(sum(stem.samples for stem in stems.values()), mixture.samples, atol=1e-5)


def test_the_bound_lies_below_the_evidence(trained: Path, priors: Path) -> None:
    about = Checkpoint.read(trained, "flow-vae").about
    total = sum(std**2 for std in STDS.values())
    variances = [std**2 / total + SIGMA**2 for std in STDS.values()]
    # Of one sample of a mixture of variance 1; stems that sum to it lie on a plane, stretched by the root of two.
    evidence = 0.5 * (math.log(2 * math.pi * sum(variances)) + 1 / sum(variances)) - 0.5 * math.log(2)
    bound = about["validations"][-1] * len(STDS)
    assert evidence - 0.01 < bound < evidence + 0.05


def test_a_sample_differs_from_the_mean_by_its_uncertainty(trained: Path) -> None:
    mixture = Audio(np.random.default_rng(6).normal(size=(1, 5000)).astype(np.float32), RATE)
    mean, run = separated(trained, mixture)
    sample, _ = separated(trained, mixture, estimate="sample")
    for source in STDS:
        ratio = (sample[source].samples - mean[source].samples) / run.uncertainty[source].samples
        assert np.std(ratio) == pytest.approx(1, abs=0.05)


def test_blocks_leave_no_seam(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mixture = Audio(np.random.default_rng(7).normal(size=(1, 999)).astype(np.float32), RATE)
    whole, _ = separated(trained, mixture)
    monkeypatch.setattr("sepkit_flow_sgld.vae_separator._BLOCK", 64)
    pieces, _ = separated(trained, mixture)
    for source in STDS:
        np.testing.assert_allclose(pieces[source].samples, whole[source].samples, atol=1e-5)


def test_it_knows_the_sources_of_its_weights_alone(trained: Path) -> None:
    mixture = Audio(np.ones((1, 100), np.float32), RATE)
    with pytest.raises(MismatchError, match="weights know first, second and not harp"):
        sepkit.separate(mixture, "flow-vae", weights=trained, sources=["harp"])
    assert list(sepkit.separate(mixture, "flow-vae", weights=trained, sources=["second"])) == ["second"]


@pytest.mark.slow
def test_it_keeps_the_promises_of_every_method(trained: Path) -> None:
    outcomes = run_checks("flow-vae", weights=trained)
    assert [outcome for outcome in outcomes if outcome.status == "failed"] == []
