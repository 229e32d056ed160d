"""For every check of the conformance kit, plugins that it is meant to catch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sepkit import Domain, Registry
from sepkit.plugin import ConstraintSpec, PriorSpec, SeparatorSpec, Weights, WeightsFile
from sepkit.plugin.specs import Spec
from tests.zoo import heavy_hooks, light_hooks

GOOD = ("good-shares", "good-one-rate", "good-bands", "good-drawn", "good-host", "quiet", "peak-limit", "score-gate")
NONE = "none: made for the tests"


@dataclass(frozen=True)
class Exhibit:
    """A plugin that breaks a promise.

    Attributes
    ----------
    caught_by : str
        The check that is meant to catch it.
    name : str
        Of what it publishes.
    companions : frozenset of str
        Checks that cannot but fail too.
    spec : Spec or None
        None when it is published by the hooks of `module`.
    module : module
    """

    caught_by: str
    name: str
    companions: frozenset[str] = frozenset()
    spec: Spec | None = None
    module: ModuleType = light_hooks

    def registry(self) -> Registry:
        """The offender among well-behaved plugins."""
        registry = Registry(plugins=[self.module])
        if self.spec is not None:
            registry.add(self.spec)
        return registry


def method(caught_by: str, factory: str = "good:Shares", *companions: str, **options: Any) -> Exhibit:
    """A method whose class is at `factory` in the zoo."""
    name = f"offends-{caught_by}"
    options = {"summary": "an offender", "reference": NONE, "config": "tests.zoo.good:SharesConfig", **options}
    spec = SeparatorSpec(name=name, factory=f"tests.zoo.{factory}", **options)
    return Exhibit(caught_by, name, frozenset(companions), spec)


def options_of(caught_by: str, model: str, **example: Any) -> Exhibit:
    """A good method with bad options."""
    return method(caught_by, config=f"tests.zoo.configs:{model}", example=example)


def prior(caught_by: str, class_name: str, name: str, *domains: Domain) -> Exhibit:
    """A prior of the zoo."""
    spec = PriorSpec(
        name=name,
        summary="an offender",
        reference=NONE,
        factory=f"tests.zoo.statements:{class_name}",
        domains=domains or (Domain.ACTIVATIONS,),
    )
    return Exhibit(caught_by, name, spec=spec)


def constraint(caught_by: str, class_name: str, name: str, *companions: str, needs: tuple[str, ...] = ()) -> Exhibit:
    """A constraint of the zoo."""
    spec = ConstraintSpec(
        name=name,
        summary="an offender",
        reference=NONE,
        factory=f"tests.zoo.statements:{class_name}",
        needs=needs,
        domains=(Domain.WAVEFORMS,),
    )
    return Exhibit(caught_by, name, frozenset(companions), spec)


def no_folder() -> Path:
    """Weights that are said to ship with a method, and do not."""
    return Path(__file__).with_name("absent")


def shipped(function: str) -> Weights:
    """Weights whose folder a function here gives."""
    return Weights(name="shipped", licence="MIT", source=NONE, folder=f"tests.zoo.exhibits:{function}")


def fetched(url: str) -> Weights:
    """Weights to be fetched."""
    return Weights(name="fetched", licence="MIT", source=NONE, files=(WeightsFile(url=url, sha256="0" * 64, size=1),))


ON_WAVEFORMS = {"constraints": (Domain.WAVEFORMS,)}
PRIORS_ON_WAVEFORMS = {"priors": (Domain.WAVEFORMS,)}
ON_ACTIVATIONS = {"constraints": (Domain.ACTIVATIONS,)}

EXHIBITS = [
    method("summary-is-one-short-line", summary="x" * 200),
    method("reference-is-given", reference=" "),
    method("imports-resolve", "good:NoSuchClass"),
    method("imports-resolve", "good:PeakLimit"),
    method("imports-resolve", weights=(shipped("no_such_function"),)),
    method("weights-are-complete", weights=(shipped("no_folder"),)),
    method("weights-are-complete", weights=(fetched("http://example.org/gain.zip"),)),
    method("imports-resolve", trainer="tests.zoo.good:Shares"),
    method("imports-resolve", trainer="tests.zoo.good:Learns", training="tests.zoo.good:Shares"),
    method("example-validates", example={"steps": 0}),
    prior("statement-is-as-published", "Renamed", "called-otherwise", Domain.ACTIVATIONS, Domain.WAVEFORMS),
    Exhibit("discovery-is-light", "heavy-hooks", module=heavy_hooks),
    method("config-is-light", config="tests.zoo.heavy_config:HeavyConfig"),
    options_of("defaults-validate", "Required", steps=3),
    options_of("config-is-frozen", "Thawed"),
    options_of("config-forbids-unknown-options", "Lax"),
    options_of("config-round-trips-through-json", "Rounded"),
    options_of("options-are-described", "Undescribed"),
    options_of("options-are-bounded", "Unbounded"),
    options_of("config-pickles", "Unpicklable"),
    options_of("bad-options-are-config-errors", "Brittle"),
    method("constructs", "results:CannotConstruct"),
    method("constructs", "behaviour:not_a_separator"),
    method("construction-touches-nothing", "results:OpensFiles"),
    method("separator-pickles", "results:HoldsLambda"),
    method("loading-twice-changes-nothing", "results:LoadsUp"),
    method("separates", "results:Raises"),
    method("separates", "results:GivesArrays"),
    method("stems-are-named-as-asked", "results:SortsNames"),
    method(
        "some-sources-come-alone",
        "results:GivesAll",
        sources=("low", "mid", "high"),
        traits=frozenset({"selective"}),
    ),
    method("stems-match-the-mixture", "results:CutsToHop"),
    method("stems-are-finite-float32", "results:Doubles"),
    method("survives-silence", "results:DividesBySilence"),
    method("survives-a-single-sample", "results:WantsTwoSamples"),
    method("survives-extreme-levels", "results:Overflows"),
    method("gain-goes-through", "results:Gates", traits=frozenset({"gain-equivariant"})),
    method("stems-sum-to-the-mixture", "results:Halves", traits=frozenset({"sums-to-mixture"})),
    method("stems-sum-to-the-mixture", "results:LosesAntiphase", traits=frozenset({"sums-to-mixture"})),
    method("stems-sum-to-the-mixture", "results:LosesPips", traits=frozenset({"sums-to-mixture"})),
    method("synthesised-stems-differ-from-shares", traits=frozenset({"synthesises"})),
    method("names-are-arbitrary-as-declared", "results:KnowsNames", traits=frozenset({"arbitrary-names"})),
    method("names-are-arbitrary-as-declared", "results:Guesses", traits=frozenset({"arbitrary-names"})),
    method("input-is-untouched", "behaviour:WritesInput"),
    method("input-is-untouched", "behaviour:LocksInput"),
    method("same-seed-same-bytes", "behaviour:Unseeded"),
    method("seed-matters-as-declared", "behaviour:Secretly"),
    method("seed-matters-as-declared", traits=frozenset({"stochastic"})),
    method("keeps-no-state", "behaviour:Remembers"),
    method("threads-agree", "behaviour:SharesItself"),
    method("needs-are-declared", "behaviour:NeedsScore", "uses-are-used", uses=("score",)),
    method("needs-are-declared", "behaviour:NamesNothing"),
    method("needs-are-declared", "behaviour:NeedsScore", needs=("score|f0",)),
    method("uses-are-used", uses=("examples",)),
    method("uses-are-used", "behaviour:TellsOfF0Alone", uses=("examples", "f0")),
    # It has to fail while it is constructed, or sepkit would have named the need before.
    method(
        "missing-needs-are-named",
        "results:LooksForWeights",
        "constructs",
        "construction-touches-nothing",
        needs=("weights",),
    ),
    method("progress-is-reported", "behaviour:Silent"),
    method("progress-is-monotone", "behaviour:OneStage"),
    method("progress-ends-at-one", "behaviour:NeverEnds"),
    method("cancels-within-one-step", "behaviour:GoesOn"),
    method("cancels-within-one-step", "behaviour:Disguises"),
    method("cancelling-leaves-nothing-behind", "behaviour:LeavesThread"),
    # What it leaves behind when cancelled it writes in any case.
    method("cancelling-leaves-nothing-behind", "behaviour:LeavesFile", "writes-no-files"),
    method("errors-of-the-host-pass-through", "behaviour:Swallows"),
    method("default-statements-are-hosted", "good:Shares", "separates", default_priors=("quiet:loudness=1",)),
    method("default-statements-are-hosted", "good:Shares", "separates", default_priors=("quiet",)),
    method("default-statements-are-hosted", default_constraints=("peak-limit", "peak-limit")),
    method("hosted-constraints-are-reported", "hosting:ReportsNothing", **ON_WAVEFORMS),
    method("hosted-constraints-are-reported", "hosting:InventsViolations", **ON_WAVEFORMS),
    method("hosted-constraints-hold", "hosting:ProjectsTooEarly", **ON_WAVEFORMS),
    method("hosted-constraints-hold", "hosting:ReportsTooEarly", **ON_WAVEFORMS),
    method("hosted-priors-are-used", "hosting:IgnoresPriors", **PRIORS_ON_WAVEFORMS),
    method("hosted-priors-are-used", "hosting:AsksInVain", **PRIORS_ON_WAVEFORMS),
    method("works-with-installed-priors", "hosting:WantsSplit", priors=(Domain.ACTIVATIONS,)),
    method("works-with-installed-constraints", "hosting:WantsLog", **ON_ACTIVATIONS),
    method("absent-device-is-refused", "good:Shares", "accelerator-is-used", traits=frozenset({"accelerated"})),
    method(
        "absent-device-is-refused", "behaviour:FailsOnDevice", "accelerator-is-used", traits=frozenset({"accelerated"})
    ),
    method("accelerator-is-used", "behaviour:StaysOnCPU", traits=frozenset({"accelerated"})),
    method("prints-nothing", "behaviour:Prints"),
    method("warns-of-nothing", "behaviour:Warns"),
    method("changes-no-global-setting", "behaviour:SetsErrors"),
    method("global-random-state-is-untouched", "behaviour:Seeds"),
    method("writes-no-files", "behaviour:WritesFiles"),
    method("uses-no-network", "behaviour:PhonesHome"),
    method("memory-does-not-grow-with-the-mixture", traits=frozenset({"streams"})),
    prior("binds-to-its-domains", "Unbindable", "unbindable", Domain.ACTIVATIONS, Domain.WAVEFORMS),
    prior("says-something-or-why-not", "SaysNothing", "says-nothing"),
    prior("says-something-or-why-not", "Mumbles", "mumbles"),
    prior("says-something-or-why-not", "AlwaysVacuous", "always-vacuous"),
    prior("binds-to-the-smallest-axes", "PerChange", "per-change"),
    constraint("statement-input-is-untouched", "InPlace", "in-place"),
    constraint("type-and-shape-are-kept", "Widens", "widens"),
    prior("statement-is-deterministic", "Momentum", "momentum"),
    prior("takes-torch-tensors", "NumpyOnly", "numpy-only"),
    prior("statement-survives-pickling", "ForgetsItself", "forgets-itself", Domain.ACTIVATIONS, Domain.WAVEFORMS),
    prior("gradient-is-the-slope", "WrongSlope", "wrong-slope"),
    prior("split-is-the-gradient", "SwappedSplit", "swapped-split"),
    prior("draws-fit-the-axes", "WrongStart", "wrong-start"),
    constraint("projection-is-idempotent", "Shrinks", "shrinks"),
    constraint("violation-vanishes-by-projection", "NeverContent", "never-content"),
    constraint("violation-sees-what-projection-moves", "Blind", "blind"),
    constraint("says-something-or-why-not", "TakesEverything", "takes-everything", needs=("labels",)),
    constraint("violation-sees-what-projection-moves", "OverlooksBoxes", "overlooks-boxes", needs=("labels",)),
    constraint("support-is-the-projection", "ClaimsSupport", "claims-support"),
    constraint("parts-are-the-whole", "ForgetsPlace", "forgets-place"),
]
