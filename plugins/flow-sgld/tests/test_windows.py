"""Windows over long recordings."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Audio, F0Track, Note, Problem, Score, SideInformation
from sepkit_flow_sgld.windows import Window, excerpt, fade_in, windows


@given(length=st.integers(1, 500), size=st.integers(2, 100), part=st.floats(0.01, 0.5))
def test_windows_cover_everything_and_overlap(length: int, size: int, part: float) -> None:
    overlap = max(1, int(part * size))
    found = list(windows(length, size, overlap))
    assert found[0].start == 0
    assert found[-1].stop == length
    for before, after in itertools.pairwise(found):
        assert after.known == before.stop - after.start >= overlap
        assert after.stop > before.stop
    assert all(window.stop - window.start == min(size, length) for window in found)


@given(known=st.integers(0, 20), more=st.integers(1, 20))
def test_fade_rises_over_what_is_known(known: int, more: int) -> None:
    share = fade_in(known, known + more)
    assert (np.diff(share) >= 0).all()
    assert (share[known:] == 1).all()
    assert (share[:known] < 1).all()


def test_a_whole_recording_is_its_own_excerpt() -> None:
    problem = Problem(Audio(np.ones((1, 100), np.float32), 10))
    assert excerpt(problem, Window(0, 100, 0)) is problem


def test_side_information_moves_along() -> None:
    mixture = Audio(np.arange(100, dtype=np.float32)[None], 10)
    notes = [
        Note(0.5, 1.0, 60, part="a"),
        Note(1.5, 3.0, 62, part="a"),
        Note(2.5, 9.0, 64, part="a"),
        Note(0, 1, 50, part="b"),
    ]
    side = SideInformation(
        Score(tuple(notes)), {"a": F0Track(np.array([0.0, 5.0]), np.array([100.0, 200.0]))}, {"a": mixture}
    )
    part = excerpt(Problem(mixture, ("a", "b"), side), Window(20, 60, 5))
    np.testing.assert_array_equal(part.mixture.samples, mixture.samples[:, 20:60])
    np.testing.assert_array_equal(part.side.references["a"].samples, mixture.samples[:, 20:60])
    assert part.side.f0["a"].times_s.tolist() == [-2.0, 3.0]
    assert part.side.score is not None
    heard = [(note.onset_s, note.offset_s, note.pitch) for note in part.side.score.part("a").notes]
    np.testing.assert_allclose(heard, [(0.0, 1.0, 62), (0.5, 7.0, 64)])
    # Nothing of b sounds any more, and yet it stays a part of the score: silent, and not unknown.
    assert part.side.score.part("b").notes[0].onset_s > part.mixture.duration_s + 100
