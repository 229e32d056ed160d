"""Separation with trained weights: by the encoder alone, or with activations fitted to the mixture."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import sepkit
from plugins.nae.tests import lessons
from sepkit import Audio, Density, Domain, Layout, Note, Prior, Run, Score
from sepkit.builtin import Continuity
from sepkit.errors import ConfigError, MismatchError, WeightsError
from sepkit.evaluation import evaluate
from sepkit.neural import Checkpoint

RATE = lessons.RATE


class Even(Prior):
    """Templates are even."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.TEMPLATES})

    def bind(self, layout: Layout, domain: Domain) -> Density:
        return Continuity().bind(layout, domain)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lessons.train(tmp_path_factory.mktemp("weights"), steps=150)


@pytest.fixture(scope="module")
def contextual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lessons.train(tmp_path_factory.mktemp("weights"), steps=8, context_frames=2)


def separated(folder: Path, mixture: Audio | None = None, **options: Any) -> sepkit.Separation:
    return sepkit.separate(mixture or lessons.mixture(5), "nae", weights=folder, device="cpu", **options)


def sdr_db(separation: sepkit.Separation, seed: int = 5) -> float:
    return min(evaluate(separation, lessons.stems(seed), metrics=["sdr"]).values["SDR"].values())


class TestSeparation:
    @pytest.mark.parametrize("inference", ["encoder", "refit"])
    def test_another_recording_is_separated(self, folder: Path, inference: str) -> None:
        separation = separated(folder, sources=["low", "high"], config={"inference": inference})
        assert sdr_db(separation) > 12

    def test_the_encoder_is_applied_once(self, folder: Path) -> None:
        trained, mixture = lessons.read(folder), lessons.mixture(5)
        H = separated(folder, keep_variables=True).variables.values[Domain.ACTIVATIONS]
        V = torch.from_numpy(trained.stft.magnitude(mixture.samples[0]))
        assert np.allclose(H, trained.model.encode(V).numpy(), rtol=1e-4, atol=1e-5)

    def test_blocks_make_no_difference_to_context(self, contextual: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        trained, samples = lessons.read(contextual), lessons.mixture(5).samples[0]
        whole = trained.activations(samples, Run())
        monkeypatch.setattr("sepkit.spectral._BLOCK_VALUES", 7 * trained.stft.window_length)
        assert len(list(trained.stft.blocks(len(samples)))) > 10
        assert torch.allclose(trained.activations(samples, Run()), whole, rtol=1e-4, atol=1e-6)

    @pytest.mark.parametrize("inference", ["encoder", "refit"])
    def test_everything_is_nonnegative(self, folder: Path, inference: str) -> None:
        separation = separated(folder, config={"inference": inference}, keep_variables=True)
        values = separation.variables.values
        assert values[Domain.TEMPLATES].min() >= 0
        assert values[Domain.ACTIVATIONS].min() >= 0

    def test_stems_and_residual_sum_to_the_mixture(self, folder: Path) -> None:
        separation = separated(folder)
        total = sum(stem.samples for stem in separation.values()) + separation.residual.samples
        assert np.allclose(total, separation.mixture.samples, atol=1e-5)
        # Wherever the mixture has energy some atom answers, so little is left.
        assert np.std(separation.residual.samples) < 0.05 * np.std(separation.mixture.samples)

    def test_louder_mixtures_give_equally_louder_stems(self, folder: Path) -> None:
        mixture = lessons.mixture(5)
        soft, loud = (separated(folder, Audio(mixture.samples * np.float32(gain), RATE)) for gain in (1e-3, 1))
        assert np.allclose(soft["low"].samples * 1e3, loud["low"].samples, atol=1e-4)

    def test_refit_lowers_the_divergence(self, folder: Path) -> None:
        costs = separated(folder, config={"inference": "refit"}).provenance.traces["cost"]
        assert costs[-1] < costs[0]
        assert all(after <= before * (1 + 1e-6) for before, after in pairwise(costs))

    @pytest.mark.parametrize("length", [1, 50])
    @pytest.mark.parametrize("inference", ["encoder", "refit"])
    def test_very_short_and_silent_mixtures(self, folder: Path, length: int, inference: str) -> None:
        for samples in (np.zeros((1, length)), np.full((1, length), 0.5)):
            separation = separated(folder, Audio(samples, RATE), config={"inference": inference})
            assert separation["low"].length == length

    def test_other_rates_and_stereo_are_adapted(self, folder: Path) -> None:
        mixture = Audio(np.tile(lessons.mixture(5).samples, (2, 1)), RATE).resample(11025)
        separation = separated(folder, mixture)
        assert separation["high"].samples.shape == mixture.samples.shape
        assert any("8000" in step for step in separation.provenance.adaptations)

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device here")
    def test_cuda_gives_the_same_stems(self, folder: Path) -> None:
        on_cuda = sepkit.separate(lessons.mixture(5), "nae", weights=folder, device="cuda")
        assert np.allclose(on_cuda["low"].samples, separated(folder)["low"].samples, atol=1e-4)


class TestSources:
    def test_without_names_all_that_were_trained_come(self, folder: Path) -> None:
        assert separated(folder).sources == ("low", "high")

    def test_some_of_them_in_another_order(self, folder: Path) -> None:
        both, one = separated(folder, sources=["high", "low"]), separated(folder, sources=["high"])
        assert both.sources == ("high", "low")
        assert np.array_equal(one["high"].samples, both["high"].samples)

    def test_others_are_an_error(self, folder: Path) -> None:
        with pytest.raises(MismatchError, match="weights know low, high and not flute"):
            separated(folder, sources=["low", "flute"])


class TestStatements:
    SCORE = Score((Note(0.0, 1.0, 60, part="low"), Note(0.0, 3.0, 72, part="high")))

    @pytest.mark.parametrize("inference", ["encoder", "refit"])
    def test_with_a_score_sources_sound_only_while_their_part_does(self, folder: Path, inference: str) -> None:
        separation = separated(folder, score=self.SCORE, config={"inference": inference}, keep_variables=True)
        after = slice(int(1.4 * RATE), None)
        assert not separation["low"].samples[:, after].any()
        assert separation["high"].samples[:, after].any()

    def test_priors_on_activations_need_a_fit(self, folder: Path) -> None:
        with pytest.raises(ConfigError, match=r"weighs no priors on activations; .*inference=refit"):
            separated(folder, priors=["sparsity"])
        plain, sparse = (
            separated(folder, priors=priors, config={"inference": "refit"}, keep_variables=True)
            for priors in ([], ["sparsity:weight=30"])
        )
        values = [one.variables.values[Domain.ACTIVATIONS] for one in (plain, sparse)]
        spreads = [np.mean(H) / np.sqrt(np.mean(np.square(H))) for H in values]
        assert spreads[1] < 0.98 * spreads[0]

    def test_priors_on_templates_come_too_late(self, folder: Path) -> None:
        with pytest.raises(ConfigError, match="priors on templates have no say"):
            separated(folder, priors=[Even()])


class TestWeights:
    def test_those_of_another_method_are_refused(self, tmp_path: Path) -> None:
        Checkpoint("other", {}, ("a",), RATE, {"w": torch.zeros(1)}).write(tmp_path)
        with pytest.raises(WeightsError, match="weights of 'other', wanted are those of 'nae'"):
            separated(tmp_path)

    def test_their_number_is_known(self, folder: Path) -> None:
        method = sepkit.Method("nae", weights=folder, device="cpu")
        method.separate(lessons.mixture(5))
        bins, atoms, hidden = 129, 8, 16
        assert method.parameters == 2 * bins * atoms + bins * hidden + hidden * atoms

    def test_without_them_the_method_is_what_it_was(self) -> None:
        plain = sepkit.separate(lessons.mixture(5), "nae", config={"rank": 2, "iterations": 1}, device="cpu")
        assert len(plain.sources) == 2
