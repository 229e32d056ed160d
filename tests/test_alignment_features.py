"""What recording and score are compared by: the same however it is cut into blocks."""

from __future__ import annotations

import numpy as np
import pytest

from sepkit import large
from sepkit.alignment import features
from sepkit.alignment.timemap import TimeMap
from tests.playing import compose, play


@pytest.mark.parametrize("seconds", [0.03, 2.0])
def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    score = compose(3, 2)
    recording = play(score, seconds=seconds)

    def found() -> list[np.ndarray]:
        heard, _ = features.recording_features(recording)
        played = features.score_features(score, TimeMap.unmoved(), len(heard.pitches))
        return [heard.pitches, heard.onsets, played.pitches, played.onsets, heard.with_onsets(0.3), played.pooled(3)]

    whole = found()
    monkeypatch.setattr(large, "_COPIED", 5 * len(features.PITCHES))
    for one, other in zip(found(), whole, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_what_rises_is_louder_a_frame_later_than_a_frame_before(frames: int) -> None:
    loudness = np.random.default_rng(0).uniform(0, 1, (frames, 3)).astype(np.float32)
    beside = np.pad(loudness, ((1, 1), (0, 0)), mode="edge")
    np.testing.assert_array_equal(features._rise(loudness), np.maximum(0, beside[2:] - beside[:-2]))


def test_pooled_frames_are_means_of_what_there_is_and_silence() -> None:
    pitches = np.random.default_rng(0).uniform(0, 1, (7, len(features.PITCHES))).astype(np.float32)
    padded = np.pad(pitches, ((0, 2), (0, 0)))
    means = features.Features(padded, padded).pooled(3)
    np.testing.assert_allclose(features.Features(pitches, pitches).pooled(3), means, atol=1e-6)
