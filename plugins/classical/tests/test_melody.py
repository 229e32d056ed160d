"""The melody is found, and told where its F0 is known."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, Domain, F0Track
from sepkit.errors import ConfigError, SideInformationError
from sepkit_classical import a_weighting, best_path, candidates_hz, subharmonic_summation
from sepkit_classical.lead import LeadModel
from sepkit_classical.salience import STEP_CENTS
from sepkit_classical.voice_f0 import bridged

Array = NDArray[np.floating]

RATE = 16000


def song(seconds: float = 4.0) -> tuple[Array, Array, F0Track]:
    """A voice with vibrato over chords that repeat, and its F0."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    f0_hz = 330 * 2 ** ((np.floor(2 * time_s) % 4 + 0.3 * np.sin(2 * np.pi * 5 * time_s)) / 12)
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE
    voice = 0.15 * sum(np.sin(k * phase) / k for k in range(1, 11))
    chords = [(110, 138.6, 164.8), (98, 123.5, 146.8)]
    band = sum(
        (np.floor(2 * time_s) % 2 == index) * sum(np.sin(2 * np.pi * k * f_hz * time_s) / k for k in (1, 2, 3))
        for index, chord in enumerate(chords)
        for f_hz in chord
    )
    at_s = np.arange(0, seconds, 0.01)
    return 0.05 * band, voice, F0Track(at_s, np.interp(at_s, time_s, f0_hz))


def sdr_db(estimate: Array, truth: Array) -> float:
    return float(10 * np.log10(np.square(truth).sum() / np.square(estimate - truth).sum()))


def mixture() -> Audio:
    band, voice, _ = song()
    return Audio.mono((band + voice).astype(np.float32), RATE)


class TestSalience:
    def test_is_the_weighted_sum_of_partials(self) -> None:
        S = np.random.default_rng(0).random((400, 3))
        (salience,) = subharmonic_summation(S, 10.0, np.array([205.0]))
        places = 20.5 * np.arange(1, 20)
        bins = np.arange(400)
        expected = [sum(0.86**n * np.interp(place, bins, S[:, t]) for n, place in enumerate(places)) for t in range(3)]
        assert salience == pytest.approx(expected)

    def test_of_a_harmonic_tone_is_highest_at_its_f0(self) -> None:
        f0_hz = candidates_hz(80, 800)
        S = np.zeros((1000, 1))
        S[40 * np.arange(1, 20), 0] = 1 / np.arange(1, 20)
        found_hz = f0_hz[subharmonic_summation(S, 5.0, f0_hz)[:, 0].argmax()]
        assert abs(1200 * np.log2(found_hz / 200)) <= STEP_CENTS

    @settings(max_examples=25, deadline=None)
    @given(st.integers(2, 5), st.integers(1, 6), st.integers(0, 999))
    def test_no_path_is_better_than_the_best(self, candidates: int, frames: int, seed: int) -> None:
        salience = np.random.default_rng(seed).random((candidates, frames))
        likely = np.log(salience / salience.sum(axis=0) + 1e-6)

        def worth(path: tuple[int, ...]) -> float:
            steps = np.abs(np.diff(path)).sum() * STEP_CENTS / 106.0
            return float(sum(likely[place, frame] for frame, place in enumerate(path)) - steps)

        best = max(np.ndindex(*[candidates] * frames), key=worth)
        assert worth(tuple(best_path(salience, 0.01))) == pytest.approx(worth(best))

    def test_loudness_is_that_of_the_standard(self) -> None:
        # IEC 61672-1, table 3, in dB.
        wanted = {100: -19.1, 400: -4.8, 1000: 0, 2500: 1.3, 8000: -1.1}
        assert 20 * np.log10(a_weighting(np.array([*wanted]))) == pytest.approx([*wanted.values()], abs=0.11)


