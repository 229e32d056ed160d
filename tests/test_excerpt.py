"""Excerpts of problems."""

from __future__ import annotations

import numpy as np

from sepkit import Audio, F0Track, Note, Problem, Score, SideInformation
from sepkit.problem import excerpt


def test_a_whole_recording_is_its_own_excerpt() -> None:
    problem = Problem(Audio(np.ones((1, 100), np.float32), 10))
    assert excerpt(problem, 0, 100) is problem


def test_side_information_moves_along() -> None:
    mixture = Audio(np.arange(100, dtype=np.float32)[None], 10)
    notes = [
        Note(0.5, 1.0, 60, part="a"),
        Note(1.5, 3.0, 62, part="a"),
        Note(2.5, 9.0, 64, part="a"),
        Note(0, 1, 50, part="b"),
    ]
    side = SideInformation(
        Score(tuple(notes)),
        {"a": F0Track(np.array([0.0, 5.0]), np.array([100.0, 200.0]))},
        examples={"a": (mixture,)},
        references={"a": mixture},
    )
    part = excerpt(Problem(mixture, ("a", "b"), side), 20, 60)
    np.testing.assert_array_equal(part.mixture.samples, mixture.samples[:, 20:60])
    np.testing.assert_array_equal(part.side_information.references["a"].samples, mixture.samples[:, 20:60])
    # Examples are other recordings: there is no part of them that belongs to a part of the mixture.
    assert part.side_information.examples == {"a": (mixture,)}
    assert part.side_information.f0["a"].times_s.tolist() == [-2.0, 3.0]
    assert part.side_information.score is not None
    heard = [(note.onset_s, note.offset_s, note.pitch) for note in part.side_information.score.part("a").notes]
    np.testing.assert_allclose(heard, [(0.0, 1.0, 62), (0.5, 7.0, 64)])
    # Nothing of b sounds any more, and yet it stays a part of the score: silent, and not unknown.
    assert part.side_information.score.part("b").notes[0].onset_s > part.mixture.duration_s + 100
