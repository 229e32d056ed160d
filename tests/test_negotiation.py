from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest
import sepkit_fakes as fakes

from sepkit import Config, Domain, Registry
from sepkit.builtin import Continuity, MixtureConsistency, Sparsity
from sepkit.errors import MismatchError
from sepkit.plugin import SeparatorSpec, Weights
from sepkit.solving.negotiation import Task, mismatches, negotiate


def task(**options: Any) -> Task:
    return Task(**{"given": frozenset(), "priors": (), "constraints": (), "device": "auto", **options})


def spec(name: str = "method", **options: Any) -> SeparatorSpec:
    return fakes.spec(name, "Shares", **options)


class OnActivations(Sparsity):
    @property
    def name(self) -> str:
        return "on-activations"


class Open(Config):
    weight: float | None = None
    more: float = 7


def negotiated(method: SeparatorSpec, wanted: Task, registry: Registry) -> tuple[Any, Any]:
    return negotiate(method, method.load_config()(), wanted, registry)


class TestHosting:
    def test_takes_the_domain_that_the_method_prefers(self) -> None:
        wanted = task(constraints=(fakes.Anything(),))
        for preferred in (
            (Domain.ACTIVATIONS, Domain.TEMPLATES),
            (Domain.TEMPLATES, Domain.ACTIVATIONS),
            (Domain.F0, Domain.SPECTROGRAMS),
        ):
            _, (hosted,) = negotiated(spec(constraints=preferred), wanted, Registry())
            assert hosted.domain == preferred[0]

    def test_passes_over_domains_that_the_statement_does_not_speak_of(self) -> None:
        method = spec(priors=(Domain.TEMPLATES, Domain.ACTIVATIONS))
        (hosted,), _ = negotiated(method, task(priors=(Sparsity(),)), Registry())
        assert hosted.domain == Domain.ACTIVATIONS

    def test_constraints_on_waveforms_are_hosted_for_every_method(self) -> None:
        _, (hosted,) = negotiated(spec(), task(constraints=(MixtureConsistency(),)), Registry())
        assert hosted.domain == Domain.WAVEFORMS

    def test_priors_on_waveforms_are_not(self) -> None:
        assert len(mismatches(spec(), task(priors=(fakes.OnWaveforms(),)))) == 1

    def test_keeps_the_declared_order_and_numbers_what_is_said_twice(self) -> None:
        wanted = task(priors=(Sparsity(weight=1), Continuity(), Sparsity(weight=2), Sparsity(weight=3)))
        hosted, _ = negotiated(spec(priors=(Domain.ACTIVATIONS,)), wanted, Registry())
        assert [prior.label for prior in hosted] == ["sparsity", "continuity", "sparsity-2", "sparsity-3"]
        assert [prior.statement for prior in hosted] == list(wanted.priors)

    def test_describes_itself_for_the_provenance(self) -> None:
        (hosted,), _ = negotiated(spec(priors=(Domain.ACTIVATIONS,)), task(priors=(Sparsity(weight=2),)), Registry())
        options = {"weight": 2.0}
        said = {"name": "sparsity", "domain": "activations", "options": options, "default": False}
        assert hosted.describe() == {**said, "statement": "sparsity"}


class TestDefaults:
    METHOD = spec(
        priors=(Domain.ACTIVATIONS,),
        constraints=(Domain.ACTIVATIONS,),
        default_priors=("sparsity:weight=3", "continuity"),
        default_constraints=("score",),
    )

    def test_come_before_what_is_declared(self) -> None:
        hosted, _ = negotiated(self.METHOD, task(priors=(OnActivations(),)), Registry.discover())
        assert [(one.label, one.default) for one in hosted] == [
            ("sparsity", True),
            ("continuity", True),
            ("on-activations", False),
        ]
        assert hosted[0].statement == Sparsity(weight=3)
        assert hosted[0].describe()["default"] is True

    def test_give_way_to_the_same_name(self) -> None:
        hosted, _ = negotiated(self.METHOD, task(priors=(Sparsity(weight=1),)), Registry.discover())
        assert [(one.label, one.default) for one in hosted] == [("continuity", True), ("sparsity", False)]
        assert hosted[1].statement == Sparsity(weight=1)

    def test_are_left_out_where_their_needs_are_not_met(self) -> None:
        assert negotiated(self.METHOD, task(), Registry.discover())[1] == ()
        _, (hosted,) = negotiated(self.METHOD, task(given=frozenset({"score"})), Registry.discover())
        assert (hosted.label, hosted.default) == ("score", True)

    def test_take_their_options_from_those_of_the_method(self) -> None:
        method = replace(self.METHOD, config="sepkit.builtin:Sparsity", default_priors=("sparsity:weight={weight}",))
        (prior,), _ = negotiate(method, method.load_config()(weight=2), task(), Registry.discover())
        assert prior.statement == Sparsity(weight=2)

    def test_keep_what_they_have_where_an_option_of_the_method_is_open(self) -> None:
        method = replace(self.METHOD, default_priors=("sparsity:weight={weight}", "continuity:weight={more}"))
        hosted, _ = negotiate(method, Open(), task(), Registry.discover())
        assert [prior.statement for prior in hosted] == [Sparsity(), Continuity(weight=7)]