class TestKnownF0:
    @given(st.lists(st.tuples(st.booleans(), st.floats(80, 800)), min_size=1, max_size=40), st.integers(0, 8))
    def test_short_gaps_are_bridged_and_no_others(self, points: list[tuple[bool, float]], longest: int) -> None:
        f0_hz = np.array([value if sung else np.nan for sung, value in points])
        known = np.flatnonzero(np.isfinite(f0_hz))
        found = bridged(0.01 * np.arange(len(f0_hz)), f0_hz, 0.01 * longest + 1e-9)
        expected = f0_hz.copy()
        for one, other in itertools.pairwise(known):
            if other - one <= longest:
                expected[one : other + 1] = np.geomspace(f0_hz[one], f0_hz[other], other - one + 1)
        assert found == pytest.approx(expected, nan_ok=True)


class TestModel:
    @pytest.mark.parametrize("noise", [0.0, 0.1])
    def test_an_update_is_that_of_every_factor_in_turn(self, noise: float) -> None:
        rng = np.random.default_rng(1)
        V, comb = rng.gamma(1.0, size=(2, 40, 150)).astype(np.float32)
        model = LeadModel.drawn(comb, np.linspace(0, 8000, 40), rank=4, filters=3, noise=noise, rng=rng)
        B, F, A, U, W, H = (
            np.asarray(one, np.float64)
            for one in (model.bands, model.filters, model.voiced, model.unvoiced, model.W, model.H)
        )
        model.update(V)

        def ratio() -> Array:
            return V / (comb * (B @ F @ A) + noise * (B @ F @ U) + W @ H)

        R, ones = ratio(), np.ones_like(V)
        A, U, H = (
            A * ((B @ F).T @ (comb * R)) / ((B @ F).T @ comb),
            U * ((B @ F).T @ R) / ((B @ F).T @ ones) if noise else U,
            H * (W.T @ R) / (W.T @ ones),
        )
        R = ratio()
        wanted, there = (B.T @ (comb * one) @ A.T + noise * (B.T @ one @ U.T) for one in (R, ones))
        F, W = F * wanted / there, W * (R @ H.T) / (ones @ H.T)
        assert model.voice == pytest.approx(comb * (B @ F @ A) + noise * (B @ F @ U), rel=1e-3)
        assert model.accompaniment == pytest.approx(W @ H, rel=1e-3)

    @pytest.mark.parametrize("noise", [0.0, 0.1])
    def test_updates_never_raise_the_divergence(self, noise: float) -> None:
        rng = np.random.default_rng(0)
        V, comb = rng.gamma(1.0, size=(2, 60, 40)).astype(np.float32)
        model = LeadModel.drawn(comb, np.linspace(0, 8000, 60), rank=4, filters=3, noise=noise, rng=rng)

        def divergence() -> float:
            M = model.voice + model.accompaniment
            return float(np.sum(V * np.log((V + 1e-9) / M) - V + M, dtype=np.float64))

        costs = [divergence()]
        for _ in range(30):
            model.update(V)
            costs.append(divergence())
        assert costs[-1] < 0.8 * costs[0]
        assert (np.diff(costs) < 1e-4 * costs[0]).all()


