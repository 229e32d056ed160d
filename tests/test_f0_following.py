"""F0 that follows a recording: its partials, its search, its steps, and the command that writes it."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepkit.cli import main
from sepkit.errors import SepkitError, SideInformationError
from sepkit.informed.f0_alone import f0_alone
from sepkit.informed.f0_known import f0_of_notes, known_f0
from sepkit.informed.f0_refinement import best_path, offsets_cents, salience
from sepkit.informed.f0_tracking import Tracking, track_f0
from sepkit.informed.moving_partials import moving_partials
from sepkit.informed.source_filter import SourceFilterModel, divergence
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.note import Note
from sepkit.music.score import Score
from sepkit.music.side import SideInformation
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.problem.spans import spans_of
from sepkit.spectral import STFT

RATE = 8000
DURATION_S = 2.0
TIMES_S = np.arange(0, DURATION_S, 0.005)


def vibrato(centre_hz: float, cents: float = 40.0, rate_hz: float = 5.5) -> np.ndarray:
    """F0 of a singer at `TIMES_S`."""
    return centre_hz * 2 ** (cents / 1200 * np.sin(2 * np.pi * rate_hz * TIMES_S))


def sung(f0_hz: np.ndarray, partials: Iterable[int] = range(1, 9)) -> np.ndarray:
    """Partials of amplitude one over their number."""
    time_s = np.arange(round(DURATION_S * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(np.interp(time_s, TIMES_S, f0_hz)) / RATE
    return sum(np.sin(k * phase) / k for k in partials).astype(np.float32)


@pytest.mark.parametrize("f0_hz", [np.full(len(TIMES_S), 220.0), vibrato(220.0)], ids=["steady", "vibrato"])
def test_partials_are_what_the_transform_shows_of_them(f0_hz: np.ndarray) -> None:
    stft = STFT(1024, 256)
    time_s = np.arange(round(DURATION_S * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(np.interp(time_s, TIMES_S, f0_hz)) / RATE
    partials = sum(np.exp(1j * k * phase) for k in range(1, 12))
    frames_s = stft.frames_s(len(time_s), RATE)
    inside = (frames_s > 0.1) & (frames_s < DURATION_S - 0.1)
    window = np.hanning(1025)[:-1]
    framed = np.stack([partials[round(t * RATE) - 512 : round(t * RATE) + 512] for t in frames_s[inside]])
    truth = np.abs(np.fft.fft(framed * window, axis=1))[:, :300] / window.sum()
    spectra = moving_partials(TIMES_S, f0_hz, frames_s, stft, RATE, 4000.0)[inside, :300]
    # The strongest partial of a bin stands for all that reach it.
    assert np.abs(spectra - truth).mean() < 0.02
    assert np.corrcoef(spectra.ravel(), truth.ravel())[0, 1] > 0.995


def test_no_partials_where_unvoiced_nor_above_the_highest() -> None:
    f0_hz = np.where(TIMES_S < 1.0, 900.0, np.nan)
    stft = STFT(1024, 256)
    frames_s = stft.frames_s(round(DURATION_S * RATE), RATE)
    spectra = moving_partials(TIMES_S, f0_hz, frames_s, stft, RATE, 3000.0)
    assert spectra[frames_s > 1.01].max() == 0
    assert spectra.shape[1] == 385
    assert spectra[(frames_s > 0.2) & (frames_s < 0.8)][:, 354:].max() < 0.02


def test_all_unvoiced_is_silence() -> None:
    spectra = moving_partials(TIMES_S, np.full(len(TIMES_S), np.nan), TIMES_S[::8], STFT(512, 128), RATE, 4000.0)
    assert not spectra.any()


def test_updates_never_raise_the_divergence() -> None:
    rng = np.random.default_rng(0)
    X = rng.gamma(1.0, 1.0, (20, 129)).astype(np.float32)
    combs = rng.uniform(0, 1, (2, 20, 129)).astype(np.float32)
    numbers = rng.integers(0, 10, combs.shape).astype(np.uint8)
    model = SourceFilterModel.drawn(np.arange(129) * 31.25, 2, 20, 4, rng)
    equal, costs = combs.copy(), []
    for step in range(60):
        costs.append(divergence(X, model.mixture(combs)))
        if step % 2:
            model.update_strengths(X, combs, numbers)
        else:
            model.update(X, combs)
    assert (np.diff(costs) < 1e-5).all()
    assert costs[-1] < 0.9 * costs[0]
    np.testing.assert_allclose(combs[1], equal[1] * model.strengths[1][numbers[1]], rtol=1e-4)


def test_updates_find_that_a_source_has_odd_partials_only() -> None:
    f0_hz = vibrato(220.0) * np.where(TIMES_S < 1, 1.0, 4 / 3)
    clarinet = Audio.mono(sung(f0_hz, range(1, 8, 2)), RATE)
    problem = Problem(clarinet, ("clarinet",), SideInformation(f0={"clarinet": F0Track(TIMES_S, f0_hz)}))
    tracking = Tracking(problem, problem.sources, STFT(1024, 256))
    model = tracking.model(8, np.random.default_rng(0))
    combs, numbers = tracking.follower.combs(), tracking.follower.numbers()
    for _ in range(40):
        model.update(tracking.X, combs)
        model.update_strengths(tracking.X, combs, numbers)
    strengths = model.strengths[0]
    assert strengths[[1, 3, 5]].max() < 0.1 * strengths[[0, 2, 4]].min()


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=10)
def test_the_best_path_is_the_best_of_all(seed: int) -> None:
    values = np.random.default_rng(seed).uniform(0, 1, (3, 77)).astype(np.float32)
    cents = np.arange(-152.0, 156.0, 4.0)
    steps = np.abs(np.subtract.outer(np.arange(77), np.arange(77))) * 0.4
    total = (
        values[0][:, None, None] + values[1][None, :, None] + values[2][None, None, :] - steps[:, :, None] - steps[None]
    )
    best = np.unravel_index(total.argmax(), total.shape)
    np.testing.assert_array_equal(best_path(values), cents[list(best)])


def test_salience_is_highest_at_the_truth() -> None:
    stft = STFT(1024, 256)
    magnitude = stft.magnitude(sung(np.full(len(TIMES_S), 233.0))).T
    known = np.full((1, len(magnitude)), 220.0)
    assert offsets_cents(magnitude, known, RATE / 1024)[0][5:-5] == pytest.approx(1200 * np.log2(233 / 220), abs=4)
    assert not salience(np.sqrt(magnitude), np.full(len(magnitude), np.nan), RATE / 1024).any()


def test_f0_follows_two_singers_from_their_notes() -> None:
    truth = {"low": vibrato(220.0), "high": vibrato(330.0, rate_hz=6.1)}
    mixture = Audio.mono(0.2 * (sung(truth["low"]) + sung(truth["high"])), RATE)
    notes = Score((Note(0, DURATION_S, 57, part="low"), Note(0, DURATION_S, 64, part="high")))
    found = track_f0(mixture, SideInformation(notes), ("low", "high"), Run(), rounds=8)
    inside = (TIMES_S > 0.2) & (TIMES_S < DURATION_S - 0.2)
    for name, f0_hz in truth.items():
        at = np.interp(TIMES_S, found[name].times_s, found[name].f0_hz)
        cents = np.abs(1200 * np.log2(at / f0_hz))[inside]
        assert np.median(cents) < 6
        assert np.percentile(cents, 95) < 20


def test_a_track_that_is_5_hz_off_is_mended() -> None:
    truth = vibrato(220.0)
    mixture = Audio.mono(0.2 * sung(truth), RATE)
    found = track_f0(mixture, SideInformation(f0={"voice": F0Track(TIMES_S, truth + 5)}), ("voice",), Run())
    at = np.interp(TIMES_S, found["voice"].times_s, found["voice"].f0_hz)
    assert np.median(np.abs(at - truth)) < 1


def test_the_last_note_to_begin_is_followed() -> None:
    notes = [Note(0.0, 1.0, 60), Note(0.5, 1.5, 69), Note(0.5, 1.5, 64)]
    found = f0_of_notes(notes, np.array([-0.2, -0.05, 0.2, 0.7, 1.55, 1.7]), 0.1)
    np.testing.assert_allclose(found, [np.nan, 261.6256, 261.6256, 440, 440, np.nan], rtol=1e-5)


def test_between_two_notes_the_first_dies_away() -> None:
    notes = [Note(0.0, 0.5, 60), Note(0.0, 0.5, 67), Note(0.53, 1.0, 69), Note(2.0, 3.0, 72), Note(2.0, 3.0, 64)]
    found = f0_of_notes(notes, np.array([0.51, 0.55, 1.05, 1.5, 1.95, 2.5]), 0.1)
    np.testing.assert_allclose(found, [391.9954, 440, 440, np.nan, 523.2511, 523.2511], rtol=1e-5)


def test_sources_of_which_nothing_is_known_are_named() -> None:
    with pytest.raises(SideInformationError, match="no F0 is known of bass: there are F0 tracks or notes of 'alto'"):
        known_f0(SideInformation(Score((Note(0, 1, 60, part="alto"),))), ("alto", "bass"), TIMES_S)


@given(st.integers(1, 400_000), st.floats(4, 60), st.sampled_from([8000, 16000, 44100]))
def test_spans_cover_all_and_their_fades_sum_to_one(length: int, block_s: float, rate: int) -> None:
    spans = spans_of(length, rate, block_s, 512)
    total = np.zeros(length)
    times_s = np.arange(0, length, 256) / rate
    owners = np.zeros(len(times_s))
    for span in spans:
        total[span.start : span.stop] += span.fades
        owners += span.own(times_s, rate)
        assert span.start % 512 == 0
        assert span.stop - span.start <= (block_s + 1) * rate + 512
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert (owners == 1).all()


def test_command_writes_tracks_and_their_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Audio.mono(0.2 * sung(vibrato(220.0)), RATE).write(tmp_path / "song.wav")
    (tmp_path / "notes.csv").write_text("start,end,pitch,part\n0,2,57,low\n")
    with pytest.raises(SystemExit) as left:
        main(["f0", str(tmp_path / "song.wav"), "--score", str(tmp_path / "notes.csv"), "-o", str(tmp_path / "out")])
    assert left.value.code == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "out" / "low.csv")]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"low.csv", "f0.png"}
    assert np.nanmedian(F0Track.read(tmp_path / "out" / "low.csv").f0_hz) == pytest.approx(220, rel=0.02)


def test_command_tells_how_far_f0_was_moved_and_what_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Audio.mono(0.2 * sung(vibrato(220.0)), RATE).write(tmp_path / "song.wav")
    F0Track(TIMES_S[:100], vibrato(225.0)[:100]).write(tmp_path / "low.csv")
    with pytest.raises(SystemExit):
        main(["f0", str(tmp_path / "song.wav"), "--f0", str(tmp_path), "-o", str(tmp_path / "out"), "--json"])
    streams = capsys.readouterr()
    early, moved = json.loads(streams.out)["remarks"]
    assert early == "F0 of low is given from 0.0 to 0.5 s of a recording of 2.0 s: beyond that it counts as unvoiced"
    assert re.match(r"F0 of low was moved by [34]\d cents in the median", moved)
    assert moved in streams.err


def test_command_without_a_score_is_for_one_voice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Audio.mono(0.2 * sung(vibrato(220.0)), RATE).write(tmp_path / "song.wav")
    with pytest.raises(SystemExit) as left:
        main(["f0", str(tmp_path / "song.wav"), "--sources", "a,b", "-o", str(tmp_path / "out")])
    assert left.value.code == 2
    assert "F0 of 2 sources cannot be found without a score or F0 tracks" in capsys.readouterr().err


def test_tracks_are_read_as_they_were_written(tmp_path: Path) -> None:
    track = F0Track(np.array([0.0, 0.01, 0.02]), np.array([220.123, np.nan, 221.0]))
    track.write(tmp_path / "voice.csv")
    read = F0Track.read(tmp_path / "voice.csv")
    np.testing.assert_allclose(read.times_s, track.times_s)
    np.testing.assert_allclose(read.f0_hz, track.f0_hz)


class TestOneVoiceAlone:
    def test_without_its_package_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "librosa", None)
        with pytest.raises(SepkitError, match=r'install it with: pip install "sepkit\[f0\]", or give a score'):
            f0_alone(Audio(np.zeros((1, 1000)), 8000), Run())

    def test_follows_a_glide(self) -> None:
        pytest.importorskip("librosa", reason='needs pip install "sepkit[f0]"')
        time_s = np.arange(2 * 16000) / 16000
        f0_hz = 220 * 2 ** (time_s / 4)
        run = Run()
        track = f0_alone(Audio(glide(f0_hz)[np.newaxis], 16000), run)
        assert not run.remarks
        voiced = np.isfinite(track.f0_hz)
        assert voiced.mean() > 0.9
        cents = 1200 * np.log2(track.f0_hz[voiced] / np.interp(track.times_s[voiced], time_s, f0_hz))
        assert np.median(np.abs(cents)) < 20

    def test_says_where_more_than_one_voice_sounds(self) -> None:
        pytest.importorskip("librosa", reason='needs pip install "sepkit[f0]"')
        voices = [glide(f0_hz * 2 ** (bend * np.arange(32000) / 16000)) for f0_hz, bend in [(220, 0.2), (311, -0.3)]]
        run = Run()
        f0_alone(Audio(sum(voices)[np.newaxis], 16000), run)
        (remark,) = run.remarks
        assert re.match(r"only \d\d% of the power lies at partials .* give a score or F0 of each", remark)


def glide(f0_hz: np.ndarray) -> np.ndarray:
    """Five partials at 16 kHz."""
    phase = 2 * np.pi * np.cumsum(f0_hz) / 16000
    return 0.1 * sum(np.sin(m * phase) / m for m in range(1, 6))
