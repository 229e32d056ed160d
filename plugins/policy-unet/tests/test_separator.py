"""The separator on recordings made for the purpose, and on those in which there is nothing for it to find."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio, Separation, separate
from sepkit.problem.domain import Domain

# Folders with a hyphen have no name in import statements.
duos = import_module("plugins.policy-unet.tests.duos")
FASTEST, HYBRID, RATE, duo, mixed, si_sdr = duos.FASTEST, duos.HYBRID, duos.RATE, duos.duo, duos.mixed, duos.si_sdr


class TestBlind:
    def test_two_instruments_are_told_apart_by_nothing_but_their_tones(self, separated: Separation) -> None:
        assert min(si_sdr(separated, duo())) > 5

    def test_how_training_went_is_in_the_record(self, separated: Separation) -> None:
        traces = separated.provenance.traces
        assert len(traces["loss"]) == HYBRID["imitation"] + HYBRID["steps"]
        assert np.isfinite(traces["log-likelihood by start"]).tolist() == [True]
        assert np.mean(traces["loss"][-20:]) < 0.9 * np.mean(traces["loss"][:5])
        assert len(traces["harmonics of a"]) == HYBRID["harmonics"]

    def test_what_was_found_is_a_factorisation_with_one_tone_of_each_at_a_time(self, separated: Separation) -> None:
        variables = separated.variables
        assert variables is not None
        activations = variables.values[Domain.ACTIVATIONS]
        assert variables.values[Domain.TEMPLATES].min() >= 0
        for source in ("a", "b"):
            rows = [atom.source == source for atom in variables.layout.atoms or ()]
            assert ((activations[rows] > 0).sum(axis=0) <= 1).all()
            assert activations[rows].max() > 0
        separated.plot_factors()
        assert sorted(separated.score.parts) == ["a", "b"]

    def test_of_several_starts_each_is_judged_as_it_would_be_alone(self) -> None:
        mixture = mixed(*duo(notes=1).values())
        options = {**FASTEST, "starts": 3, "steps": 6}
        three = separate(mixture, "policy-unet", config=options)
        by_start = three.provenance.traces["log-likelihood by start"]
        assert len(set(by_start)) == 3
        # The first start is what it would be alone.
        alone = separate(mixture, "policy-unet", config={**options, "starts": 1})
        assert alone.provenance.traces["log-likelihood by start"][0] == pytest.approx(by_start[0], rel=1e-3)

    def test_direct_spectra_leave_all_else_to_the_residual(self, weights: Path) -> None:
        """Percussion is nothing that tones explain."""
        stems = duo(notes=3)
        length = stems["full"].length
        strokes = np.zeros(length)
        rng = np.random.default_rng(2)
        for onset in range(1000, length - 1000, 3200):
            strokes[onset : onset + 1000] = rng.normal(0, 0.3, 1000) * np.exp(-np.arange(1000) / 150)
        mixture = mixed(*stems.values(), Audio(strokes.astype(np.float32)[np.newaxis], RATE))
        separation = separate(mixture, "policy-unet", weights=weights, config={"resynthesis": "direct"})
        drawn = np.sum([stem.samples[0] for stem in separation.values()], axis=0)

        def correlation(x: np.ndarray) -> float:
            return float(x @ strokes / np.linalg.norm(x) / np.linalg.norm(strokes))

        assert correlation(separation.residual.samples[0]) > 0.3
        assert correlation(separation.residual.samples[0]) > 2 * abs(correlation(drawn))


class TestOddRecordings:
    def test_silence_is_said_to_be_silent(self) -> None:
        separation = separate(Audio(np.zeros((1, RATE), np.float32), RATE), "policy-unet", config=FASTEST)
        assert list(separation) == ["instrument1", "instrument2"]
        assert not any(stem.samples.any() for stem in separation.values())
        assert any("silent" in remark for remark in separation.provenance.remarks)

    @pytest.mark.parametrize(("rate", "channels", "seconds"), [(8_000, 1, 1.0), (96_000, 2, 1.0), (22_050, 1, 0.03)])
    def test_any_rate_channels_and_length_will_do(self, rate: int, channels: int, seconds: float) -> None:
        time = np.arange(int(rate * seconds)) / rate
        tone = np.sum([0.1 / h * np.sin(2 * np.pi * 330 * h * time) for h in range(1, 6)], axis=0).astype(np.float32)
        separation = separate(Audio(np.tile(tone, (channels, 1)), rate), "policy-unet", config=FASTEST)
        for stem in separation.values():
            assert stem.samples.shape == (channels, len(tone))
            assert np.isfinite(stem.samples).all()
        told = [remark for remark in separation.provenance.remarks if "above 4000 Hz the stems share" in remark]
        assert len(told) == (rate > RATE)

    @pytest.mark.slow
    def test_of_two_instruments_where_one_plays_both_sum_to_it(self) -> None:
        stem = duo(notes=3)["full"]
        separation = separate(stem, "policy-unet", config=HYBRID | {"steps": 2, "imitation": 100})
        assert np.linalg.norm(separation.residual.samples) < 0.3 * np.linalg.norm(stem.samples)

    def test_the_number_of_instruments_is_that_of_the_sources(self) -> None:
        mixture = mixed(*duo(notes=1).values())
        assert list(separate(mixture, "policy-unet", sources=["x", "y", "z"], config=FASTEST)) == ["x", "y", "z"]
        assert list(separate(mixture, "policy-unet", config={**FASTEST, "instruments": 1})) == ["instrument1"]

    def test_a_pursuit_that_hears_nothing_leaves_a_plain_start(self) -> None:
        """All of this recording lies below what the pursuit looks at."""
        time = np.arange(RATE) / RATE
        low = Audio((np.hanning(RATE) * np.sin(2 * np.pi * 60 * time)).astype(np.float32)[np.newaxis], RATE)
        separation = separate(low, "policy-unet", config={**HYBRID, "steps": 2, "low_hz": 1000.0})
        assert len(separation.provenance.traces["loss"]) == 2
