"""Harmonic combs: which bins they claim, when, and what they separate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sepkit import Audio, F0Track, Note, Registry, Score, Separation, separate
from sepkit.builtin.comb import harmonic_comb, sounding_pitches
from sepkit.errors import MismatchError, SideInformationError
from sepkit.informed.f0_known import f0_at
from sepkit.music.pitch import midi_to_hz

SHARED = Path(__file__).parents[2] / "shared" / "data"
RATE = 8000
BINS_HZ = np.arange(513) * (RATE / 1024)
NOTES = (Note(0.0, 1.0, 57, part="low"), Note(1.0, 2.0, 59, part="low"), Note(0.2, 1.8, 64, part="high"))


def tones(part: str) -> NDArray[np.floating]:
    """What a part of `NOTES` sounds like."""
    time_s = np.arange(2 * RATE) / RATE
    samples = np.zeros(len(time_s))
    for note in NOTES:
        if note.part == part:
            inside = np.clip((time_s - note.onset_s) / (note.offset_s - note.onset_s), 0, 1)
            f0_hz = float(midi_to_hz(note.pitch))
            for number in range(1, 9):
                samples += 0.1 / number * np.sin(np.pi * inside) * np.sin(2 * np.pi * number * f0_hz * time_s)
    return samples


STEMS = {part: Audio(tones(part)[np.newaxis], RATE) for part in ("low", "high")}
MIXTURE = Audio(STEMS["low"].samples + STEMS["high"].samples, RATE)
TRACKS = {
    "low": F0Track(np.array([0, 0.99, 1.0, 2.0]), midi_to_hz([57, 57, 59, 59])),
    "high": F0Track(np.array([0.1, 0.2, 1.8, 1.9]), np.array([np.nan, *midi_to_hz([64, 64]), np.nan])),
}


def comb(mixture: Audio = MIXTURE, sources: tuple[str, ...] = ("low", "high"), **given: Any) -> Separation:
    return separate(mixture, "harmonic-comb", sources=sources, registry=Registry(), **given)


def sdr(reference: Audio, estimate: Audio) -> float:
    truth = reference.samples.astype(np.float64)
    return float(10 * np.log10(np.sum(truth**2) / np.sum((truth - estimate.samples) ** 2)))


@pytest.mark.parametrize("known", [{"score": Score(NOTES)}, {"f0": TRACKS}], ids=["score", "f0"])
@pytest.mark.parametrize("channels", [1, 2])
def test_tones_of_different_pitch_come_apart(known: dict[str, Any], channels: int) -> None:
    mixture = Audio(np.repeat(MIXTURE.samples, channels, axis=0), RATE)
    separation = comb(mixture, **known)
    for name, truth in STEMS.items():
        for channel in separation[name].samples:
            assert sdr(truth, Audio(channel[np.newaxis], RATE)) > sdr(truth, MIXTURE) + 10


def test_the_order_of_notes_parts_and_tracks_does_not_matter() -> None:
    one = comb(score=Score(NOTES))
    other = comb(score=Score(NOTES[::-1]), sources=("high", "low"))
    assert other.sources == ("high", "low")
    by_f0, reversed_f0 = (comb(f0=dict(tracks)) for tracks in (TRACKS.items(), reversed(TRACKS.items())))
    for name in STEMS:
        np.testing.assert_array_equal(one[name].samples, other[name].samples)
        np.testing.assert_array_equal(by_f0[name].samples, reversed_f0[name].samples)


def test_sources_that_are_not_asked_for_take_their_share() -> None:
    for known in ({"score": Score(NOTES)}, {"f0": TRACKS}):
        everything, some = comb(**known), comb(sources=("high",), **known)
        np.testing.assert_allclose(some["high"].samples, everything["high"].samples, atol=1e-7)


def test_a_source_goes_by_its_f0_track_where_it_has_one() -> None:
    wrong = Score(tuple(Note(note.onset_s, note.offset_s, 100, part=note.part) for note in NOTES))
    separation, by_f0 = comb(score=wrong, f0=TRACKS), comb(f0=TRACKS)
    mixed = comb(score=Score(NOTES), f0={"low": TRACKS["low"]})
    for name, truth in STEMS.items():
        np.testing.assert_array_equal(separation[name].samples, by_f0[name].samples)
        assert sdr(truth, mixed[name]) > sdr(truth, MIXTURE) + 10


def test_what_no_comb_claims_is_left_over() -> None:
    between = np.hanning(2 * RATE) * np.sin(2 * np.pi * 285 * np.arange(2 * RATE) / RATE)
    stranger = Audio(0.1 * between[np.newaxis], RATE)
    separation = comb(Audio(MIXTURE.samples + stranger.samples, RATE), score=Score(NOTES), config={"window_s": 0.128})
    assert sdr(stranger, separation.residual) > 10
    assert sdr(stranger, separation.mixture) < 3


def test_notes_sound_within_the_tolerance_and_not_beyond() -> None:
    noise = Audio(np.random.default_rng(0).standard_normal((1, 2 * RATE)), RATE)
    score = Score((Note(0.8, 1.2, 60, part="a"),))
    for tolerance_s in (0.0, 0.2):
        config = {"tolerance_s": tolerance_s, "window_s": 0.016}
        (stem,) = comb(noise, ("a",), score=score, config=config).values()
        sounding = np.flatnonzero(stem.samples[0]) / RATE
        assert sounding[0] == pytest.approx(0.8 - tolerance_s, abs=0.012)
        assert sounding[-1] == pytest.approx(1.2 + tolerance_s, abs=0.012)


def test_a_source_that_never_sounds_is_silent() -> None:
    late = Score((*NOTES, Note(50, 60, 40, part="late")))
    unvoiced = {"mute": F0Track(np.array([0.0, 1.0]), np.array([np.nan, np.nan]))}
    for source, known in (("late", {"score": late}), ("mute", {"f0": {**TRACKS, **unvoiced}})):
        np.testing.assert_array_equal(comb(sources=("low", source), **known)[source].samples, 0)


def test_what_is_known_of_other_times_is_told() -> None:
    assert comb(score=Score(NOTES)).provenance.remarks == ()
    late = Score((*NOTES, Note(2.5, 3.0, 60, part="low")))
    later = F0Track(TRACKS["high"].times_s + 5, TRACKS["high"].f0_hz)
    assert comb(score=late, f0={"high": later}).provenance.remarks[:2] == (
        "1 of 4 notes lie after the recording's end at 2.0 s, the first at 2.5 s",
        "F0 of high is given from 5.1 to 6.9 s of a recording of 2.0 s: beyond that it counts as unvoiced",
    )


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = comb(score=Score(NOTES), f0={"high": TRACKS["high"]})
    monkeypatch.setattr("sepkit.spectral._BLOCK_VALUES", 5000)
    for name, stem in comb(score=Score(NOTES), f0={"high": TRACKS["high"]}).items():
        np.testing.assert_allclose(stem.samples, whole[name].samples, atol=1e-6)


def test_without_score_and_f0_both_are_asked_for() -> None:
    with pytest.raises(MismatchError, match=r"it needs score or f0: give .*--score, or .*--f0"):
        comb()


def test_a_source_of_which_nothing_is_known_is_named_beside_those_there_are() -> None:
    with pytest.raises(SideInformationError, match=r"nothing is known of oboe: .* of 'low', 'high', 'voice'"):
        comb(sources=("low", "oboe"), score=Score(NOTES), f0={"voice": TRACKS["low"]})


def test_without_names_all_that_is_known_is_separated() -> None:
    assert comb(sources=(), score=Score(NOTES), f0={"voice": TRACKS["low"]}).sources == ("voice", "low", "high")
    with pytest.raises(SideInformationError, match="no notes that belong to a part"):
        comb(sources=(), score=Score((Note(0, 1, 57, part=""),)))


class TestHarmonicComb:
    @given(pitch=st.floats(30, 100), cents=st.floats(0, 200))
    def test_equals_a_loop_over_bins_and_partials(self, pitch: float, cents: float) -> None:
        f0_hz = float(midi_to_hz(pitch))
        expected = np.zeros(len(BINS_HZ))
        for index, bin_hz in enumerate(BINS_HZ):
            number = min(range(1, int(BINS_HZ[-1] / f0_hz) + 2), key=lambda m: abs(m * f0_hz - bin_hz))
            reach_hz = max(number * f0_hz * (2 ** (cents / 1200) - 1), BINS_HZ[1])
            expected[index] = 1 / number if abs(number * f0_hz - bin_hz) <= reach_hz else 0
        np.testing.assert_allclose(harmonic_comb(np.array([f0_hz]), BINS_HZ, cents)[0], expected, rtol=1e-6)

    def test_is_nothing_where_nothing_sounds(self) -> None:
        found = harmonic_comb(np.array([np.nan, 220.0]), BINS_HZ, 50)
        assert not found[0].any()
        assert found[1].any()

    @given(f0_hz=st.floats(40, 3000), cents=st.floats(0, 100))
    def test_claims_a_bin_on_either_side_of_every_partial(self, f0_hz: float, cents: float) -> None:
        found = harmonic_comb(np.array([f0_hz]), BINS_HZ, cents)[0]
        for number in range(1, int(BINS_HZ[-1] / f0_hz) + 1):
            below = int(number * f0_hz / BINS_HZ[1])
            assert found[below : below + 2] == pytest.approx(1 / number)

    def test_an_octave_shares_its_even_partials_one_to_two(self) -> None:
        low, high = harmonic_comb(np.array([250.0, 500.0]), BINS_HZ, 20)
        at = [round(number * 500 / BINS_HZ[1]) for number in (1, 2, 3)]
        np.testing.assert_allclose(high[at] / low[at], 2)
        assert high[round(250 / BINS_HZ[1])] == 0


class TestSoundingPitches:
    TIMES_S = np.linspace(0, 1, 101)

    def test_a_note_that_is_repeated_at_once_counts_once(self) -> None:
        notes = [Note(0.1, 0.5, 60), Note(0.5, 0.9, 60), Note(0.3, 0.4, 62)]
        pitches, sounding = sounding_pitches(notes, self.TIMES_S, 0.1)
        assert pitches.tolist() == [60, 62]
        np.testing.assert_array_equal(sounding[0], 1)
        np.testing.assert_array_equal(sounding[1], (self.TIMES_S >= 0.2) & (self.TIMES_S <= 0.5))

    def test_notes_elsewhere_are_left_out(self) -> None:
        pitches, sounding = sounding_pitches([Note(2, 3, 60), Note(4, 5, 61)], self.TIMES_S, 0.1)
        assert pitches.shape == (0,)
        assert sounding.shape == (0, 101)


class TestF0At:
    TRACK = F0Track(np.array([0.0, 0.1, 0.5, 0.6, 1.0]), np.array([100, 110, np.nan, 200, 240]))

    @pytest.mark.parametrize(
        ("time_s", "f0_hz"),
        [
            (0.0, 100),
            (0.05, 105),
            (0.8, 220),
            (-0.04, 100),
            (0.14, 110),
            (0.57, 200),
            (1.04, 240),
            (-0.06, np.nan),
            (0.3, np.nan),
            (0.5, np.nan),
            (1.06, np.nan),
        ],
    )
    def test_is_interpolated_near_what_is_voiced(self, time_s: float, f0_hz: float) -> None:
        found = f0_at(self.TRACK, np.array([time_s]), 0.05)
        np.testing.assert_allclose(found, [f0_hz])

    @given(st.lists(st.floats(50, 2000) | st.just(np.nan), min_size=1, max_size=20))
    def test_is_the_track_at_its_own_points(self, f0_hz: list[float]) -> None:
        times_s = np.arange(len(f0_hz)) * 0.01
        np.testing.assert_allclose(f0_at(F0Track(times_s, np.array(f0_hz)), times_s, 0.0), f0_hz)


def test_on_a_real_recording_it_beats_the_mixture_by_far() -> None:
    folder = SHARED / "bach10" / "mix05_bwv255"
    if not folder.is_dir():
        pytest.skip(f"needs the recordings in {SHARED}")
    stems = {path.stem: Audio.read(path) for path in (folder / "stems").iterdir()}
    mixture = Audio.read(folder / "mixture.flac")
    separation = comb(mixture, tuple(stems), score=folder / "score.mid")
    assert all(sdr(truth, separation[name]) > sdr(truth, mixture) + 8 for name, truth in stems.items())
