"""Where a deconvolution starts, and what holds the level before onsets down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.nmfd.tests.kit import examples
from sepkit.problem.run import Run
from sepkit.spectral import STFT
from sepkit_nmfd import NMFDConfig, onset_activations, onset_strength
from sepkit_nmfd.restoration import held_down
from sepkit_nmfd.start import learn_templates

FRAMES_S = np.arange(-2, 50) * 0.01


class TestActivations:
    def test_decay_after_each_onset(self) -> None:
        H = onset_activations([0.1, 0.3], FRAMES_S, 0.02)
        at = np.argmin(np.abs(FRAMES_S - 0.1))
        assert H[at] == 1
        assert H[at + 2] == pytest.approx(np.exp(-1))
        assert H[at - 1] == 0.5
        assert not H[: at - 1].any()
        assert H[at + 20] == pytest.approx(1, abs=1e-3)

    @given(st.lists(st.floats(-1, 1), max_size=6), st.floats(1e-3, 1))
    def test_lie_where_onsets_do(self, onsets_s: list[float], decay_s: float) -> None:
        H = onset_activations(onsets_s, FRAMES_S, decay_s)
        assert H.shape == FRAMES_S.shape
        assert np.isfinite(H).all()
        assert (H >= 0).all()
        beyond_s = [max(FRAMES_S[0] - onset_s, onset_s - FRAMES_S[-1]) for onset_s in onsets_s]
        assert H.any() or all(distance_s > 0 for distance_s in beyond_s)
        assert not H.any() or any(distance_s <= 0.0051 for distance_s in beyond_s)

    def test_strength_is_where_something_begins(self) -> None:
        V = np.zeros((5, 20), np.float32)
        V[:, 7:12] = 1
        strength = onset_strength(V)
        assert strength.argmax() == 7
        assert (strength > 0).all()
        assert strength[8] < 0.02 * strength[7]

    def test_strength_does_not_know_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        V = np.random.default_rng(0).random((5, 33))
        whole = onset_strength(V)
        monkeypatch.setattr("sepkit_nmfd.start.PASS_ELEMENTS", 5 * 4)
        assert np.array_equal(onset_strength(V), whole)

    def test_silence_begins_everywhere(self) -> None:
        assert (onset_strength(np.zeros((5, 4))) == 1).all()


class TestLearning:
    STFT = STFT(512, 128)

    def templates(self, **options: float) -> np.ndarray:
        given = {"snare": tuple(examples()["snare"])}
        return learn_templates(NMFDConfig(**options), self.STFT, 8, given, Run())["snare"]

    def test_a_template_begins_with_its_hit(self) -> None:
        W = self.templates()
        assert W.shape == (257, 1, 8)
        assert W.sum() == pytest.approx(1, rel=1e-4)
        assert W[:, 0].sum(axis=0).argmax() <= 3

    def test_looks_like_the_hits(self) -> None:
        # The hit is heard in full a few frames after the first that touches it.
        loudest = [self.STFT.magnitude(one.samples[0]).max(axis=1) for one in examples()["snare"]]
        mean = np.mean(loudest, axis=0)
        template = self.templates()[:, 0].max(axis=1)
        cosine = mean @ template / np.linalg.norm(mean) / np.linalg.norm(template)
        assert cosine > 0.95

    def test_takes_more_than_one(self) -> None:
        W = self.templates(rank=2)
        assert W.shape == (257, 2, 8)
        assert not np.allclose(W[:, 0], W[:, 1], rtol=0.1)


class TestHoldingDown:
    ONSET, REACH = 4000, 512

    def test_takes_away_what_swells(self) -> None:
        rng = np.random.default_rng(0)
        signal = np.zeros(8000)
        signal[self.ONSET :] = rng.standard_normal(4000)
        swell = signal.copy()
        swell[self.ONSET - 300 : self.ONSET] = np.linspace(0, 0.3, 300) * rng.standard_normal(300)
        held = held_down(swell, [self.ONSET], self.REACH)
        assert np.array_equal(held[self.ONSET :], signal[self.ONSET :])
        assert not held[: self.ONSET].any()

    def test_leaves_what_decays(self) -> None:
        time = np.arange(8000)
        ringing = np.exp(-time / 1500) * np.sin(time / 12)
        assert held_down(ringing, [4000, 6000], self.REACH) == pytest.approx(ringing, abs=0.02 * np.exp(-3500 / 1500))

    def test_leaves_the_signal_it_is_given(self) -> None:
        swell = np.linspace(0, 1, 5000)
        before = swell.copy()
        held_down(swell, [4000], self.REACH)
        assert np.array_equal(swell, before)

    @given(st.lists(st.integers(-50, 9000), max_size=5), st.integers(1, 2000))
    def test_never_makes_anything_louder(self, onsets: list[int], reach: int) -> None:
        signal = np.random.default_rng(1).standard_normal(6000)
        held = held_down(signal, sorted(onsets), reach)
        assert (np.abs(held) <= np.abs(signal) * (1 + 1e-12)).all()
