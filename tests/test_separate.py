"""The whole pipeline, through `sepkit.separate` and `sepkit.Method`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sepkit_fakes as fakes

import sepkit
from sepkit import Audio, Cancelled, Domain, Method, Registry, Separation
from sepkit.builtin import MixtureConsistency
from sepkit.errors import (
    AudioError,
    ConfigError,
    MismatchError,
    PluginError,
    SepkitError,
    UnknownNameError,
)

NoiseOf = Callable[..., Audio]
Separate = Callable[..., Separation]


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

    def test_a_prior_on_waveforms_is_asked_at_its_rate(self, registry: Registry, stereo: Audio) -> None:
        registry.add(fakes.spec("sampler", "Shares", config="sepkit_fakes:SharesConfig", priors=(Domain.WAVEFORMS,)))
        method = Method("sampler", registry=registry)

        def adapted(*rates: int | None) -> tuple[str, ...]:
            return method.separate(
                stereo, priors=[fakes.OnWaveforms(rate=rate) for rate in rates]
            ).provenance.adaptations

        assert adapted(None) == adapted(8000) == ()
        assert adapted(16000) == adapted(None, 16000, 16000) == ("8000 Hz to 16000 Hz and back",)
        with pytest.raises(MismatchError, match=r"for 16000 Hz and prior '.*' for 44100 Hz: keep one"):
            adapted(16000, 44100)


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