class TestAlternatives:
    METHOD = spec(needs=("score|f0",))

    @pytest.mark.parametrize("given", [{"score"}, {"f0"}, {"score", "f0"}])
    def test_any_of_them_will_do(self, given: set[str]) -> None:
        assert mismatches(self.METHOD, task(given=frozenset(given))) == ()

    def test_all_of_them_are_named(self) -> None:
        (reason,) = mismatches(self.METHOD, task(given=frozenset({"references"})))
        assert reason.startswith("it needs score or f0: give one with score=... or --score, or give F0 tracks")

    def test_weights_of_its_own_are_not_given_by_the_caller(self) -> None:
        shipped = Weights(name="own", licence="MIT", source="here", folder="somewhere:folder")
        assert mismatches(spec(weights=(shipped,), needs=("weights",)), task()) == ()
        other = spec("other", needs=("weights",))
        registry = Registry()
        registry.add(other)
        with pytest.raises(MismatchError) as error:
            negotiated(spec(), task(given=frozenset({"weights"})), registry)
        assert error.value.alternatives == ()


class TestMismatches:
    def test_come_all_at_once(self) -> None:
        method = spec(needs=("score", "weights"))
        wanted = task(
            priors=(Sparsity(), fakes.OnWaveforms()), constraints=(fakes.Anything(), fakes.Informed()), device="cuda"
        )
        with pytest.raises(MismatchError) as error:
            negotiated(method, wanted, Registry())
        text = str(error.value)
        assert "\n" not in text
        for words in (
            "method 'method'",
            "needs score: give one with score=... or --score",
            "needs weights",
            "device 'cuda'",
            "prior 'sparsity' speaks of activations",
            "prior 'on-waveforms' speaks of waveforms, and it hosts priors on nothing",
            "constraint 'anything'",
            "constraint 'informed' needs f0",
            "constraint 'informed' needs score",
        ):
            assert words in text
        assert len(error.value.reasons) == 9

    @pytest.mark.parametrize("need", ["score", "f0", "weights", "sources"])
    def test_every_need_says_how_to_meet_it(self, need: str) -> None:
        method = spec(needs=(need,))
        (reason,) = mismatches(method, task())
        assert f"needs {need}" in reason
        assert f"{need}=..." in reason
        assert f"--{need}" in reason
        assert mismatches(method, task(given=frozenset({need}))) == ()

    def test_needs_of_statements_can_be_met(self) -> None:
        method = spec(constraints=(Domain.ACTIVATIONS,))
        wanted = task(constraints=(fakes.Informed(),), given=frozenset({"score", "f0"}))
        assert mismatches(method, wanted) == ()

    @pytest.mark.parametrize("device", ["auto", "cpu"])
    def test_every_method_runs_on_the_cpu(self, device: str) -> None:
        assert mismatches(spec(), task(device=device)) == ()

    @pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
    def test_accelerators_are_for_methods_that_can_use_them(self, device: str) -> None:
        assert len(mismatches(spec(), task(device=device))) == 1
        assert mismatches(spec(traits=frozenset({"accelerated"})), task(device=device)) == ()

    def test_name_the_methods_that_could_do_it_and_no_others(self) -> None:
        registry = Registry()
        registry.add(spec("able", priors=(Domain.ACTIVATIONS,)))
        registry.add(spec("willing", priors=(Domain.ACTIVATIONS,)))
        registry.add(spec("oracle", priors=(Domain.ACTIVATIONS,), traits=frozenset({"yardstick"})))
        registry.add(spec("needy", priors=(Domain.ACTIVATIONS,), needs=("score",)))
        registry.add(spec("unable"))
        with pytest.raises(MismatchError) as error:
            negotiated(registry.separator("unable"), task(priors=(Sparsity(),)), registry)
        assert error.value.alternatives == ("able", "willing")
        assert "methods that could do it: able, willing" in str(error.value)

    def test_without_alternatives_promise_none(self) -> None:
        with pytest.raises(MismatchError) as error:
            negotiated(spec(), task(priors=(Sparsity(),)), Registry())
        assert error.value.alternatives == ()
        assert "could do it" not in str(error.value)

    def test_survive_pickling(self) -> None:
        error = MismatchError("a", ("one", "two"), ("b",))
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.method, again.reasons) == (str(error), "a", ("one", "two"))
        assert again.alternatives == ("b",)


def test_weights_for_a_method_that_has_none_are_a_mismatch() -> None:
    spec = SeparatorSpec(name="plain", summary="has no weights", factory="nowhere:Plain")
    task = Task(given=frozenset({"weights"}), priors=(), constraints=(), device="auto")
    assert mismatches(spec, task) == ("it has no weights to load: leave weights=... or --weights out",)
