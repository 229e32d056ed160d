"""The registry: lookup, conflicts, specs, and hosts that choose their plugins themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import sepkit
from sepkit import Audio, Config, Domain, Problem, Registry, Run, Separator
from sepkit.errors import PluginError, UnknownNameError
from sepkit.plugin import ConstraintSpec, PriorSpec, SeparatorSpec, hookimpl
from sepkit.plugin.loader import State
from tests.commandline import script
from tests.distributions import OFFENDERS, install


class Copy(Separator[Config]):
    """Every stem is the mixture."""

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        return dict.fromkeys(problem.sources or ("copy",), problem.mixture)


COPY = f"{__name__}:Copy"
MIXTURE = Audio(np.full((1, 100), 0.1, np.float32), 8000)
BUILTIN = frozenset(Registry().separators)


def method(name: str = "copy", **fields: Any) -> SeparatorSpec:
    return SeparatorSpec(**{"name": name, "summary": "every stem is the mixture", "factory": COPY, **fields})


def plugin(name: str, *specs: SeparatorSpec | PriorSpec | ConstraintSpec) -> SimpleNamespace:
    @hookimpl
    def sepkit_separators() -> Iterator[SeparatorSpec]:
        yield from (spec for spec in specs if isinstance(spec, SeparatorSpec))

    @hookimpl
    def sepkit_priors() -> Iterator[PriorSpec]:
        yield from (spec for spec in specs if isinstance(spec, PriorSpec))

    return SimpleNamespace(
        __name__=name, SEPKIT_API=1, sepkit_separators=sepkit_separators, sepkit_priors=sepkit_priors
    )


def added(registry: Registry) -> list[str]:
    """The methods beside those that are built in."""
    assert set(registry.separators) >= BUILTIN
    return sorted(set(registry.separators) - BUILTIN)


def test_without_plugins_there_is_what_is_built_in() -> None:
    registry = Registry()
    assert {"mixture", "silence", "harmonic-comb", "ideal-ratio-mask"} <= set(registry.separators)
    assert {"continuity", "sparsity"} <= set(registry.priors)
    assert "mixture-consistency" in registry.constraints
    assert {"sdr", "si-sdr", "bss-eval"} <= set(registry.metrics)
    assert {"example", "folder", "musdb18"} <= set(registry.datasets)
    assert [record.name for record in registry.plugins] == ["builtin"]
    assert registry.problems == []


def test_a_frozen_host_gives_its_hook_modules_and_no_entry_point_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden() -> None:
        raise AssertionError("entry points were read")

    monkeypatch.setattr("sepkit.plugin.loader.installed", forbidden)
    import sepkit_nmf.plugin

    registry = Registry(plugins=[sepkit_nmf.plugin, plugin("mine", method())])
    assert added(registry) == ["copy", "nmf"]
    assert [record.name for record in registry.plugins] == ["builtin", "sepkit_nmf.plugin", "mine"]
    origin = registry.origin(registry.separator("nmf"))
    assert origin is not None
    assert (origin.name, origin.distribution) == ("sepkit_nmf.plugin", None)
    assert list(sepkit.separate(MIXTURE, "copy", registry=registry)) == ["copy"]


def test_two_registries_are_independent() -> None:
    one, other = Registry(plugins=[plugin("mine", method())]), Registry()
    other.add(method("second"))
    assert added(one) == ["copy"]
    assert added(other) == ["second"]
    assert added(Registry()) == []


def test_a_spec_that_is_added_separates_and_has_no_origin() -> None:
    registry = Registry()
    registry.add(method())
    separation = sepkit.separate(MIXTURE, "copy", sources=["a"], registry=registry)
    assert list(separation) == ["a"]
    assert separation.provenance.plugin == {"name": None, "distribution": None, "version": None}
    assert registry.origin(registry.separator("copy")) is None


def test_adding_a_name_again_replaces_it_even_when_a_plugin_published_it() -> None:
    registry = Registry(plugins=[plugin("mine", method())])
    replacement = method(summary="another")
    registry.add(replacement)
    assert registry.separator("copy") is replacement
    assert registry.origin(replacement) is None


def test_a_notebook_adds_a_class_of_its_own() -> None:
    source = """
import numpy as np
from sepkit import Audio, Config, Registry, Separator, separate
from sepkit.plugin import SeparatorSpec

class Mine(Separator[Config]):
    def separate(self, problem, run):
        return {"all": problem.mixture}

