"""Loading plugins: one bad one never takes the host down, and is named with the remedy."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sepkit import Registry, SepkitError, separate
from sepkit.errors import PluginError
from sepkit.plugin import PriorSpec, SeparatorSpec, hookimpl
from sepkit.plugin.loader import State, load_plugin
from tests.commandline import call, hum, record, spawn
from tests.distributions import OFFENDERS, install


def spec(name: str = "made-up") -> SeparatorSpec:
    return SeparatorSpec(name=name, summary="made up", factory="nowhere:Nothing")


def plugin(**attributes: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"SEPKIT_API": 1, **attributes})


@pytest.fixture
def good(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "good")


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "good", *OFFENDERS)


@pytest.mark.usefixtures("good")
def test_an_installed_distribution_is_discovered_with_its_name_and_version() -> None:
    record = next(record for record in Registry.discover().plugins if record.name == "good")
    assert (record.state, record.distribution, record.version) == (State.ACTIVE, "sepkit-fake-good", "1.0")
    assert {(spec.kind, spec.name) for spec in record.specs} == {
        ("method", "halve"),
        ("method", "halve-by-score"),
        ("method", "halve-by-f0"),
        ("prior", "quiet"),
        ("constraint", "peak-limit"),
    }


@pytest.mark.usefixtures("good")
def test_a_method_of_an_installed_distribution_separates(tmp_path: Path) -> None:
    separation = separate(record(tmp_path / "mix.wav"), "halve", sources=["a", "b"], constraints=["peak-limit:peak=2"])
    assert separation.provenance.plugin == {"name": "good", "distribution": "sepkit-fake-good", "version": "1.0"}
    assert separation["a"].samples[0] == pytest.approx(hum()[:, 0] / 2)


@pytest.mark.parametrize(("name", "state", "words"), [(name, *ending) for name, ending in OFFENDERS.items()])
def test_each_offender_is_recorded_with_state_and_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, state: str, words: str
) -> None:
    install(monkeypatch, name)
    registry = Registry.discover()
    [record] = registry.problems
    assert (record.name, record.state.value) == (name, state)
    assert words in record.reason
    assert "\n" not in record.reason
    assert record.specs == ()
    assert bool(record.traceback) == (state == "broken")


@pytest.mark.usefixtures("everything")
def test_offenders_publish_nothing_and_the_others_are_all_there() -> None:
    registry = Registry.discover()
    assert {record.name for record in registry.problems} == set(OFFENDERS)
    assert {"nmf", "halve", "halve-by-score", "halve-by-f0"} <= set(registry.separators)
    assert "never listed" not in [spec.summary for spec in registry.separators.values()]
    assert {"quiet", "sparsity", "continuity"} <= set(registry.priors)
    assert {"peak-limit", "mixture-consistency"} <= set(registry.constraints)


def test_list_survives_all_offenders_and_names_each_once_with_the_remedy() -> None:
    listing = spawn("list", installed=("good", *OFFENDERS))
    assert listing.code == 0
    for name in ("nmf", "halve", "quiet", "sparsity", "peak-limit", "mixture-consistency"):
        assert name in listing.out
    assert "never listed" not in listing.out
    assert len(listing.complaints) == len(OFFENDERS)
    assert "Traceback" not in listing.err
    for name, (state, words) in OFFENDERS.items():
        [line] = [line for line in listing.complaints if line.startswith(f"sepkit: plugin '{name}' ")]
        assert state in line
        assert words in line
        assert f"sepkit plugins {name}" in line
        assert f"SEPKIT_DISABLE_PLUGINS={name}" in line


@pytest.mark.usefixtures("everything")
def test_a_run_survives_all_offenders(tmp_path: Path) -> None:
    done = call("run", "halve", record(tmp_path / "mix.wav"), "-o", tmp_path / "out")
    assert done.code == 0
    assert len(done.complaints) == len(OFFENDERS)


@pytest.mark.usefixtures("everything")
def test_plugins_json_names_each_with_state_and_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEPKIT_DISABLE_PLUGINS", "good")
    shown = call("plugins", "--json")
    assert (shown.code, shown.err) == (0, "")
    records = {record["name"]: record for record in json.loads(shown.out)}
    for name, (state, words) in OFFENDERS.items():
        assert records[name]["state"] == state
        assert words in records[name]["reason"]
        assert records[name]["distribution"] == f"sepkit-fake-{name}"
        assert records[name]["publishes"] == []
    assert records["good"]["state"] == "disabled"
    assert "SEPKIT_DISABLE_PLUGINS" in records["good"]["reason"]
    assert records["builtin"]["state"] == records["nmf"]["state"] == "active"
    assert records["nmf"]["publishes"] == [{"kind": "method", "name": "nmf"}]


@pytest.mark.usefixtures("everything")
def test_plugins_shows_a_line_for_each() -> None:
    shown = call("plugins")
    assert shown.code == 0
    assert {line.split()[0] for line in shown.out.splitlines()} >= {"builtin", "nmf", "good", *OFFENDERS}
    assert "Traceback" not in shown.out


@pytest.mark.usefixtures("everything")
def test_plugins_of_a_name_shows_its_traceback() -> None:
    shown = call("plugins", "raises")
    assert shown.code == 0
    assert "Traceback" in shown.out
    assert "sepkit_fake_raises" in shown.out
    assert 'raise RuntimeError("no licence' in shown.out
    assert "LookupError" not in shown.out


@pytest.mark.usefixtures("good")
def test_disabled_plugins_are_not_even_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sepkit_fake_good.plugin", raising=False)
    monkeypatch.setenv("SEPKIT_DISABLE_PLUGINS", " good , nmf")
    registry = Registry.discover()
    assert {record.name for record in registry.plugins if record.state is State.DISABLED} == {"good", "nmf"}
    assert registry.problems == []
    assert not {"halve", "nmf"} & set(registry.separators)
    assert "sepkit_fake_good.plugin" not in sys.modules


@pytest.mark.usefixtures("everything")
def test_a_star_disables_all_but_what_is_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEPKIT_DISABLE_PLUGINS", "*")
    registry = Registry.discover()
    assert {record.name: record.state for record in registry.plugins if record.name != "builtin"} == {
        "*": State.DISABLED
    }
    assert set(registry.separators) == set(Registry().separators)
    assert "sparsity" in registry.priors


@pytest.mark.usefixtures("everything")
def test_no_plugins_lists_what_is_built_in_and_complains_of_nothing() -> None:
    listing = call("--no-plugins", "list", "--json")
    assert (listing.code, listing.err) == (0, "")
    listed = json.loads(listing.out)
    assert {entry["plugin"] for entries in listed.values() for entry in entries} == {"builtin"}
    assert {"mixture", "ideal-ratio-mask"} <= {method["name"] for method in listed["methods"]}


@pytest.mark.usefixtures("everything")
def test_what_the_caller_disables_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEPKIT_DISABLE_PLUGINS", "*")
    registry = Registry.discover(disabled=OFFENDERS)
    assert registry.problems == []
    assert {"halve", "nmf"} <= set(registry.separators)


@pytest.mark.usefixtures("everything")
def test_strict_makes_offenders_an_error_that_names_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEPKIT_STRICT", "1")
    with pytest.raises(PluginError) as caught:
        Registry.discover()
    assert all(name in str(caught.value) for name in OFFENDERS)
    listing = call("list")
    assert (listing.code, listing.out, len(listing.complaints)) == (1, "", 1)


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("setting", ["", "0"])
def test_strict_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv("SEPKIT_STRICT", setting)
    assert "halve" in Registry.discover().separators


@pytest.mark.usefixtures("everything")
def test_strict_leaves_disabled_offenders_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEPKIT_STRICT", "1")
    monkeypatch.setenv("SEPKIT_DISABLE_PLUGINS", ",".join(OFFENDERS))
    assert "halve" in Registry.discover().separators


def test_an_entry_point_without_a_module_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "gone-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gone\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sepkit]\ngone = module_that_is_gone.plugin\n")
    install(monkeypatch)
    monkeypatch.syspath_prepend(str(tmp_path))
    [record] = Registry.discover().problems
    assert (record.name, record.state) == ("gone", State.BROKEN)
    assert "module_that_is_gone" in record.reason


@hookimpl
def _returns_nothing() -> None: ...


@hookimpl
def _returns_one_spec() -> SeparatorSpec:
    return spec()


@hookimpl
def _wants_arguments(registry: Registry) -> Iterator[SeparatorSpec]:
    yield spec()


@hookimpl
def _yields_twice() -> Iterator[SeparatorSpec]:
    yield spec("again")
    yield spec("again")


def _is_not_marked() -> Iterator[SeparatorSpec]:
    yield spec()


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (_returns_nothing, "publishes nothing"),
        (_returns_one_spec, "not iterable"),
        (_wants_arguments, "registry"),
        (_yields_twice, "publishes method 'again' twice"),
        (_is_not_marked, "hookimpl"),
    ],
)
def test_hooks_that_break_the_contract_are_recorded(hook: Any, words: str) -> None:
    record = load_plugin("wrong", lambda: plugin(sepkit_separators=hook))
    assert record.state is State.BROKEN
    assert words in record.reason


def test_a_hook_yields_specs_of_its_own_kind() -> None:
    @hookimpl
    def sepkit_separators() -> Iterator[PriorSpec]:
        yield PriorSpec(name="astray", summary="a prior among the methods", factory="nowhere:Nothing", domains=())

    record = load_plugin("wrong", lambda: plugin(sepkit_separators=sepkit_separators))
    assert record.state is State.BROKEN
    assert "sepkit_separators needs to yield SeparatorSpec, given PriorSpec" in record.reason


def test_an_empty_module_is_incompatible() -> None:
    record = load_plugin("empty", lambda: ModuleType("empty"))
    assert record.state is State.INCOMPATIBLE


def test_ctrl_c_while_a_plugin_loads_reaches_the_host() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_plugin("slow", interrupted)


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize("fault", ["raise", "exit"])
def test_a_method_that_fails_is_named(tmp_path: Path, fault: str) -> None:
    with pytest.raises(SepkitError, match=r"method 'halve' failed with .*: on purpose"):
        separate(record(tmp_path / "mix.wav"), "halve", config={"fault": fault})
