"""The whole pipeline, through `sepkit.separate` and `sepkit.Method`."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import sepkit_fakes as fakes

import sepkit
from sepkit import Audio, Cancelled, F0Track, Method, Note, Progress, Registry, Score, Separation
from sepkit.builtin import MixtureConsistency
from sepkit.errors import (
    AudioError,
    ConfigError,
    MismatchError,
    PluginError,
    SepkitError,
    SideInformationError,
    UnknownNameError,
    WeightsError,
)

NoiseOf = Callable[..., Audio]
Separate = Callable[..., Separation]


@pytest.fixture
def separate(registry: Registry) -> Separate:
    def call(mixture: Any, method: str = "shares", **options: Any) -> Separation:
        return sepkit.separate(mixture, method, registry=registry, **options)

    return call


@pytest.fixture
def stereo(noise: NoiseOf) -> Audio:
    return noise(2)


def sums_to_mixture(separation: Separation, *, residual: bool = False, atol: float = 1e-6) -> None:
    total = sum(stem.samples for stem in separation.values())
    if residual:
        total = total + separation.residual.samples
    np.testing.assert_allclose(total, separation.mixture.samples, atol=atol)


class TestSources:
    @pytest.mark.parametrize("sources", [["voice", "guitar"], ("b", "a", "c"), ["left hand", "ヴァイオリン", "../x"]])
    def test_come_in_the_order_asked_for(self, separate: Separate, stereo: Audio, sources: list[str]) -> None:
        separation = separate(stereo, sources=sources)
        assert list(separation) == list(sources)
        assert separation.sources == separation.provenance.sources == tuple(sources)

    def test_can_be_left_to_the_method(self, separate: Separate, stereo: Audio) -> None:
        assert tuple(separate(stereo)) == fakes.NAMES

    def test_may_come_from_a_generator(self, separate: Separate, stereo: Audio) -> None:
        assert list(separate(stereo, sources=(name for name in "ab"))) == ["a", "b"]

    def test_as_one_string_are_refused(self, separate: Separate, stereo: Audio) -> None:
        with pytest.raises(ConfigError, match=r"write \['voice'\]"):
            separate(stereo, sources="voice")

    @pytest.mark.parametrize("sources", [["a", "a"], ["a", ""], ["a", " "], ["a", 3], [None]])
    def test_need_distinct_names(self, separate: Separate, stereo: Audio, sources: list[Any]) -> None:
        with pytest.raises(ConfigError, match="distinct names"):
            separate(stereo, sources=sources)


class TestMixture:
    def test_may_be_a_path(self, separate: Separate, stereo: Audio, tmp_path: Path) -> None:
        stereo.write(tmp_path / "mix.wav")
        for path in (tmp_path / "mix.wav", str(tmp_path / "mix.wav")):
            np.testing.assert_array_equal(separate(path).mixture.samples, stereo.samples)

    def test_missing_file(self, separate: Separate, tmp_path: Path) -> None:
        with pytest.raises(AudioError, match="no such audio file"):
            separate(tmp_path / "mix.wav")

    @pytest.mark.parametrize("method", ["shares", "shares-mono", "shares-44100", "shares-mono-16000", "hosting"])
    def test_is_never_modified(self, separate: Separate, method: str) -> None:
        samples = np.random.default_rng(0).uniform(-1, 1, (2, 4000)).astype(np.float32)
        before = samples.copy()
        separate(Audio(samples, 8000), method, sources=["a", "b"], constraints=["mixture-consistency"])
        np.testing.assert_array_equal(samples, before)
        assert samples.flags.writeable

    @pytest.mark.parametrize("method", ["shares", "shares-mono", "shares-stereo", "shares-44100", "shares-mono-16000"])
    @pytest.mark.parametrize("channels", [1, 2, 3])
    @pytest.mark.parametrize(("rate", "length"), [(8000, 1), (48000, 4801), (11025, 999)])
    def test_of_any_kind_gets_stems_like_itself(
        self, separate: Separate, noise: NoiseOf, method: str, channels: int, rate: int, length: int
    ) -> None:
        mixture = noise(channels, length, rate)
        separation = separate(mixture, method)
        for stem in separation.values():
            assert (stem.samples.shape, stem.sample_rate) == (mixture.samples.shape, rate)
        sums_to_mixture(separation, residual=True)


class TestContract:
    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ("nothing", "TypeError"),
            ("no stems", r"gave stems \[\]"),
            ("missing name", r"\['a'\] where \['a', 'b'\]"),
            ("wrong order", r"\['b', 'a'\] where \['a', 'b'\]"),
            ("extra name", "'extra'"),
            ("array", "ndarray as stem 'a' where Audio"),
            ("short", "3999 samples.*as stem 'a'.*4000 samples"),
            ("other rate", "8001 Hz.*as stem 'a'.*8000 Hz"),
            ("other channels", "4 x 4000.*as stem 'a'.*2 x 4000"),
            ("raises", "ZeroDivisionError: one over nothing"),
            ("exits", "SystemExit: gone"),
        ],
    )
    def test_faults_are_named_as_the_methods_own(
        self, separate: Separate, stereo: Audio, fault: str, words: str
    ) -> None:
        with pytest.raises(PluginError, match=words) as error:
            separate(stereo, "faulty", sources=["a", "b"], config={"fault": fault})
        assert "method 'faulty'" in str(error.value)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("fault", ["no stems", "number as name", "short"])
    def test_holds_for_names_of_the_methods_own(self, separate: Separate, stereo: Audio, fault: str) -> None:
        with pytest.raises(PluginError, match="method 'faulty'"):
            separate(stereo, "faulty", config={"fault": fault})

    def test_cause_is_kept(self, separate: Separate, stereo: Audio) -> None:
        with pytest.raises(PluginError) as error:
            separate(stereo, "faulty", config={"fault": "raises"})
        assert isinstance(error.value.__cause__, ZeroDivisionError)

    def test_nan_is_never_given_out(self, separate: Separate, stereo: Audio) -> None:
        with pytest.raises(PluginError, match="finite"):
            separate(stereo, "faulty", config={"fault": "nan"})

    @pytest.mark.parametrize(("fault", "error"), [("cancels", Cancelled), ("refuses", ConfigError)])
    def test_errors_of_sepkit_pass_as_they_are(
        self, separate: Separate, stereo: Audio, fault: str, error: type[SepkitError]
    ) -> None:
        with pytest.raises(error):
            separate(stereo, "faulty", config={"fault": fault})

    def test_failing_to_load_is_the_methods_fault(self, separate: Separate, stereo: Audio) -> None:
        with pytest.raises(PluginError, match="method 'breaks-on-load' failed with OSError: no such tensor"):
            separate(stereo, "breaks-on-load")

    def test_violations_of_hosted_constraints_have_to_be_reported(self, separate: Separate, stereo: Audio) -> None:
        with pytest.raises(PluginError, match=r"'silent-host' hosts constraint 'anything' on activations .* violation"):
            separate(stereo, "silent-host", constraints=[fakes.Anything()])

    @pytest.mark.parametrize("factory", ["sepkit_fakes:Nobody", "no_such_module:Nobody"])
    def test_factory_that_cannot_be_imported(self, registry: Registry, factory: str) -> None:
        registry.add(sepkit.plugin.SeparatorSpec(name="lost", summary="lost", factory=factory))
        with pytest.raises(PluginError, match=f"'lost' cannot load {factory}"):
            Method("lost", registry=registry)


class TestChannels:
    def test_mono_method_on_equal_channels_gives_the_mono_result_twice(
        self, separate: Separate, noise: NoiseOf
    ) -> None:
        mono = noise(1)
        alone = separate(mono, "shares-mono")
        twice = separate(Audio(np.repeat(mono.samples, 2, axis=0), 8000), "shares-mono")
        for name in fakes.NAMES:
            for channel in twice[name].samples:
                np.testing.assert_allclose(channel, alone[name].samples[0], atol=1e-5)

    @pytest.mark.parametrize("shares", [(0.25, 0.75), (0.1, 0.2), (2.0, 0.5)])
    def test_mono_method_on_stereo_still_sums_with_the_residual(
        self, separate: Separate, stereo: Audio, shares: tuple[float, ...]
    ) -> None:
        separation = separate(stereo, "shares-mono", config={"shares": shares})
        sums_to_mixture(separation, residual=True)
        assert any("Wiener" in step for step in separation.provenance.adaptations)

    def test_mono_method_survives_a_silent_mixdown(self, separate: Separate, noise: NoiseOf) -> None:
        left = noise(1).samples
        separation = separate(Audio(np.concatenate([left, -left]), 8000), "shares-mono")
        sums_to_mixture(separation, residual=True)

    def test_stereo_method_on_mono(self, separate: Separate, noise: NoiseOf) -> None:
        mono = noise(1)
        separation = separate(mono, "shares-stereo")
        np.testing.assert_allclose(separation["first"].samples, 0.25 * mono.samples, atol=1e-6)

    def test_any_channels_go_through_untouched(self, separate: Separate, noise: NoiseOf) -> None:
        separation = separate(noise(7))
        assert separation["first"].channels == 7
        assert separation.provenance.adaptations == ()


class TestSampleRate:
    def test_method_with_one_rate_keeps_tones_where_they_are(self, separate: Separate) -> None:
        time_s = np.arange(24001) / 48000
        mixture = Audio(np.sin(2 * np.pi * 440 * time_s)[np.newaxis], 48000)
        separation = separate(mixture, "shares-44100")
        assert separation["second"].length == 24001
        inner = slice(2000, -2000)
        np.testing.assert_allclose(separation["second"].samples[:, inner], 0.75 * mixture.samples[:, inner], atol=2e-3)
        assert separation.provenance.adaptations == ("48000 Hz to 44100 Hz and back",)
        assert separation.provenance.sample_rate == 48000


class TestSeeds:
    def test_same_seed_same_bytes(self, separate: Separate, stereo: Audio) -> None:
        one, other = separate(stereo, "noise", seed=5), separate(stereo, "noise", seed=5)
        assert [stem.samples.tobytes() for stem in one.values()] == [stem.samples.tobytes() for stem in other.values()]

    def test_other_seed_other_result(self, separate: Separate, stereo: Audio) -> None:
        one, other = separate(stereo, "noise", seed=5), separate(stereo, "noise", seed=6)
        assert not np.array_equal(one["first"].samples, other["first"].samples)

    @pytest.mark.parametrize("seed", [-1, 1.5, True, "1", None])
    def test_need_to_be_whole_numbers(self, separate: Separate, stereo: Audio, seed: Any) -> None:
        with pytest.raises(ConfigError, match="seed"):
            separate(stereo, seed=seed)

    def test_of_numpy_are_whole_numbers(self, separate: Separate, stereo: Audio) -> None:
        separation = separate(stereo, "noise", seed=np.int64(5))
        np.testing.assert_array_equal(separation["first"].samples, separate(stereo, "noise", seed=5)["first"].samples)
        json.dumps(separation.provenance.as_dict())

    def test_numbers_drawn_while_loading_change_no_result(self, registry: Registry, stereo: Audio) -> None:
        method = Method("loading", registry=registry)
        first, later = method.separate(stereo, seed=5), method.separate(stereo, seed=5)
        np.testing.assert_array_equal(first["first"].samples, later["first"].samples)


class TestThreads:
    def test_sharing_a_method_give_what_one_after_the_other_gives(self, registry: Registry, noise: NoiseOf) -> None:
        method = Method("noise", registry=registry)
        mixtures = [noise(2, seed=seed) for seed in range(8)]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda one: method.separate(one[1], seed=one[0]), enumerate(mixtures)))
        for seed, mixture in enumerate(mixtures):
            alone = method.separate(mixture, seed=seed)
            for name in fakes.NAMES:
                np.testing.assert_array_equal(together[seed][name].samples, alone[name].samples)


class TestLoading:
    @pytest.fixture(autouse=True)
    def _none_yet(self) -> Iterator[None]:
        fakes.Loading.loads.clear()
        yield
        fakes.Loading.loads.clear()

    def test_waits_for_the_first_separation(self, registry: Registry) -> None:
        Method("loading", registry=registry)
        assert fakes.Loading.loads == []

    def test_happens_once_for_several_separations(self, registry: Registry, stereo: Audio) -> None:
        method = Method("loading", registry=registry)
        for seed in range(3):
            method.separate(stereo, seed=seed)
        assert fakes.Loading.loads == [None]

    def test_happens_once_for_several_threads(self, registry: Registry, stereo: Audio) -> None:
        method = Method("loading", registry=registry)
        barrier = threading.Barrier(4)

        def work(_: int) -> None:
            barrier.wait(10)
            method.separate(stereo)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert fakes.Loading.loads == [None]

    def test_is_tried_again_after_it_failed(self, registry: Registry, stereo: Audio) -> None:
        method = Method("breaks-on-load", registry=registry)
        for _ in range(2):
            with pytest.raises(PluginError, match="no such tensor"):
                method.separate(stereo)

    def test_gets_the_folder_of_weights(self, separate: Separate, stereo: Audio, tmp_path: Path) -> None:
        separate(stereo, "loading", weights=str(tmp_path))
        assert fakes.Loading.loads == [tmp_path]


class TestWeights:
    def test_digest_is_over_names_and_contents(self, separate: Separate, stereo: Audio, tmp_path: Path) -> None:
        def digest() -> str:
            [record] = separate(stereo, weights=tmp_path).provenance.weights
            return str(record["digest"])

        (tmp_path / "model.json").write_text("{}")
        first = digest()
        assert first == hashlib.sha256(b"model.json\0{}").hexdigest()
        (tmp_path / "model.json").write_text("{ }")
        second = digest()
        (tmp_path / "model.json").rename(tmp_path / "other.json")
        third = digest()
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "x").write_text("x")
        assert len({first, second, third, digest()}) == 4

    def test_digest_does_not_change_by_itself(self, separate: Separate, stereo: Audio, tmp_path: Path) -> None:
        for name in ("b", "a", "c"):
            (tmp_path / name).write_text(name)
        digests = set()
        for time_s in (0, 10):
            os.utime(tmp_path / "a", (time_s, time_s))
            digests.add(separate(stereo, weights=tmp_path).provenance.weights[0]["digest"])
        assert len(digests) == 1

    def test_that_are_gone_before_the_end_cost_nobody_the_stems(
        self, registry: Registry, stereo: Audio, tmp_path: Path
    ) -> None:
        weights = tmp_path / "weights"
        weights.write_text("one")
        method = Method("loading", registry=registry, weights=weights)
        before = method.separate(stereo, reporter=lambda _: weights.unlink(missing_ok=True))
        weights.unlink(missing_ok=True)
        after = method.separate(stereo)
        digests = [separation.provenance.weights[0]["digest"] for separation in (before, after)]
        assert digests == [hashlib.sha256(b"one").hexdigest()] * 2

    def test_none_no_digest(self, separate: Separate, stereo: Audio) -> None:
        assert separate(stereo).provenance.weights == ()

    def test_missing_folder(self, separate: Separate, stereo: Audio, regular_file: Path) -> None:
        with pytest.raises(WeightsError, match="no such folder"):
            separate(stereo, weights=regular_file / "x")


class TestProgress:
    def test_reaches_the_host(self, separate: Separate, stereo: Audio) -> None:
        reports: list[Progress] = []
        separate(stereo, "steps", reporter=reports.append)
        assert reports == [Progress("count", done, 10) for done in range(11)]

    def test_of_a_loop_left_early_is_done(self, separate: Separate, stereo: Audio) -> None:
        reports: list[Progress] = []
        separate(stereo, "steps", config={"stop_at": 3}, reporter=reports.append)
        assert [report.done for report in reports] == [0, 1, 2, 3, 10]

    def test_of_a_method_that_fails_is_never_done(self, separate: Separate, stereo: Audio) -> None:
        reports: list[Progress] = []
        with pytest.raises(PluginError, match="diverged"):
            separate(stereo, "steps", config={"fail_at": 3}, reporter=reports.append)
        assert [report.done for report in reports] == [0, 1, 2, 3]


class TestCancelling:
    def test_before_it_starts(self, separate: Separate, stereo: Audio) -> None:
        cancel = threading.Event()
        cancel.set()
        reports: list[Progress] = []
        with pytest.raises(Cancelled):
            separate(stereo, "steps", cancel=cancel, reporter=reports.append)
        assert reports == []

    @pytest.mark.parametrize("done", [0, 4, 9])
    def test_in_the_middle_stops_within_one_step(self, separate: Separate, stereo: Audio, done: int) -> None:
        cancel, reports = threading.Event(), []

        def report(progress: Progress) -> None:
            reports.append(progress.done)
            if progress.done == done:
                cancel.set()

        with pytest.raises(Cancelled):
            separate(stereo, "steps", cancel=cancel, reporter=report)
        assert max(reports) == done

    def test_leaves_the_method_usable(self, registry: Registry, stereo: Audio) -> None:
        method, cancel = Method("steps", registry=registry), threading.Event()
        cancel.set()
        with pytest.raises(Cancelled):
            method.separate(stereo, cancel=cancel)
        assert len(method.separate(stereo)) == 2


class TestConstraintsOnWaveforms:
    @pytest.mark.parametrize("constraint", ["mixture-consistency", MixtureConsistency()])
    @pytest.mark.parametrize(
        "method", ["shares", "shares-mono", "shares-44100", "shares-mono-16000", "noise", "hosting", "hosting-16000"]
    )
    def test_end_satisfied_and_recorded(self, separate: Separate, stereo: Audio, method: str, constraint: Any) -> None:
        sources = list(fakes.NAMES)
        separation = separate(stereo, method, sources=sources, constraints=[constraint])
        sums_to_mixture(separation)
        (record,) = separation.provenance.constraints
        assert (record["name"], record["domain"], record["options"]) == ("mixture-consistency", "waveforms", {})
        assert record["violation"] == pytest.approx(0, abs=1e-6)
        assert list(separation) == sources

    def test_without_it_stems_are_left_as_the_method_made_them(self, separate: Separate, stereo: Audio) -> None:
        separation = separate(stereo, config={"shares": (0.1,)})
        np.testing.assert_allclose(separation["first"].samples, stereo.samples * np.float32(0.1))
        assert separation.provenance.constraints == ()

    @pytest.mark.parametrize("first", ["mixture-consistency", "ceiling"])
    def test_are_applied_in_the_order_declared(self, separate: Separate, stereo: Audio, first: str) -> None:
        constraints = [MixtureConsistency(), fakes.Ceiling(level=0.1)]
        if first == "ceiling":
            constraints.reverse()
        separation = separate(stereo, constraints=constraints)
        records = {record["name"]: record for record in separation.provenance.constraints}
        assert next(iter(records)) == first
        last = "ceiling" if first == "mixture-consistency" else "mixture-consistency"
        assert records[last]["violation"] == pytest.approx(0, abs=1e-6)
        assert records[first]["violation"] > 0.01
        loudest = max(float(np.abs(stem.samples).max()) for stem in separation.values())
        assert (loudest <= 0.1 + 1e-6) == (last == "ceiling")

    def test_said_twice_are_both_recorded(self, separate: Separate, stereo: Audio) -> None:
        separation = separate(stereo, constraints=[fakes.Ceiling(level=0.1), fakes.Ceiling(level=0.2)])
        assert [record["name"] for record in separation.provenance.constraints] == ["ceiling", "ceiling-2"]
        assert [record["violation"] for record in separation.provenance.constraints] == pytest.approx([0, 0], abs=1e-6)


class TestSideInformation:
    SCORE = Score((Note(0, 1, 60),))
    F0 = F0Track(np.array([0.0]), np.array([440.0]))

    def test_needs_are_all_named_before_any_work(self, separate: Separate, stereo: Audio) -> None:
        with pytest.raises(MismatchError) as error:
            separate(stereo, "needy")
        assert len(error.value.reasons) == 4
        assert "shares" in error.value.alternatives

    def test_needs_that_are_met(self, separate: Separate, stereo: Audio, tmp_path: Path) -> None:
        options = {"f0": {"a": self.F0}, "weights": tmp_path, "sources": ["a"]}
        assert list(separate(stereo, "needy", score=self.SCORE, **options)) == ["a"]
        self.SCORE.write(tmp_path / "score.mid")
        assert list(separate(stereo, "needy", score=tmp_path / "score.mid", **options)) == ["a"]

    def test_what_nobody_uses_is_told(self, separate: Separate, stereo: Audio) -> None:
        given: dict[str, Any] = {"score": self.SCORE, "f0": {"a": self.F0}, "examples": {"a": stereo}}
        told = separate(stereo, "shares", sources=["a"], references={"a": stereo}, **given).provenance.remarks
        words = ("set of examples", "F0", "set of true stems", "score")
        assert {f"the {word} made no difference: method 'shares' has no use for it" for word in words} <= set(told)

    def test_what_nobody_uses_takes_no_work(self, separate: Separate, stereo: Audio) -> None:
        assert separate(stereo, "shares", sources=["a"], score=self.SCORE).provenance.alignment is None
        assert separate(stereo, "peeks", sources=["a"], score=self.SCORE).provenance.alignment is not None

    def test_notes_that_were_heard_in_a_recording_stay_where_they_are_in_it(
        self, separate: Separate, stereo: Audio, tmp_path: Path
    ) -> None:
        """Also after they were a file; in another recording they are compared with it."""
        heard = separate(stereo, "peeks", sources=["a"], score=self.SCORE).provenance.inputs["mixture"]
        replace(self.SCORE, heard_in=heard).write(tmp_path / "heard.mid")
        another = Audio(-stereo.samples, stereo.sample_rate)
        for mixture, stays in ((stereo, True), (another, False)):
            separation = separate(mixture, "peeks", sources=["a"], score=tmp_path / "heard.mid")
            assert (separation.provenance.alignment is None) == stays

    def test_a_method_is_told_what_its_spec_names(self, separate: Separate, stereo: Audio) -> None:
        given: dict[str, Any] = {"f0": {"a": self.F0}, "examples": {"a": stereo}, "references": {"a": stereo}}

        class Cheating(MixtureConsistency):
            """Knows the truth, which is no reason to tell the method."""

            needs: ClassVar[frozenset[str]] = frozenset({"references"})

        for constraints in ([], [Cheating()]):
            separation = separate(stereo, "peeks", sources=["a"], constraints=constraints, **given)
            assert "told of examples, f0" in separation.provenance.remarks

    def test_what_a_statement_uses_is_used(self, separate: Separate, stereo: Audio) -> None:
        class Informed(MixtureConsistency):
            """The same, for whoever knows F0 or a score."""

            needs: ClassVar[frozenset[str]] = frozenset({"f0|score"})

        told = separate(stereo, "shares", sources=["a"], score=self.SCORE, constraints=[Informed()])
        assert not [remark for remark in told.provenance.remarks if "made no difference" in remark]

    def test_score_that_is_missing(self, separate: Separate, stereo: Audio, tmp_path: Path) -> None:
        with pytest.raises(SideInformationError, match="no such score"):
            separate(stereo, score=tmp_path / "score.mid")


class TestProvenance:
    def test_says_how_the_stems_came_about(self, separate: Separate, noise: NoiseOf) -> None:
        separation = separate(noise(2, 4000), config={"shares": (0.5,)}, sources=["a", "b"], seed=7, device="cpu")
        record = separation.provenance
        assert (record.method, record.seed, record.device) == ("shares", 7, "cpu")
        assert record.config == {"shares": [0.5]}
        assert (record.sample_rate, record.channels, record.samples) == (8000, 2, 4000)
        known = {"python": platform.python_version(), "sepkit": sepkit.__version__, "numpy": np.__version__}
        assert record.versions.items() >= known.items()
        assert record.plugin == {"name": None, "distribution": None, "version": None}
        assert record.seconds >= 0

    def test_holds_defaults_that_were_used(self, separate: Separate, stereo: Audio) -> None:
        assert separate(stereo).provenance.config == {"shares": [0.25, 0.75]}

    def test_holds_traces(self, separate: Separate, stereo: Audio) -> None:
        assert separate(stereo, "steps", config={"total": 3}).provenance.traces == {"steps": [0.0, 1.0, 2.0]}

    def test_is_strict_json(self, separate: Separate, stereo: Audio) -> None:
        separation = separate(
            stereo,
            "faulty",
            config={"fault": "infinite trace"},
            constraints=["mixture-consistency"],
            sources=["ä", "b"],
        )
        record = separation.provenance.as_dict()
        again = json.loads(json.dumps(record, allow_nan=False))
        assert again["sources"] == ["ä", "b"]
        assert again["traces"] == {"cost": [1.0, None, None]}

    def test_is_enough_to_repeat_the_run(self, separate: Separate, stereo: Audio) -> None:
        first = separate(stereo, "noise", seed=3)
        record = first.provenance.as_dict()
        again = separate(stereo, record["method"], config=record["config"], seed=record["seed"])
        np.testing.assert_array_equal(again["second"].samples, first["second"].samples)


class TestMethods:
    def test_unknown(self, registry: Registry) -> None:
        with pytest.raises(UnknownNameError, match="did you mean shares"):
            Method("share", registry=registry)

    @pytest.mark.parametrize("config", [{"share": 1}, {"shares": "half"}, "shares=1", [1]])
    def test_config_that_does_not_fit(self, registry: Registry, config: Any) -> None:
        with pytest.raises(ConfigError, match="method 'shares'"):
            Method("shares", config=config, registry=registry)

    def test_config_may_be_an_instance(self, registry: Registry) -> None:
        config = fakes.SharesConfig(shares=(1.0,))
        assert Method("shares", config=config, registry=registry).config is config

    def test_device_that_the_method_cannot_use(self, separate: Separate, stereo: Audio) -> None:
        with pytest.raises(MismatchError, match="device 'cuda'") as error:
            separate(stereo, device="cuda")
        assert error.value.alternatives == ("accelerated",)
        assert separate(stereo, "accelerated", device="cuda").provenance.device == "cuda"


class TestMethodsWithFixedSources:
    """A method that always separates into the same sources, such as harmonic and percussive."""

    @pytest.fixture
    def bands(self) -> Callable[..., Separation]:
        registry = Registry()
        registry.add(fakes.spec("bands", "Shares", config="sepkit_fakes:SharesConfig", sources=("low", "high")))

        def call(mixture: Audio, **options: Any) -> Separation:
            return sepkit.separate(mixture, "bands", registry=registry, **options)

        return call

    def test_give_all_of_them_unasked(self, bands: Callable[..., Separation], stereo: Audio) -> None:
        assert bands(stereo).sources == ("low", "high")

    def test_can_be_asked_for_some_in_any_order(self, bands: Callable[..., Separation], stereo: Audio) -> None:
        separation = bands(stereo)
        assert bands(stereo, sources=["high", "low"]).sources == ("high", "low")
        alone = bands(stereo, sources=["high"])
        assert alone.sources == alone.provenance.sources == ("high",)
        np.testing.assert_array_equal(alone["high"].samples, separation["high"].samples)
        sums_to_mixture(alone, residual=True)

    def test_cannot_be_asked_for_others(self, bands: Callable[..., Separation], stereo: Audio) -> None:
        with pytest.raises(MismatchError, match="separates into low, high and not into voice"):
            bands(stereo, sources=["low", "voice"])
