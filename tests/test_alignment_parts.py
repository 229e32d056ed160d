"""The parts of an alignment: tuning, maps of time, pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Note, Score
from sepkit.alignment import align
from sepkit.alignment.timemap import TimeMap
from sepkit.alignment.tuning import tuning_cents
from sepkit.spectral import STFT
from tests.playing import play


@pytest.mark.parametrize("cents", [-49, -20, 0, 13, 49])
@pytest.mark.parametrize("pitch", [57, 69, 83])
def test_the_tuning_of_a_tone(cents: int, pitch: int) -> None:
    time_s = np.arange(32000) / 16000
    tone = np.sin(2 * np.pi * 440 * 2 ** ((pitch + cents / 100 - 69) / 12) * time_s).astype(np.float32)
    assert tuning_cents(tone, 16000, STFT(2048, 1024)) == pytest.approx(cents, abs=2)


def test_silence_has_no_tuning() -> None:
    assert tuning_cents(np.zeros(16000, np.float32), 16000, STFT(2048, 1024)) == 0


@st.composite
def staircases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Both times of a warping path."""
    steps = draw(st.lists(st.sampled_from([(1, 1), (1, 0), (0, 1)]), min_size=0, max_size=40))
    score, recording = np.cumsum([(draw(st.integers(0, 5)), draw(st.integers(0, 5))), *steps], axis=0).T
    return score / 10.0, recording / 10.0


@given(staircases(), st.lists(st.floats(-50, 50), min_size=2, max_size=20, unique=True))
def test_a_map_through_a_path_increases_and_has_an_inverse(
    path: tuple[np.ndarray, np.ndarray], times_s: list[float]
) -> None:
    times = TimeMap.through(*path, slope=1.0)
    ordered_s = np.sort(times_s)
    far_enough = ordered_s[np.diff(ordered_s, prepend=-np.inf) > 1e-6]
    assert (np.diff(times(far_enough)) > 0).all()
    np.testing.assert_allclose(times.inverse(times(ordered_s)), ordered_s, atol=1e-6)


def test_where_a_path_stands_still_its_middle_counts() -> None:
    times = TimeMap.through(np.array([0.0, 1, 1, 1, 2]), np.array([0.0, 1, 2, 3, 4]), 1.0)
    np.testing.assert_allclose(times([0, 1, 2, 3]), [0, 2, 4, 6])


@pytest.mark.parametrize("seconds", [1, 301])
def test_the_picture_shows_notes_path_and_shifts(seconds: int) -> None:
    pytest.importorskip("matplotlib", reason='needs matplotlib: pip install "sepkit[plot]"')
    score = Score(tuple(Note(0.2 + s, 0.8 + s, 60 + s % 7) for s in range(min(seconds, 30))))
    alignment = align(play(score, rate=8000, seconds=seconds), score, backend="builtin")
    figure = alignment.plot()
    pictured, path, shifts = figure.axes
    assert len(pictured.collections[0].get_segments()) == len(score.notes)
    assert len(path.lines[0].get_xdata()) == alignment.path_s.shape[1]
    assert len(shifts.lines[0].get_xdata()) == len(score.notes)
    assert shifts.get_xlabel() == ("seconds of the recording" if seconds == 1 else "minutes of the recording")
    figure.savefig(io.BytesIO(), format="svg")
    assert figure._repr_png_().startswith(b"\x89PNG")
