"""Separation: blocks, channels, rates, masks, the filter, and what is left."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import sepkit
from plugins.interleaved.tests import toys
from sepkit import Audio
from sepkit.errors import MismatchError
from sepkit.neural import Checkpoint
from sepkit_interleaved import blocks
from sepkit_interleaved.blocks import Filtered
from sepkit_interleaved.config import NetworkOptions
from sepkit_interleaved.network import Decoder, SharedEncoder, draw
from sepkit_interleaved.sizes import Plan
from sepkit_interleaved.trained import Branch, Trained


def untrained(size: Any, rate: int, window_s: float, targets: tuple[str, ...] = ("a", "b")) -> Trained:
    """Weights as they are drawn, with batch statistics of noise."""
    plan = Plan.of(NetworkOptions(size=size, window_s=window_s), rate)
    encoder, decoders = SharedEncoder(plan), {target: Decoder(plan) for target in targets}
    drawn = torch.Generator().manual_seed(0)
    for module in (encoder, *decoders.values()):
        draw(module, drawn)
    shown = torch.rand((4, plan.size.channels, 50, len(plan.heard)), generator=drawn)
    for _ in range(20):
        found = encoder(shown)
        for decoder in decoders.values():
            decoder(found)
    for module in (encoder, *decoders.values()):
        module.requires_grad_(False).eval()
    return Trained(NetworkOptions(size=size, window_s=window_s), rate, (Branch(encoder, decoders, {}),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    untrained("tiny", toys.RATE, 0.032, toys.KINDS).write(tmp_path / "weights")
    return tmp_path / "weights"


def separated(folder: Path, mixture: Audio | None = None, **options: Any) -> sepkit.Separation:
    return sepkit.separate(mixture or toys.mixed(toys.KINDS, 5), "interleaved", weights=folder, device="cpu", **options)


def noise(channels: int, seconds: float, rate: int = toys.RATE) -> NDArray[np.float32]:
    samples = 0.1 * np.random.default_rng(0).standard_normal((channels, round(seconds * rate)))
    return samples.astype(np.float32)


def stems(
    trained: Trained, samples: NDArray[np.float32], rounds: int = 0, *, joint: bool = True
) -> NDArray[np.floating]:
    spectra = Filtered(trained, trained.targets, samples, joint=joint, rounds=rounds)
    return trained.plan.stft.synthesize(spectra, (len(trained.targets), *samples.shape))


class TestBlocks:
    """Block by block is the same as at once, to -60 dB and better."""

    @pytest.mark.parametrize(("size", "least_db"), [("small", 100), ("tiny", 60)])
    @pytest.mark.parametrize("rounds", [0, 1])
    def test_seams_are_not_heard(
        self, size: str, least_db: float, rounds: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trained, samples = untrained(size, toys.RATE, 0.032), noise(2, 12)
        assert trained.plan.stft.frames(samples.shape[-1]) > 3 * 450
        monkeypatch.setattr(blocks, "NETWORK_FRAMES", 1 << 20)
        whole = stems(trained, samples, rounds)
        monkeypatch.setattr(blocks, "NETWORK_FRAMES", 450)
        monkeypatch.setattr("sepkit.spectral._BLOCK_VALUES", 37 * trained.plan.stft.window_length)
        difference = stems(trained, samples, rounds) - whole
        assert 20 * np.log10(np.abs(whole).max() / max(np.abs(difference).max(), 1e-12)) > least_db

    def test_no_more_is_shown_at_once_than_a_stretch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        trained, samples = untrained("small", toys.RATE, 0.032), noise(1, 20)
        shown: list[int] = []
        trained.branches[0].encoder.register_forward_pre_hook(lambda _, heard: shown.append(heard[0].shape[2]))
        stems(trained, samples)
        assert max(shown) <= blocks.NETWORK_FRAMES + 2 * trained.branches[0].encoder.context_frames
        assert len(shown) == -(-trained.plan.stft.frames(samples.shape[-1]) // blocks.NETWORK_FRAMES)

    def test_every_encoder_is_applied_once(self) -> None:
        trained, calls = untrained("tiny", toys.RATE, 0.032, toys.KINDS), []
        trained.branches[0].encoder.register_forward_hook(lambda *_: calls.append(1))
        stems(trained, noise(1, 1))
        assert len(calls) == 1


class TestChannels:
    @pytest.mark.parametrize("size", ["tiny", "full"])
    @pytest.mark.parametrize("channels", [1, 2, 3])
    def test_any_number_is_separated(self, size: str, channels: int) -> None:
        trained, samples = untrained(size, toys.RATE, 0.032), noise(channels, 0.5)
        found = stems(trained, samples)
        assert found.shape == (2, *samples.shape)
        assert np.isfinite(found).all()

    def test_equal_channels_give_equal_stems(self) -> None:
        trained, mono = untrained("full", toys.RATE, 0.032), noise(1, 0.5)
        double = stems(trained, np.repeat(mono, 2, axis=0), joint=False)
        assert np.allclose(double.mean(axis=1), stems(trained, mono, joint=False)[:, 0], atol=1e-5)


class TestMasks:
    def test_joint_masks_share_no_more_than_there_is(self, folder: Path) -> None:
        trained, samples = toys.read(folder), noise(1, 1)
        for joint in (False, True):
            filtered = Filtered(trained, trained.targets, samples, joint=joint, rounds=0)
            block = slice(0, trained.plan.stft.frames(samples.shape[-1]))
            total = np.abs(filtered(block)).sum(axis=0)
            mixture = np.abs(trained.plan.stft.forward(samples))
            assert bool((total <= mixture * (1 + 1e-5)).all()) == joint

    def test_stems_and_residual_sum_to_the_mixture(self, folder: Path) -> None:
        for post_filter in ("none", "joint", "wiener"):
            separation = separated(folder, config={"post_filter": post_filter})
            total = sum(stem.samples for stem in separation.values()) + separation.residual.samples
            assert np.allclose(total, separation.mixture.samples, atol=1e-5)

    def test_masks_are_joint_among_those_that_are_asked_for(self, folder: Path) -> None:
        alone = separated(folder, config={"post_filter": "none"})
        together, one = separated(folder), separated(folder, sources=["hits"])
        assert np.array_equal(one["hits"].samples, alone["hits"].samples)
        assert not np.allclose(one["hits"].samples, together["hits"].samples, atol=1e-4)
        two = separated(folder, sources=["whistle", "notes"])
        assert two.sources == ("whistle", "notes")
        shutil.rmtree(folder / "decoder.hits")
        for name, stem in separated(folder).items():
            assert np.array_equal(stem.samples, two[name].samples)

    def test_louder_mixtures_give_equally_louder_stems(self, folder: Path) -> None:
        soft, loud = (separated(folder, toys.mixed(toys.KINDS, 5, gain)) for gain in (1e-4, 1.0))
        for source in toys.KINDS:
            assert np.allclose(1e4 * soft[source].samples, loud[source].samples, atol=1e-4)

    def test_the_filter_hears_where_sources_are(self, folder: Path) -> None:
        left, right = toys.mixed(["whistle"], 1).samples, toys.mixed(["notes"], 1).samples
        mixture = Audio(np.concatenate([left, right]), toys.RATE)
        plain, filtered = (separated(folder, mixture, config={"post_filter": name}) for name in ("joint", "wiener"))
        assert any(not np.allclose(plain[name].samples, filtered[name].samples, atol=1e-3) for name in toys.KINDS)

    @pytest.mark.parametrize("length", [1, 50])
    def test_very_short_and_silent_mixtures(self, folder: Path, length: int) -> None:
        for samples in (np.zeros((2, length)), np.full((2, length), 0.5)):
            separation = separated(folder, Audio(samples.astype(np.float32), toys.RATE))
            assert separation["hits"].length == length

    def test_other_rates_are_adapted(self, folder: Path) -> None:
        mixture = toys.mixed(toys.KINDS, 5).resample(11025)
        separation = separated(folder, mixture)
        assert separation["hits"].samples.shape == mixture.samples.shape


class TestDecoders:
    @pytest.fixture
    def applied(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Which decoders are applied."""
        applied: list[int] = []
        forward = Decoder.forward

        def noted(decoder: Decoder, found: torch.Tensor) -> torch.Tensor:
            applied.append(id(decoder))
            return forward(decoder, found)

        monkeypatch.setattr(Decoder, "forward", noted)
        return applied

    @pytest.mark.parametrize("asked", [["hits"], ["whistle", "notes"], list(toys.KINDS), []])
    def test_only_those_that_are_asked_for_are_run(self, folder: Path, applied: list[int], asked: list[str]) -> None:
        separated(folder, sources=asked)
        assert len(applied) == len(set(applied)) == (len(asked) or 3)

    def test_all_are_run_where_something_is_declared_of_them(self, folder: Path, applied: list[int]) -> None:
        separation = separated(folder, sources=["hits"], constraints=["mixture-consistency"])
        assert len(applied) == 3
        assert np.abs(separation.residual.samples).max() > 0.01


class TestSources:
    def test_those_of_the_weights_come(self, folder: Path) -> None:
        assert separated(folder).sources == toys.KINDS

    def test_others_are_an_error(self, folder: Path) -> None:
        with pytest.raises(MismatchError, match="weights know notes, hits, whistle and not flute"):
            separated(folder, sources=["flute"])

    def test_numbers_of_weights_are_known(self, folder: Path) -> None:
        method = sepkit.Method("interleaved", weights=folder, device="cpu")
        method.separate(toys.mixed(toys.KINDS, 5))
        saved = (Checkpoint.read(place, "interleaved") for place in folder.iterdir())
        tensors = [tensor for one in saved for name, tensor in one.tensors.items() if "running" not in name]
        assert method.parameters == sum(tensor.numel() for tensor in tensors if tensor.ndim)