registry = Registry()
registry.add(SeparatorSpec(name="mine", summary="mine", factory="__main__:Mine"))
print(*separate(Audio(np.zeros((1, 9), np.float32), 8000), "mine", registry=registry))
"""
    assert script(source).split() == ["all"]


def test_an_unknown_method_gets_the_nearest_names() -> None:
    registry = Registry(plugins=[plugin("mine", method("score-nmf"), method("langevin"))])
    with pytest.raises(UnknownNameError, match="no method 'scorenmf' is installed; did you mean score-nmf"):
        registry.separator("scorenmf")


def test_a_known_method_that_is_not_installed_gets_its_install_command() -> None:
    with pytest.raises(UnknownNameError, match="no method 'nmf' is installed; install it with: pip install sepkit-nmf"):
        Registry().separator("nmf")


def test_an_installed_method_that_is_disabled_is_not_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(UnknownNameError, match=r"plugins that are disabled:.*\bnmf\b") as caught:
        Registry.discover(disabled=["nmf"]).separator("nmf")
    assert "pip install" not in str(caught.value)


def test_an_unknown_method_may_be_a_broken_plugins() -> None:
    def raises() -> None:
        raise OSError("cannot open shared object file")

    broken = plugin("neural")
    broken.sepkit_separators = hookimpl(raises)
    with pytest.raises(UnknownNameError, match=r"plugins that failed: neural \(broken\), see: sepkit plugins"):
        Registry(plugins=[broken]).separator("umx")


@pytest.mark.parametrize("kind", ["prior", "constraint"])
def test_an_unknown_statement_gets_the_nearest_names_or_all(kind: str) -> None:
    registry = Registry()
    near, known = {"prior": ("sparsty", "sparsity"), "constraint": ("mixtur-consistency", "mixture-consistency")}[kind]
    with pytest.raises(UnknownNameError, match=f"no {kind} '{near}' is installed; did you mean {known}"):
        getattr(registry, kind)(near)
    with pytest.raises(UnknownNameError, match=f"no {kind} 'xyz' is installed; there are: .*{known}"):
        getattr(registry, kind)("xyz")


def test_the_first_of_two_plugins_keeps_the_name_and_the_other_publishes_nothing() -> None:
    registry = Registry(plugins=[plugin("first", method()), plugin("second", method("extra"), method())])
    assert added(registry) == ["copy"]
    [record] = registry.problems
    assert (record.name, record.state) == ("second", State.CONFLICT)
    assert "method 'copy' is already published by plugin 'first'" in record.reason
    assert "SEPKIT_DISABLE_PLUGINS=second" in record.reason


@pytest.mark.parametrize("order", [1, -1])
def test_conflicts_among_installed_plugins_end_the_same_whatever_the_path(
    monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    install(monkeypatch, *["good", *OFFENDERS][::order])
    conflicts = [record.name for record in Registry.discover().plugins if record.state is State.CONFLICT]
    assert conflicts == ["rival-nmf"]


def test_the_loser_of_a_conflict_wins_when_the_other_is_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "rival-nmf")
    registry = Registry.discover(disabled=["nmf"])
    assert registry.problems == []
    assert {"nmf", "rival"} <= set(registry.separators)


def test_what_is_built_in_wins() -> None:
    impostor = PriorSpec(name="sparsity", summary="impostor", factory=COPY, domains=(Domain.ACTIVATIONS,))
    registry = Registry(plugins=[plugin("aaa", impostor)])
    assert registry.prior("sparsity").summary != "impostor"
    assert [record.name for record in registry.problems] == ["aaa"]


def test_nobody_else_is_called_builtin() -> None:
    registry = Registry(plugins=[plugin("builtin", method())])
    assert [record.state for record in registry.plugins] == [State.ACTIVE, State.CONFLICT]
    assert added(registry) == []


def test_a_method_and_a_prior_may_share_a_name() -> None:
    shared = PriorSpec(name="copy", summary="a prior", factory=COPY, domains=(Domain.WAVEFORMS,))
    registry = Registry(plugins=[plugin("mine", method(), shared)])
    assert registry.problems == []


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        ("module_that_is_gone:Method", "ModuleNotFoundError: No module named 'module_that_is_gone'"),
        (f"{__name__}:Missing", "has no attribute 'Missing'"),
        ("sepkit_fake_raises.plugin:Method", "RuntimeError: no licence"),
        ("sepkit_fake_exits.plugin:Method", "SystemExit: wants to be alone"),
    ],
)
def test_a_factory_that_cannot_be_imported_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, factory: str, reason: str
) -> None:
    install(monkeypatch, "raises", "exits")
    registry = Registry()
    registry.add(method(factory=factory))
    with pytest.raises(PluginError) as caught:
        sepkit.separate(MIXTURE, "copy", registry=registry)
    assert f"method 'copy' cannot load {factory}: " in str(caught.value)
    assert reason in str(caught.value)


def test_a_config_that_cannot_be_imported_is_named_with_the_reason() -> None:
    with pytest.raises(PluginError, match="method 'copy' cannot load nowhere:Config: ModuleNotFoundError"):
        method(config="nowhere:Config").load_config()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Copy"}, "kebab-case"),
        ({"name": "my_copy"}, "kebab-case"),
        ({"name": "copy-"}, "kebab-case"),
        ({"name": "2-copy"}, "kebab-case"),
        ({"name": ""}, "kebab-case"),
        ({"name": "copy\n"}, "kebab-case"),
        ({"name": "../copy"}, "kebab-case"),
        ({"summary": ""}, "summary"),
        ({"summary": "two\nlines"}, "summary"),
        ({"factory": "tests.test_registry.Copy"}, "factory needs to be 'package.module:Class'"),
        ({"factory": "tests:"}, "factory"),
        ({"factory": "import os; os:getcwd()"}, "factory"),
        ({"config": "nowhere"}, "config needs to be 'package.module:Class'"),
        ({"needs": ("scores",)}, "unknown needs"),
        ({"traits": frozenset({"fast"})}, "unknown traits"),
        ({"priors": ("activations",)}, "domains need to be of"),
        ({"constraints": ("H",)}, "domains need to be of"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(PluginError, match=words):
        method(**fields)


@pytest.mark.parametrize("kind", [PriorSpec, ConstraintSpec])
def test_a_statement_spec_has_known_domains(kind: Any) -> None:
    with pytest.raises(PluginError, match="domains need to be of"):
        kind(name="mine", summary="mine", factory=COPY, domains=("activations",))


def test_a_spec_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        method().name = "other"  # type: ignore[misc]
