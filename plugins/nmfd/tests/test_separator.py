"""The method on recordings: what it is told is used, and helps."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sepkit
from plugins.nmfd.tests.kit import DRUMS, LENGTH, RATE, examples, hit, mean_sdr_db, mixture, score, sdr_db, stems
from sepkit import Audio, Note, Score
from sepkit.errors import ConfigError, SepkitError, SideInformationError, UserError
from sepkit_nmfd import plot_drums
from sepkit_nmfd.hosting import LAGGED_TEMPLATES


def separated(**options: Any) -> sepkit.Separation:
    config = {"window_s": 0.032, **options.pop("config", {})}
    return sepkit.separate(mixture(), "nmfd", config=config, **options)


class TestKnowledge:
    def test_samples_are_enough(self) -> None:
        result = separated(examples=examples())
        assert result.sources == DRUMS
        assert mean_sdr_db(dict(result.items())) > 12
        assert not any("arbitrary" in remark for remark in result.provenance.remarks)

    def test_onsets_are_enough(self) -> None:
        assert mean_sdr_db(dict(separated(score=score()).items())) > 9

    def test_both_are(self) -> None:
        assert mean_sdr_db(dict(separated(score=score(), examples=examples()).items())) > 13

    def test_blind_it_finds_drums_in_some_order(self) -> None:
        result = separated(sources=DRUMS, config={"iterations": 60}, seed=1)
        assert any("arbitrary" in remark for remark in result.provenance.remarks)
        stem = list(result.values())
        best = max(
            np.mean([sdr_db(stem[place], drum) for place, drum in zip(order, DRUMS, strict=True)])
            for order in itertools.permutations(range(3))
        )
        assert best > 5

    def test_blind_without_names(self) -> None:
        assert separated(config={"rank": 2}).sources == ("component-1", "component-2")

    def test_a_source_that_nothing_is_known_of(self) -> None:
        result = separated(sources=[*DRUMS[:2], "rest"], examples={drum: examples()[drum] for drum in DRUMS[:2]})
        assert sdr_db(result["rest"], "hi-hat") > 3

    def test_drums_that_nobody_asked_for_take_their_share(self) -> None:
        alone = separated(sources=["kick"], score=score(), examples={"kick": examples()["kick"]})
        among = separated(score=score(), examples={"kick": examples()["kick"]})
        assert alone.sources == ("kick",)
        assert alone["kick"].samples == pytest.approx(among["kick"].samples, abs=0.02)

    def test_every_key_of_a_drum_has_a_template(self) -> None:
        hats = Score(tuple(Note(0.1 + 0.4 * n, 0.2 + 0.4 * n, (42, 46)[n % 2], part="hi-hat") for n in range(8)))
        result = separated(score=hats, config={"rank": 2}, keep_variables=True)
        assert result.variables is not None
        assert [atom.pitch for atom in result.variables.layout.atoms or ()] == [42, 42, 46, 46]
        assert result.variables.values[LAGGED_TEMPLATES].shape[1:] == (4, 12)


class TestAmongOthers:
    def test_only_what_is_percussive_is_taken_apart(self) -> None:
        time_s = np.arange(LENGTH) / RATE
        chord = 0.1 * sum(np.sin(2 * np.pi * f_hz * time_s) for f_hz in (262, 330, 392, 1046)).astype(np.float32)
        song = Audio(mixture().samples + chord, RATE)
        plain, percussive = (
            sepkit.separate(song, "nmfd", examples=examples(), config={"window_s": 0.032, "percussive": percussive})
            for percussive in (False, True)
        )
        for drum in ("snare", "hi-hat"):
            assert sdr_db(percussive[drum], drum) > sdr_db(plain[drum], drum) + 3
        left = song.samples - np.sum([stem.samples for stem in percussive.values()], axis=0)
        assert np.square(left - chord).sum() < 0.3 * np.square(chord).sum()


class TestStems:
    def test_masks_sum_to_one(self) -> None:
        result = separated(examples=examples())
        total = np.sum([stem.samples for stem in result.values()], axis=0)
        assert np.abs(total - mixture().samples).max() < 1e-4

    def test_the_same_seed_gives_the_same(self) -> None:
        first, second = (separated(score=score(), seed=3)["snare"].samples for _ in range(2))
        assert np.array_equal(first, second)

    def test_the_cost_falls(self) -> None:
        costs = separated(examples=examples()).provenance.traces["cost"]
        assert costs[-1] < 0.7 * costs[0]


class TestTemplates:
    def kept(self, **config: Any) -> np.ndarray[Any, Any]:
        result = separated(examples=examples(), config={"iterations": 5, **config}, keep_variables=True)
        assert result.variables is not None
        return np.asarray(result.variables.values[LAGGED_TEMPLATES])

    def test_stay_where_they_are_fixed(self) -> None:
        fixed, free = self.kept(adapt="fixed"), self.kept()
        assert fixed.sum(axis=(0, 2)) == pytest.approx(1, rel=1e-4)
        assert not np.allclose(fixed, free, rtol=0.01)

    def test_stay_one_by_one(self) -> None:
        fixed, some = self.kept(adapt="fixed"), self.kept(frozen=["snare"])
        assert np.array_equal(some[:, 1], fixed[:, 1])
        assert not np.allclose(some[:, 0], fixed[:, 0], rtol=0.01)

    def test_are_let_go_of_by_and_by(self) -> None:
        fixed, held, free = (self.kept(adapt=adapt) for adapt in ("fixed", "semi-fixed", "free"))
        assert 0 < np.linalg.norm(held - fixed) < np.linalg.norm(free - fixed)


class TestPicture:
    def test_has_a_row_for_every_template(self) -> None:
        pytest.importorskip("matplotlib")
        figure = plot_drums(separated(score=score(), config={"iterations": 2}, keep_variables=True))
        assert len(figure.axes) == 2 * len(DRUMS)
        assert {axes.get_ylabel().split("\n")[0] for axes in figure.axes} == {*DRUMS, ""}

    def test_needs_what_was_found(self) -> None:
        with pytest.raises(SepkitError, match="keep_variables=True"):
            plot_drums(separated(score=score(), config={"iterations": 2}))


class TestStatements:
    def test_the_score_holds_activations_at_zero(self) -> None:
        result = separated(score=score(), constraints=["score:before_s=0.05,after_s=0.1"], keep_variables=True)
        assert result.variables is not None
        H, frames_s = result.variables.values[sepkit.Domain.ACTIVATIONS], result.variables.layout.frames_s
        assert frames_s is not None
        silent = (frames_s > 0.3) & (frames_s < 0.8)
        assert not H[0, silent].any()
        assert H[0].any()

    def test_priors_on_either_factor_change_the_result(self) -> None:
        plain = separated(examples=examples())["kick"].samples
        sparse = separated(examples=examples(), priors=["sparsity:weight=5"])["kick"].samples
        assert not np.allclose(plain, sparse, atol=1e-4)

    def test_priors_on_templates_that_stay_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="priors on templates have no say"):
            separated(examples=examples(), config={"adapt": "fixed"}, priors=["harmonic-templates"], score=score())


class TestRestoration:
    def before_onsets_db(self, stem: Audio, drum: str) -> float:
        """Energy in the 10 ms before every onset that the truth does not have, beside that of the truth."""
        truth = stems()[drum]
        wrong = 0.0
        for note in score(drum).notes:
            before = slice(round((note.onset_s - 0.01) * RATE), round(note.onset_s * RATE) - 1)
            wrong += float(np.square(stem.samples[0, before] - truth[before], dtype=np.float64).sum())
        return 10 * float(np.log10(wrong / np.square(truth, dtype=np.float64).sum()))

    def test_nothing_swells_before_its_onset(self) -> None:
        known: dict[str, Any] = {"score": score(), "examples": examples()}
        plain, restored = separated(**known), separated(**known, config={"restore": 5})
        for drum in ("snare", "hi-hat"):
            assert self.before_onsets_db(restored[drum], drum) < self.before_onsets_db(plain[drum], drum) - 6
            assert sdr_db(restored[drum], drum) > sdr_db(plain[drum], drum) - 0.5

    def test_needs_onsets(self) -> None:
        with pytest.raises(ConfigError, match="restore needs onsets"):
            separated(examples=examples(), config={"restore": 5})


class TestWhatIsGiven:
    def test_examples_of_another_rate(self) -> None:
        assert mean_sdr_db(dict(separated(examples=examples(44100)).items())) > 10

    def test_an_example_longer_than_the_mixture(self) -> None:
        given = examples()
        given["kick"] = [Audio.mono(np.tile(np.pad(hit("kick", 1), (0, 4000)), 12), RATE)]
        assert given["kick"][0].length > LENGTH
        assert mean_sdr_db(dict(separated(examples=given).items())) > 10

    def test_a_folder_of_hits(self, tmp_path: Path) -> None:
        for number, one in enumerate(examples()["snare"]):
            one.write(tmp_path / f"{number}.wav")
        result = separated(examples={**examples(), "snare": tmp_path})
        assert mean_sdr_db(dict(result.items())) > 12

    def test_silent_examples(self) -> None:
        with pytest.raises(SideInformationError, match="the example of source 'kick' is silent"):
            separated(examples={"kick": Audio.mono(np.zeros(100, np.float32), RATE)})

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"score": Score(())}, "the score has no notes"),
            ({"score": score(), "sources": ["violin"]}, "none of the sources violin"),
            ({"config": {"frozen": ["kick"]}}, "frozen names 'kick', of which there is no example"),
            ({"config": {"adapt": "fixed"}}, "adapt=fixed needs templates learned from examples"),
            ({"config": {"beta": 0, "solver": "mue"}}, "solver mue needs beta from 1 to 2, given 0"),
            ({"sources": ["kick"], "examples": examples()}, "there are examples of 'snare, hi-hat'"),
        ],
    )
    def test_says_what_does_not_fit(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(UserError, match=message) as error:
            separated(**options)
        assert "\n" not in str(error.value)

    def test_examples_that_are_called_otherwise_than_their_part_are_told(self) -> None:
        given = {"hihat": examples()["hi-hat"], "kick": examples()["kick"]}
        (remark,) = separated(score=score(), examples=given, config={"iterations": 1}).provenance.remarks
        assert remark.startswith("no part of the score is called 'hihat' like its example")
        assert "'hi-hat'" in remark

    def test_late_notes_are_told(self) -> None:
        late = Score((*score().notes, Note(9.0, 9.1, 36, part="kick")))
        assert any("after the recording's end" in r for r in separated(score=late).provenance.remarks)
