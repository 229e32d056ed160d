"""Training: what is learned, what is the same again, going on after a stop, and data that cannot be used."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from plugins.nae.tests import lessons
from sepkit import Audio, Cancelled, Progress, Run
from sepkit.errors import DatasetError
from sepkit.evaluation import Track
from sepkit.neural import Checkpoint
from sepkit.spectral import STFT
from sepkit.training import TrainingData
from sepkit_nae.excerpts import Excerpts, read_aligned, read_sources
from sepkit_nae.training import STATE

FEW = {"steps": 12, "save_every": 5}
NAMED_SEEDS = (("first", 3), ("again", 3), ("other", 4))


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


class TestTraining:
    def test_it_learns(self, tmp_path: Path) -> None:
        losses = Checkpoint.read(lessons.train(tmp_path), "nae").about["losses"]
        assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])

    def test_decoders_are_nonnegative_and_bring_their_own_rank(self, tmp_path: Path) -> None:
        model = lessons.read(lessons.train(tmp_path, **FEW)).model
        assert model.decoder.shape == (129, 8)
        assert bool((model.decoder >= 0).all())

    def test_each_decoder_starts_with_partials_of_its_own_source(self, tmp_path: Path) -> None:
        trained = lessons.read(lessons.train(tmp_path, **FEW))
        low, high = trained.model.decoder.chunk(2, dim=1)
        below = trained.stft.bins_hz(lessons.RATE) < 400
        assert float(low[below].sum() / low.sum()) > 0.4
        assert float(high[below].sum() / high.sum()) < 0.1

    def test_equal_seeds_give_equal_weights(self, tmp_path: Path) -> None:
        folders = [lessons.train(tmp_path / name, Run(seed=seed, device="cpu"), **FEW) for name, seed in NAMED_SEEDS]
        first, again, other = map(weights, folders)
        assert first == again != other

    def test_the_best_on_tracks_held_out_is_kept(self, tmp_path: Path) -> None:
        about = Checkpoint.read(lessons.train(tmp_path, given=lessons.data(valid=True)), "nae").about
        validations = about["validations"]
        assert len(validations) == 3
        assert about["best_step"] == 20 * (1 + int(np.argmin(validations)))

    def test_checkpoint_tells_what_it_was_made_of(self, tmp_path: Path) -> None:
        checkpoint = Checkpoint.read(lessons.train(tmp_path, **FEW), "nae")
        assert (checkpoint.sources, checkpoint.sample_rate) == (("low", "high"), lessons.RATE)
        assert checkpoint.config["rank"] == 4
        assert checkpoint.about["tracks"] == ["lesson 0"]

    def test_it_works_at_the_rate_that_is_asked_for(self, tmp_path: Path) -> None:
        assert lessons.read(lessons.train(tmp_path, **FEW, sample_rate=4000)).sample_rate == 4000

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device here")
    def test_it_learns_on_cuda(self, tmp_path: Path) -> None:
        losses = Checkpoint.read(lessons.train(tmp_path, Run(device="cuda")), "nae").about["losses"]
        assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])


class TestResume:
    def test_a_stopped_training_comes_to_the_same_weights(self, tmp_path: Path) -> None:
        whole = lessons.train(tmp_path / "whole", **FEW)
        stop = threading.Event()

        def report(event: Progress) -> None:
            if event.stage == "train" and event.done == 7:
                stop.set()

        with pytest.raises(Cancelled):
            lessons.train(tmp_path / "stopped", Run(device="cpu", reporter=report, cancel=stop), **FEW)
        assert (tmp_path / "stopped" / STATE).is_file()
        assert weights(lessons.train(tmp_path / "stopped", **FEW)) == weights(whole)

    def test_no_state_is_left(self, tmp_path: Path) -> None:
        names = {file.name for file in lessons.train(tmp_path, **FEW).iterdir()}
        assert names == {"model.json", "model.safetensors"}


class TestData:
    def test_a_source_that_is_never_heard(self, tmp_path: Path) -> None:
        silent = Track(name="silent", stems={"low": lambda: Audio(np.zeros((1, 4000), np.float32), lessons.RATE)})
        with pytest.raises(DatasetError, match="source 'low' is silent in all tracks"):
            lessons.train(tmp_path, given=TrainingData((silent,), (), ("low",)))

    @pytest.mark.parametrize("length", [1, 100])
    def test_very_short_recordings_can_be_learned_from(self, tmp_path: Path, length: int) -> None:
        short = Track(name="short", stems={"a": lambda: Audio(np.ones((2, length), np.float32), lessons.RATE)})
        model = lessons.read(lessons.train(tmp_path, given=TrainingData((short,), (), ("a",)), **FEW)).model
        assert all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values())

    def test_tracks_need_not_have_all_sources(self, tmp_path: Path) -> None:
        parts = [
            Track(name=source, stems={source: lambda source=source: lessons.played(source, 0)})  # type: ignore[misc]
            for source in lessons.SCALES
        ]
        given = TrainingData(tuple(parts), (parts[0],), tuple(lessons.SCALES))
        assert lessons.read(lessons.train(tmp_path, given=given, **FEW)).sources == ("low", "high")

    def test_recordings_of_one_source_follow_each_other_at_one_rate(self) -> None:
        recordings = read_sources([lessons.track(0), lessons.track(1)], ["high"], 4000)
        assert {source: len(samples) for source, samples in recordings.items()} == {"high": 2 * 3 * 4000}

    def test_stems_of_one_track_stay_together(self) -> None:
        stems = read_aligned(lessons.track(0), ["high", "absent", "low"], lessons.RATE)
        assert np.array_equal(stems.sum(axis=0), lessons.mixture(0).samples[0])
        assert not stems[1].any()


class TestExcerpts:
    EXCERPTS = Excerpts(STFT(256, 64), frames=10, context_frames=2)

    def test_magnitudes_are_those_of_the_mixtures_spectrogram(self) -> None:
        stems = np.random.default_rng(0).standard_normal((3, 2, self.EXCERPTS.length)).astype(np.float32)
        X, V = self.EXCERPTS.magnitudes(stems, torch.device("cpu"))
        assert (X.shape, V.shape) == ((5 * 129, 30), (2, 129, 30))
        # The frame after those of context, of the second mixture, by a transform of its own.
        window = np.sin(np.pi * np.arange(256) / 256) ** 2
        spectra = np.fft.rfft(stems[1, :, 2 * 64 : 2 * 64 + 256] * window)
        mixture = np.abs(spectra.sum(axis=0))
        given = X.reshape(5, 129, 30)[2, :, 10].numpy()
        scale = given.sum() / mixture.sum()
        assert np.allclose(given, scale * mixture, rtol=1e-3, atol=1e-3)
        assert np.allclose(V[:, :, 10].numpy(), scale * np.abs(spectra), rtol=1e-3, atol=1e-3)

    def test_neighbours_are_those_in_time(self) -> None:
        stems = np.random.default_rng(0).standard_normal((2, 1, self.EXCERPTS.length)).astype(np.float32)
        X = self.EXCERPTS.magnitudes(stems, torch.device("cpu"))[0].reshape(5, 129, 2, 10)
        for shift in range(1, 5):
            assert torch.equal(X[shift, :, :, :-shift], X[0, :, :, shift:])

    def test_draws_are_pieces_of_the_recordings_within_the_gain(self) -> None:
        ramp = np.arange(1, 5000, dtype=np.float32)
        drawn = self.EXCERPTS.draw([ramp, ramp], 50, 6.0, np.random.default_rng(0))
        assert drawn.shape == (50, 2, self.EXCERPTS.length)
        gains = drawn[:, :, 1] - drawn[:, :, 0]
        assert np.allclose(np.diff(drawn), gains[..., np.newaxis], rtol=1e-2)
        assert 10**-0.3 * 0.99 < gains.min() < 0.7
        assert 1.4 < gains.max() < 10**0.3 * 1.01

    @pytest.mark.parametrize("length", [1, 3000, 20_000])
    def test_spread_excerpts_reach_from_start_to_end(self, length: int) -> None:
        recording = np.arange(length, dtype=np.float32)
        spread = self.EXCERPTS.spread(recording, 40)
        assert spread[0, 0] == 0
        assert spread.max() == length - 1
        assert len(spread) <= 40

    def test_silence_is_silence(self) -> None:
        X, V = self.EXCERPTS.magnitudes(np.zeros((2, 2, self.EXCERPTS.length), np.float32), torch.device("cpu"))
        assert not X.any()
        assert not V.any()
