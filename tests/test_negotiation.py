from __future__ import annotations

import pickle
from typing import Any

import pytest
import sepkit_fakes as fakes

from sepkit import Domain, Registry
from sepkit.builtin import Continuity, MixtureConsistency, Sparsity
from sepkit.errors import MismatchError
from sepkit.plugin import SeparatorSpec
from sepkit.solving.negotiation import Request, mismatches, negotiate


def request(**options: Any) -> Request:
    return Request(**{"given": frozenset(), "priors": (), "constraints": (), "device": "auto", **options})


def spec(name: str = "method", **options: Any) -> SeparatorSpec:
    return fakes.spec(name, "Shares", **options)


class TestHosting:
    def test_takes_the_domain_that_the_method_prefers(self) -> None:
        wanted = request(constraints=(fakes.Anything(),))
        for preferred in (
            (Domain.ACTIVATIONS, Domain.TEMPLATES),
            (Domain.TEMPLATES, Domain.ACTIVATIONS),
            (Domain.F0, Domain.SPECTROGRAMS),
        ):
            _, (hosted,) = negotiate(spec(constraints=preferred), wanted, Registry())
            assert hosted.domain is preferred[0]

    def test_passes_over_domains_that_the_statement_does_not_speak_of(self) -> None:
        method = spec(priors=(Domain.TEMPLATES, Domain.ACTIVATIONS))
        (hosted,), _ = negotiate(method, request(priors=(Sparsity(),)), Registry())
        assert hosted.domain is Domain.ACTIVATIONS

    def test_constraints_on_waveforms_are_hosted_for_every_method(self) -> None:
        _, (hosted,) = negotiate(spec(), request(constraints=(MixtureConsistency(),)), Registry())
        assert hosted.domain is Domain.WAVEFORMS

    def test_priors_on_waveforms_are_not(self) -> None:
        assert len(mismatches(spec(), request(priors=(fakes.OnWaveforms(),)))) == 1

    def test_keeps_the_declared_order_and_numbers_what_is_said_twice(self) -> None:
        wanted = request(priors=(Sparsity(weight=1), Continuity(), Sparsity(weight=2), Sparsity(weight=3)))
        hosted, _ = negotiate(spec(priors=(Domain.ACTIVATIONS,)), wanted, Registry())
        assert [prior.label for prior in hosted] == ["sparsity", "continuity", "sparsity-2", "sparsity-3"]
        assert [prior.statement for prior in hosted] == list(wanted.priors)

    def test_describes_itself_for_the_provenance(self) -> None:
        (hosted,), _ = negotiate(spec(priors=(Domain.ACTIVATIONS,)), request(priors=(Sparsity(weight=2),)), Registry())
        assert hosted.describe() == {"name": "sparsity", "domain": "activations", "options": {"weight": 2.0}}


class TestMismatches:
    def test_come_all_at_once(self) -> None:
        method = spec(needs=("score", "weights"))
        wanted = request(
            priors=(Sparsity(), fakes.OnWaveforms()), constraints=(fakes.Anything(), fakes.Informed()), device="cuda"
        )
        with pytest.raises(MismatchError) as error:
            negotiate(method, wanted, Registry())
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
        (reason,) = mismatches(method, request())
        assert f"needs {need}" in reason
        assert f"{need}=..." in reason
        assert f"--{need}" in reason
        assert mismatches(method, request(given=frozenset({need}))) == ()

    def test_needs_of_statements_can_be_met(self) -> None:
        method = spec(constraints=(Domain.ACTIVATIONS,))
        wanted = request(constraints=(fakes.Informed(),), given=frozenset({"score", "f0"}))
        assert mismatches(method, wanted) == ()

    @pytest.mark.parametrize("device", ["auto", "cpu"])
    def test_every_method_runs_on_the_cpu(self, device: str) -> None:
        assert mismatches(spec(), request(device=device)) == ()

    @pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
    def test_accelerators_are_for_methods_that_can_use_them(self, device: str) -> None:
        assert len(mismatches(spec(), request(device=device))) == 1
        assert mismatches(spec(traits=frozenset({"accelerated"})), request(device=device)) == ()

    def test_name_the_methods_that_could_do_it_and_no_others(self) -> None:
        registry = Registry()
        registry.add(spec("able", priors=(Domain.ACTIVATIONS,)))
        registry.add(spec("needy", priors=(Domain.ACTIVATIONS,), needs=("score",)))
        registry.add(spec("unable"))
        with pytest.raises(MismatchError) as error:
            negotiate(registry.separator("unable"), request(priors=(Sparsity(),)), registry)
        assert error.value.alternatives == ("able",)
        assert "methods that could do it: able" in str(error.value)

    def test_without_alternatives_promise_none(self) -> None:
        with pytest.raises(MismatchError) as error:
            negotiate(spec(), request(priors=(Sparsity(),)), Registry())
        assert error.value.alternatives == ()
        assert "could do it" not in str(error.value)

    def test_survive_pickling(self) -> None:
        error = MismatchError("a", ("one", "two"), ("b",))
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.method, again.reasons) == (str(error), "a", ("one", "two"))
        assert again.alternatives == ("b",)


def test_weights_for_a_method_that_has_none_are_a_mismatch() -> None:
    spec = SeparatorSpec(name="plain", summary="has no weights", factory="nowhere:Plain")
    request = Request(given=frozenset({"weights"}), priors=(), constraints=(), device="auto")
    assert mismatches(spec, request) == ("it has no weights to load: leave weights=... or --weights out",)
