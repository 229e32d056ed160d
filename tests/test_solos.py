"""Solo passages, and mixtures of them: what is cut, what is held back, what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Audio
from sepkit.cli.given import parse_solos
from sepkit.errors import ConfigError, SideInformationError
from sepkit.training.solos import GAIN_DB, HELD_BACK, clock, mixtures_of, solo_passages

RATE = 1000
SOLOS = {"piano": [(0.0, 4.0), (10.0, 13.0)], "strings": [(5.0, 9.0)]}


def ramp(seconds: float = 20.0, channels: int = 2) -> Audio:
    """Every sample is another number, so that what was cut tells where."""
    samples = (1 + np.arange(round(seconds * RATE)) / 1e4).astype(np.float32)
    return Audio(np.repeat(samples[np.newaxis], channels, axis=0), RATE)


def cut(solos: Mapping[str, Iterable[Any]], mixture: Audio | None = None) -> dict[str, list[Audio]]:
    return solo_passages(mixture or ramp(), solos)


class TestPassages:
    def test_are_the_samples_between_start_and_end(self) -> None:
        passages = cut(SOLOS)
        assert {source: len(own) for source, own in passages.items()} == {"piano": 2, "strings": 1}
        assert np.array_equal(passages["piano"][1].samples, ramp().samples[:, 10_000:13_000])
        assert np.array_equal(passages["strings"][0].samples, ramp().samples[:, 5_000:9_000])

    def test_may_touch_and_may_reach_the_end(self) -> None:
        assert len(cut({"a": [(0, 5)], "b": [(5, 20)]})) == 2

    @pytest.mark.parametrize(
        ("solos", "told"),
        [
            ({"a": [(3, 3)]}, "a=0:03-0:03 is empty"),
            ({"a": [(5, 3)]}, "a=0:05-0:03 is empty"),
            ({"a": [(-1, 3)]}, "is empty"),
            ({"a": [(0, 20.5)]}, "a=0:00-0:20.5 goes beyond the end of the recording, 0:20;"),
            ({"a": [(0, 5)], "b": [(4, 6)]}, "b=0:04-0:06 overlaps a=0:00-0:05;"),
            ({"a": [(0, 9), (2, 3)]}, "a=0:02-0:03 overlaps a=0:00-0:09;"),
            ({"a": [(0, 9)], "b": [(0, 9)]}, "overlaps"),
            ({"a": [(1,)]}, r"\(start, end\) in seconds"),
            ({"a": ["01"]}, r"\(start, end\) in seconds"),
            ({"a": (0, 5)}, r"\(start, end\) in seconds, given 0; write \[\("),
            ({"a": 5}, r"\(start, end\) in seconds"),
            ([("a", 0, 5)], "solos needs to map names of sources to passages, given list"),
            ({"a": [(0, float("nan"))]}, r"\(start, end\) in seconds"),
        ],
    )
    def test_that_cannot_be_are_refused(self, solos: Any, told: str) -> None:
        with pytest.raises(SideInformationError, match=told):
            cut(solos)

    @pytest.mark.parametrize("floor", [0.0, 1e-7])
    def test_need_to_be_heard(self, floor: float) -> None:
        samples = ramp().samples.copy()
        samples[:, 5_000:9_000] = floor
        with pytest.raises(SideInformationError, match="strings=0:05-0:09 is silent"):
            cut(SOLOS, Audio(samples, RATE))

    @given(st.lists(st.floats(0, 20), min_size=4, max_size=4, unique_by=lambda time: round(time * RATE)))
    def test_are_those_that_do_not_overlap(self, times: list[float]) -> None:
        first, second, third, fourth = sorted(times)
        passages = cut({"b": [(third, fourth)], "a": [(first, second)]})
        assert passages["a"][0].samples.max() < passages["b"][0].samples.min()
        with pytest.raises(SideInformationError, match="overlaps"):
            cut({"a": [(first, third)], "b": [(second, fourth)]})


class TestMixtures:
    DATA = mixtures_of(cut(SOLOS), seed=3)

    def test_are_pieces_of_the_passages_within_the_gain(self) -> None:
        gains = []
        for track in (*self.DATA.train, *self.DATA.valid):
            stems = track.load_stems()
            assert list(stems) == ["piano", "strings"]
            for stem in stems.values():
                sounding = stem.samples[0][stem.samples[0] != 0]
                steps = np.diff(sounding)
                gains.append(float(np.median(steps)) * 1e4)
                assert np.allclose(steps, np.median(steps), rtol=0.1)
            assert np.array_equal(track.load_mixture().samples, np.sum([s.samples for s in stems.values()], axis=0))
        low, high = 10 ** (-GAIN_DB / 20), 10 ** (GAIN_DB / 20)
        assert low * 0.98 <= min(gains) < 0.6
        assert 1.7 < max(gains) <= high * 1.02

    def test_ends_of_passages_are_held_back(self) -> None:
        marked = ramp().samples.copy()
        ends = {"piano": [(3_200, 4_000), (12_400, 13_000)], "strings": [(8_200, 9_000)]}
        assert ends["piano"][0][0] == 4_000 * (1 - HELD_BACK)
        for start, end in (one for own in ends.values() for one in own):
            marked[:, start:end] *= -1
        data = mixtures_of(cut(SOLOS, Audio(marked, RATE)), seed=3)
        for tracks, sign in ((data.train, 1), (data.valid, -1)):
            stems = [stem.samples for track in tracks for stem in track.load_stems().values()]
            assert min(float((sign * stem).min()) for stem in stems) >= 0
            assert all(bool(stem.any()) for stem in stems)

    def test_are_the_same_again_and_others_with_another_seed(self) -> None:
        same, other = (mixtures_of(cut(SOLOS), seed).train[0].load_mixture().samples for seed in (3, 4))
        assert np.array_equal(self.DATA.train[0].load_mixture().samples, same)
        assert not np.array_equal(same, other)

    def test_are_named_after_the_sound_that_they_are_made_of(self) -> None:
        names = [track.name for track in mixtures_of(cut({**SOLOS, "piano": [(0, 4.001)]}), seed=3).train]
        assert len(set(names)) == len(names)
        assert not set(names) & {track.name for track in self.DATA.train}

    def test_take_two_sources(self) -> None:
        with pytest.raises(SideInformationError, match="two sources or more, given those of 'piano'"):
            mixtures_of(cut({"piano": SOLOS["piano"]}), seed=0)

    def test_take_more_than_a_moment(self) -> None:
        with pytest.raises(SideInformationError, match=r"solos of 'strings' last 1\.5 s in all; give at least 2 s"):
            mixtures_of(cut({"piano": [(0, 4)], "strings": [(5, 6), (7, 7.5)]}), seed=0)


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "passage"),
        [
            ("piano=0:00-0:35", ("piano", 0.0, 35.0)),
            ("piano=1:10-1:42.5", ("piano", 70.0, 102.5)),
            ("left hand=1:00:00-1:00:10", ("left hand", 3600.0, 3610.0)),
            ("a=b = 2 - 3", ("a=b", 2.0, 3.0)),
        ],
    )
    def test_say_source_start_and_end(self, text: str, passage: tuple[str, float, float]) -> None:
        assert parse_solos((text,)) == {passage[0]: [passage[1:]]}

    def test_of_one_source_come_together(self) -> None:
        assert parse_solos(("a=0-1", "b=1-2", "a=2-3")) == {"a": [(0, 1), (2, 3)], "b": [(1, 2)]}

    @pytest.mark.parametrize(
        "text", ["piano", "piano=", "piano=3", "=0-3", "a=-1-3", "a=0:0:0:1-3", "a=1e3-2", "a=x-y"]
    )
    def test_that_say_something_else_are_refused(self, text: str) -> None:
        with pytest.raises(ConfigError, match="NAME=FROM-TO, as in"):
            parse_solos((text,))

    @given(st.integers(0, 5_000_000))
    def test_of_times_are_read_as_they_are_written(self, milliseconds: int) -> None:
        written = clock(milliseconds / 1000)
        [(start, end)] = parse_solos((f"a={written}-{written}",))["a"]
        assert start == end == pytest.approx(milliseconds / 1000)