class TestMelody:
    @pytest.mark.parametrize(("method", "voice_db", "band_db"), [("melody", 8, 2), ("rpca-melody", 5, 0)])
    def test_comes_out_and_its_f0_with_it(self, method: str, voice_db: float, band_db: float) -> None:
        band, voice, f0 = song()
        result = sepkit.separate(mixture(), method, keep_variables=True)
        assert sdr_db(result["vocals"].samples[0], voice) > voice_db
        assert sdr_db(result["accompaniment"].samples[0], band) > band_db
        assert result.variables is not None
        frames_s = result.variables.layout.frames_s
        assert frames_s is not None
        found_hz = result.variables.values[Domain.F0][0]
        cents = 1200 * np.log2(found_hz / np.interp(frames_s, f0.times_s, f0.f0_hz))
        assert np.mean(np.abs(cents) < 50) > 0.8

    def test_is_better_where_f0_is_given(self, tmp_path: Path) -> None:
        _, voice, f0 = song()
        f0.write(tmp_path / "vocals.csv")
        given = sepkit.separate(mixture(), "melody", f0={"vocals": tmp_path / "vocals.csv"})
        blind = sepkit.separate(mixture(), "melody")
        assert sdr_db(given["vocals"].samples[0], voice) > sdr_db(blind["vocals"].samples[0], voice)

    def test_the_f0_that_is_found_can_be_given_back(self, tmp_path: Path) -> None:
        found = sepkit.separate(mixture(), "rpca-melody", keep_variables=True)
        found.write(tmp_path, variables=True)
        again = sepkit.separate(mixture(), "rpca-melody", f0={"vocals": tmp_path / "f0" / "vocals.csv"})
        assert sdr_db(again["vocals"].samples, found["vocals"].samples) > 25

    def test_is_silent_where_f0_says_so(self) -> None:
        *_, f0 = song()
        half = F0Track(f0.times_s, np.where(f0.times_s < 2, f0.f0_hz, np.nan))
        voice = sepkit.separate(mixture(), "melody", f0={"vocals": half}, config={"unvoiced": 0})["vocals"].samples[0]
        assert np.abs(voice[round(2.3 * RATE) :]).max() < 1e-6
        assert np.abs(voice[:RATE]).max() > 0.1

    def test_unvoiced_sounds_are_sung_too_where_that_is_wanted(self) -> None:
        *_, f0 = song()
        half = F0Track(f0.times_s, np.where(f0.times_s < 2, f0.f0_hz, np.nan))
        voice = sepkit.separate(mixture(), "melody", f0={"vocals": half}, config={"unvoiced": 0.1})["vocals"].samples[0]
        assert np.abs(voice[round(2.3 * RATE) :]).max() > 1e-3

    def test_f0_out_of_tune_is_moved_and_told(self) -> None:
        _, voice, f0 = song()
        flat = F0Track(f0.times_s, f0.f0_hz * 2 ** (-40 / 1200))
        right, moved = (sepkit.separate(mixture(), "melody", f0={"vocals": track}) for track in (f0, flat))
        assert sdr_db(moved["vocals"].samples[0], voice) > sdr_db(right["vocals"].samples[0], voice) - 0.5
        assert any("vocals is flat by 40 cents" in remark for remark in moved.provenance.remarks)
        assert not any("cents" in remark for remark in right.provenance.remarks)

    def test_f0_of_another_name_is_refused(self) -> None:
        with pytest.raises(SideInformationError, match="given is that of 'violin', and the voice is called vocals"):
            sepkit.separate(mixture(), "melody", f0={"violin": song()[2]})

    def test_f0_of_others_is_told(self) -> None:
        f0 = song()[2]
        result = sepkit.separate(mixture(), "rpca-melody", f0={"vocals": f0, "bass": f0})
        assert any("F0 of 'bass' made no difference" in remark for remark in result.provenance.remarks)

    @pytest.mark.parametrize("method", ["melody", "rpca-melody"])
    def test_f0_that_leaves_out_much_of_the_recording_is_told(self, method: str) -> None:
        f0, short = song()[2], Audio(mixture().samples[:, : 2 * RATE], RATE)
        later = F0Track(f0.times_s + 10, f0.f0_hz)
        remarks = sepkit.separate(short, method, f0={"vocals": later, "bass": f0}).provenance.remarks
        told = [remark for remark in remarks if "is given from" in remark]
        assert told == [
            f"F0 of vocals is given from 10.0 to {later.times_s[-1]:.1f} s of a recording of 2.0 s: beyond that it "
            "counts as unvoiced"
        ]

    def test_a_range_that_is_none_is_told(self) -> None:
        with pytest.raises(ConfigError, match="lowest_hz 900 is not below highest_hz 800"):
            sepkit.separate(mixture(), "melody", config={"lowest_hz": 900})
