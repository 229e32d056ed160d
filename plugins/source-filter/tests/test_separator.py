"""The separator on choirs of vowels: quality, F0, blocks, outputs, what is told and refused."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import sepkit
from sepkit import Density, Domain, Layout, Prior
from sepkit.errors import Cancelled, ConfigError, MismatchError, SideInformationError
from sepkit.informed.bands import smooth_bands
from sepkit.informed.f0_tracking import Tracking
from sepkit.problem.problem import Problem
from sepkit.spectral import STFT
from sepkit_source_filter.allpole import AllPoleModel
from sepkit_source_filter.direct import descend, divergence
from sepkit_source_filter.findings import FILTERS, GAINS
from sepkit_source_filter.merged import merged_frames, told
from sepkit_source_filter.plots import plot_voices

QUICK: dict[str, Any] = {"f0_rounds": 3, "updates": 15, "steps": 15}


@pytest.fixture(scope="module")
def duet(sing: Any) -> Any:
    return sing([(57, 60, 59), (64, 65, 67)])


@pytest.fixture(scope="module")
def separation(duet: Any) -> sepkit.Separation:
    return sepkit.separate(duet.mixture, "source-filter", f0=duet.tracks(), keep_variables=True)


def run(choir: Any, f0: Any = None, **given: Any) -> sepkit.Separation:
    config = {**QUICK, **given.pop("config", {})}
    return sepkit.separate(choir.mixture, "source-filter", f0=f0 or choir.tracks(), config=config, **given)


def test_stems_sum_to_the_mixture(separation: sepkit.Separation) -> None:
    assert np.abs(separation.residual.samples).max() < 1e-5 * np.abs(separation.mixture.samples).max()


def test_it_beats_the_comb_by_far(duet: Any, separation: sepkit.Separation) -> None:
    comb = sepkit.separate(duet.mixture, "harmonic-comb", sources=duet.names, f0=duet.tracks())
    assert duet.si_sdr(separation) > duet.si_sdr(comb) + 4


def test_misfit_falls(separation: sepkit.Separation) -> None:
    misfits = separation.provenance.traces["misfit"]
    assert misfits[45] < 0.7 * misfits[0]
    assert misfits[-1] < misfits[46]


def test_the_descent_needs_no_start_to_lower_the_misfit_by_two_fifths(duet: Any) -> None:
    problem = Problem(duet.mixture, duet.names, sepkit.SideInformation(f0=duet.tracks()))
    tracking = Tracking(problem, duet.names, STFT(2048, 512))
    bands = torch.from_numpy(smooth_bands(tracking.bins_hz, 30))
    combs = torch.from_numpy(tracking.follower.combs())
    costs = list(
        descend(AllPoleModel(combs, tracking.bins_hz, 0.032, 20, bands), torch.from_numpy(tracking.X), 60, 0.05)
    )
    assert costs[-1] < 0.6 * costs[0]


def test_f0_that_is_5_hz_off_costs_less_than_2_db(duet: Any, separation: sepkit.Separation) -> None:
    off = sepkit.separate(duet.mixture, "source-filter", f0=duet.tracks(5.0))
    assert duet.si_sdr(off) > duet.si_sdr(separation) - 2
    assert "was moved by" in off.provenance.remarks[0]


def test_without_refinement_it_falls_with_the_offset(duet: Any) -> None:
    qualities = [duet.si_sdr(run(duet, duet.tracks(off), config={"f0_rounds": 0})) for off in (0.0, 2.0, 5.0, 15.0)]
    assert (np.diff(qualities) < 0).all()


def test_it_knows_sources_from_a_score_too(duet: Any) -> None:
    step_s = duet.mixture.duration_s / 3
    notes = [
        sepkit.Note(index * step_s, (index + 1) * step_s, pitch, part=name)
        for name, pitches in zip(duet.names, [(57, 60, 59), (64, 65, 67)], strict=True)
        for index, pitch in enumerate(pitches)
    ]
    score = sepkit.Score(tuple(notes))
    found = sepkit.separate(duet.mixture, "source-filter", score=score, config=QUICK)
    assert found.sources == duet.names
    assert duet.si_sdr(found) > 12


def test_blocks_come_to_the_same(sing: Any) -> None:
    twice = sing([(57, 60, 59), (64, 65, 67)], duration_s=9.0)
    whole, blocks = run(twice), run(twice, config={"block_s": 4.0})
    assert twice.si_sdr(blocks) > twice.si_sdr(whole) - 1.5
    assert np.abs(blocks.residual.samples).max() < 1e-5


def test_bytes_depend_on_the_seed_alone(duet: Any) -> None:
    first, again, other = (run(duet, seed=seed) for seed in (1, 1, 2))
    for name in duet.names:
        np.testing.assert_array_equal(first[name].samples, again[name].samples)
    assert any((first[name].samples != other[name].samples).any() for name in duet.names)


def test_masked_stems_beat_synthesised_ones(duet: Any, separation: sepkit.Separation) -> None:
    synthesised = run(duet, config={"output": "synthesised"})
    assert duet.si_sdr(separation) > duet.si_sdr(synthesised)
    assert any("the stems are synthesised" in remark for remark in synthesised.provenance.remarks)
    for name, stem in duet.stems.items():
        assert np.std(synthesised[name].samples) == pytest.approx(np.std(stem), rel=0.25)


def test_a_part_can_be_transposed(duet: Any) -> None:
    low, high = duet.names
    plain = run(duet, config={"output": "synthesised"})
    higher = run(duet, config={"output": "synthesised", "transpose": {high: 12}})
    np.testing.assert_array_equal(plain[low].samples, higher[low].samples)
    loudest = [np.abs(np.fft.rfft(one[high].samples[0]))[: 4 * 390].argmax() / 4 for one in (plain, higher)]
    assert loudest[0] < 420
    fundamental = np.abs(np.fft.rfft(higher[high].samples[0]))
    assert fundamental[4 * 320 : 4 * 400].max() < 0.1 * fundamental[4 * 600 : 4 * 820].max()


def test_a_part_can_sing_another_melody(duet: Any, tmp_path: Path) -> None:
    low, _ = duet.names
    sepkit.F0Track(np.array([0.0, 4.0]), np.array([500.0, 500.0])).write(tmp_path / f"{low}.csv")
    changed = run(duet, config={"output": "synthesised", "new_f0": tmp_path})
    spectrum = np.abs(np.fft.rfft(changed[low].samples[0]))
    peaks = np.flatnonzero(spectrum > 0.2 * spectrum.max()) / 4
    assert np.abs(peaks / 500 - np.rint(peaks / 500)).max() < 0.01


def test_changes_want_synthesis_and_names_of_sources(duet: Any) -> None:
    with pytest.raises(ConfigError, match="set output=synthesised"):
        run(duet, config={"transpose": {duet.names[0]: 2}})
    with pytest.raises(ConfigError, match="'tenor' is to sound at another F0, and the sources are voice 0, voice 1"):
        run(duet, config={"output": "synthesised", "transpose": {"tenor": 2}})


def test_variables_are_those_of_the_models(separation: sepkit.Separation) -> None:
    variables = separation.variables
    assert variables is not None
    f0_hz, gains, lsf = (variables.values[domain] for domain in (sepkit.Domain.F0, GAINS, FILTERS))
    assert f0_hz.shape == gains.shape == lsf.shape[:2]
    assert np.nanmedian(f0_hz[0]) == pytest.approx(240, rel=0.1)
    assert (np.diff(lsf, axis=-1) > 0).all()


def test_every_parameter_gets_a_gradient() -> None:
    rng = np.random.default_rng(0)
    bins_hz = np.linspace(0, 4000, 65)
    combs = torch.from_numpy(rng.uniform(0, 1, (3, 12, 65)).astype(np.float32))
    model = AllPoleModel(combs, bins_hz, 0.03, 10, torch.from_numpy(smooth_bands(bins_hz, 8)))
    X = torch.from_numpy(rng.gamma(1.0, 1.0, (12, 65)).astype(np.float32))
    divergence(X, model.harmonics().sum(dim=0) + model.noise()).backward()
    for parameter in model.parameters():
        assert parameter.grad is not None
        assert bool(parameter.grad.isfinite().all())
        assert bool((parameter.grad.flatten(1).abs().sum(dim=1) > 0).all())
    costs = list(descend(model, X, 40, 0.05))
    assert costs[-1] < costs[0]


def test_unisons_and_octaves_are_told(sing: Any) -> None:
    one, other = np.array([220.0, 220, 220, np.nan, 220]), np.array([221.0, 442, 330, 220, 233])
    np.testing.assert_array_equal(merged_frames(one, other), [True, True, False, False, False])
    assert told(np.array([True, True, False, True]), np.arange(4) * 0.5, 1.6, 1) == "1.10 s (0.00-0.75, ...)"
    unison = sing([(57, 57), (64, 57)], duration_s=2.0)
    remarks = run(unison).provenance.remarks
    assert any("voice 0 and voice 1 are in unison or octaves for" in remark for remark in remarks)


def test_what_is_unvoiced_all_along_is_told(duet: Any) -> None:
    tracks = duet.tracks()
    tracks["voice 1"] = sepkit.F0Track(duet.times_s, np.full(len(duet.times_s), np.nan))
    found = run(duet, tracks)
    assert any("F0 of voice 1 is unvoiced all along" in remark for remark in found.provenance.remarks)


def test_sources_without_f0_are_named(duet: Any) -> None:
    with pytest.raises(SideInformationError, match="no F0 is known of bass: there are F0 tracks or notes of 'voice 0'"):
        run(duet, sources=["voice 0", "bass"])
    with pytest.raises(MismatchError, match="score or f0"):
        sepkit.separate(duet.mixture, "source-filter")


def test_tracks_of_sources_that_nobody_asked_for_take_their_share(duet: Any) -> None:
    found = run(duet, sources=["voice 1"])
    assert found.sources == ("voice 1",)
    assert any(
        "F0 or notes of voice 0 are given, and no such stem is wanted" in remark for remark in found.provenance.remarks
    )
    assert np.std(found.residual.samples) == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize("voices", [1, 8])
def test_one_voice_and_eight(sing: Any, voices: int) -> None:
    choir = sing([(45 + 5 * index,) for index in range(voices)], duration_s=1.0)
    found = run(choir, config={"f0_rounds": 1, "updates": 5, "steps": 3})
    assert found.sources == choir.names
    assert np.abs(found.residual.samples).max() < 1e-5


def test_it_composes_with_statements_of_others(duet: Any) -> None:
    step_s = duet.mixture.duration_s
    score = sepkit.Score(
        tuple(sepkit.Note(0, step_s / 2, 57 + 7 * index, part=name) for index, name in enumerate(duet.names))
    )
    found = run(
        duet,
        score=score,
        priors=["smooth-f0", "near-score:weight=10"],
        constraints=["score:before_s=0,after_s=0,cents=200", "mixture-consistency"],
    )
    assert {one["name"]: one["domain"] for one in found.provenance.constraints} == {
        "score": "spectrograms",
        "mixture-consistency": "waveforms",
    }
    assert {one["name"]: one["domain"] for one in found.provenance.priors} == {"smooth-f0": "f0", "near-score": "f0"}
    assert all(one["violation"] < 1e-5 for one in found.provenance.constraints)


class Dull(Prior):
    """The first source is quiet above 1 kHz: a statement by someone else."""

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.SPECTROGRAMS})

    @property
    def name(self) -> str:
        return "dull"

    def bind(self, layout: Layout, domain: Domain) -> Density:
        assert layout.bins_hz is not None
        return _Dull(layout.bins_hz > 1000)


@dataclass(frozen=True, eq=False)
class _Dull:
    high: NDArray[np.bool_]

    def log_prob(self, value: Any) -> Any:
        return -10 * value[0][self.high].sum()

    def gradient(self, value: Any) -> Any:
        gradient = value * 0
        gradient[0, self.high] = -10
        return gradient


def test_a_prior_of_someone_else_on_spectrograms_has_its_say(duet: Any) -> None:
    config = {"steps": 60}
    plain = run(duet, config=config)
    dull = run(duet, config=config, priors=[Dull()], constraints=["mixture-consistency"])
    high = [np.abs(np.fft.rfft(one["voice 0"].samples[0]))[4 * 1500 :].sum() for one in (plain, dull)]
    assert high[1] < 0.9 * high[0]
    (prior,) = dull.provenance.priors
    assert prior["domain"] == "spectrograms"
    assert np.abs(dull.residual.samples).max() < 1e-5


@pytest.mark.parametrize(("prior", "option"), [(Dull(), "steps"), ("smooth-f0", "f0_rounds")])
def test_priors_on_what_stays_as_it_is_are_refused(duet: Any, prior: Any, option: str) -> None:
    with pytest.raises(ConfigError, match=f"has no say over .* with {option}=0; leave it out"):
        run(duet, priors=[prior], config={option: 0})


def test_a_missing_voice_is_noticed(duet: Any) -> None:
    tracks = duet.tracks()
    whole, without = run(duet, tracks), run(duet, {"voice 1": tracks["voice 1"]})
    assert not any("give F0 or notes of every source" in remark for remark in whole.provenance.remarks)
    assert any("give F0 or notes of every source" in remark for remark in without.provenance.remarks)


def test_it_stops_within_one_step(duet: Any) -> None:
    cancel, seen = threading.Event(), []

    def reporter(progress: sepkit.Progress) -> None:
        seen.append(progress.done)
        if progress.done == 20:
            cancel.set()

    with pytest.raises(Cancelled):
        run(duet, reporter=reporter, cancel=cancel)
    assert seen[-1] == 20


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (96000, 2)])
def test_any_rate_and_channels(duet: Any, rate: int, channels: int) -> None:
    mono = duet.mixture.resample(rate).samples[0]
    mixture = sepkit.Audio(np.stack([mono, 0.5 * mono][:channels]), rate)
    found = sepkit.separate(mixture, "source-filter", f0=duet.tracks(), config=QUICK)
    assert np.abs(found.residual.samples).max() < 1e-5
    for stem in found.stems.values():
        np.testing.assert_allclose(stem.samples[-1], stem.samples[0] / channels, atol=1e-5)
    stems = {name: stem.mixdown().resample(duet.rate) for name, stem in found.stems.items()}
    assert duet.si_sdr(stems) > 12


def test_the_band_above_is_shared_or_left(sing: Any) -> None:
    choir = sing([(57,), (64,)], duration_s=1.0)
    shared, left = (run(choir, config={"highest_hz": 2000, "above": above}) for above in ("share", "residual"))
    assert np.abs(shared.residual.samples).max() < 1e-5
    spectrum = np.abs(np.fft.rfft(left.residual.samples[0]))
    assert spectrum[:1800].max() < 0.05 * spectrum[2100:].max()


def test_a_track_that_leaves_early_and_chords_are_told(duet: Any) -> None:
    tracks = duet.tracks()
    short = tracks["voice 0"]
    tracks["voice 0"] = sepkit.F0Track(short.times_s[:200], short.f0_hz[:200])
    remarks = run(duet, tracks).provenance.remarks
    assert (
        "F0 of voice 0 is given from 0.0 to 2.0 s of a recording of 4.0 s: beyond that it counts as unvoiced" in remarks
    )
    notes = tuple(sepkit.Note(0, 4, pitch, part=name) for name, pitch in [("low", 57), ("high", 64), ("high", 67)])
    found = sepkit.separate(duet.mixture, "source-filter", score=sepkit.Score(notes), config=QUICK)
    assert any("1 of the notes of high begin with a higher one" in remark for remark in found.provenance.remarks)


def test_drums_in_the_score_have_no_f0_and_are_no_stem(duet: Any) -> None:
    low = sepkit.Note(0, 4, 57, part="low")
    score = sepkit.Score((low, sepkit.Note(1, 1.1, 36, part="drums")))
    found = sepkit.separate(duet.mixture, "source-filter", score=score, config=QUICK, align="never")
    assert list(found) == ["low"]
    assert any("notes of drums are taken for strokes of drums" in remark for remark in found.provenance.remarks)


@pytest.mark.parametrize("part", ["", "drums"])
def test_a_score_without_a_pitched_part_is_refused(duet: Any, part: str) -> None:
    score = sepkit.Score((sepkit.Note(0, 1, 60, part=part),))
    with pytest.raises(SideInformationError, match="no notes with a pitch that belong to a part; give each note one"):
        sepkit.separate(duet.mixture, "source-filter", score=score, config=QUICK, align="never")


def test_a_picture_shows_every_source(separation: sepkit.Separation) -> None:
    axes = plot_voices(separation).axes
    assert [axis.get_title(loc="left") for axis in axes] == ["voice 0", "voice 1"]
