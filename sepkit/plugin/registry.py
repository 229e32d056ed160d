"""The registry: what the plugins publish, and where each of it came from."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from sepkit.errors import PluginError, UnknownNameError
from sepkit.plugin import loader
from sepkit.plugin.known import KNOWN
from sepkit.plugin.loader import PluginRecord, State
from sepkit.plugin.specs import ConstraintSpec, DatasetSpec, MetricSpec, PriorSpec, SeparatorSpec, Spec

BUILTIN = "builtin"

T = TypeVar("T", bound=Spec)


class Registry:
    """What is available to one host. Registries are independent: there is no global one.

    Parameters
    ----------
    plugins : iterable of modules
        Hook modules, for hosts that are frozen or want to choose. What is built in is always there.

    Attributes
    ----------
    separators : dict of str to SeparatorSpec
    priors : dict of str to PriorSpec
    constraints : dict of str to ConstraintSpec
    metrics : dict of str to MetricSpec
    datasets : dict of str to DatasetSpec
    plugins : list of PluginRecord
        Every plugin that was seen, with its state.

    Examples
    --------
    >>> from sepkit import Registry
    >>> sorted(Registry().constraints)
    ['mixture-consistency']
    """

    def __init__(self, plugins: Iterable[Any] = ()) -> None:
        self.separators: dict[str, SeparatorSpec] = {}
        self.priors: dict[str, PriorSpec] = {}
        self.constraints: dict[str, ConstraintSpec] = {}
        self.metrics: dict[str, MetricSpec] = {}
        self.datasets: dict[str, DatasetSpec] = {}
        self.plugins: list[PluginRecord] = []
        self._origins: dict[tuple[str, str], PluginRecord] = {}
        self._register(loader.load_plugin(BUILTIN, lambda: importlib.import_module("sepkit.builtin.plugin")))
        for module in plugins:
            name = getattr(module, "__name__", type(module).__name__)
            self._register(loader.load_plugin(name, lambda module=module: module))  # type: ignore[misc]

    @classmethod
    def discover(cls, *, disabled: Iterable[str] | None = None, strict: bool | None = None) -> Registry:
        """A registry of all installed plugins.

        Parameters
        ----------
        disabled : iterable of str, optional
            Names of plugins to leave out, ``"*"`` for all; by default those in ``SEPKIT_DISABLE_PLUGINS``.
        strict : bool, optional
            Whether a plugin that is broken, incompatible or in conflict is an error; by default, if the environment
            sets ``SEPKIT_STRICT``.

        Raises
        ------
        PluginError
            Only if strict.
        """
        names = loader.disabled_by_environment() if disabled is None else frozenset(disabled)
        registry = cls()
        for record in loader.load_installed(names):
            registry._register(record)
        if registry.problems and (loader.strict_by_environment() if strict is None else strict):
            failed = ", ".join(f"{record.name} ({record.state.value})" for record in registry.problems)
            raise PluginError(f"{loader.STRICT} is set and plugins failed: {failed}; see: sepkit plugins")
        return registry

    @property
    def problems(self) -> list[PluginRecord]:
        """Plugins that ought to be active and are not."""
        return [record for record in self.plugins if record.state not in (State.ACTIVE, State.DISABLED)]

    def add(self, spec: Spec) -> None:
        """Add one spec by hand, as a notebook does: ``factory="__main__:MySeparator"``.

        Adding a name again replaces it.
        """
        self._table(spec)[spec.name] = spec
        self._origins.pop((spec.kind, spec.name), None)

    def separator(self, name: str) -> SeparatorSpec:
        """The spec of a method.

        Raises
        ------
        UnknownNameError
            With the nearest names, the install command of a known method, or the broken plugin that may have had it.
        """
        return self._find(self.separators, name, "method")

    def prior(self, name: str) -> PriorSpec:
        """The spec of a prior; raises `UnknownNameError`."""
        return self._find(self.priors, name, "prior")

    def constraint(self, name: str) -> ConstraintSpec:
        """The spec of a constraint; raises `UnknownNameError`."""
        return self._find(self.constraints, name, "constraint")

    def metric(self, name: str) -> MetricSpec:
        """The spec of a metric; raises `UnknownNameError`."""
        return self._find(self.metrics, name, "metric")

    def dataset(self, name: str) -> DatasetSpec:
        """The spec of a dataset; raises `UnknownNameError`."""
        return self._find(self.datasets, name, "dataset")

    def trainable(self, name: str) -> SeparatorSpec | PriorSpec:
        """The spec of a method or prior that can be trained.

        Raises
        ------
        UnknownNameError
            With those that can.
        """
        published: tuple[SeparatorSpec | PriorSpec, ...] = (*self.priors.values(), *self.separators.values())
        able = {spec.name: spec for spec in published if spec.trainer}
        if name in able:
            return able[name]
        known = self.prior(name) if name in {**self.priors, **KNOWN.get("prior", {})} else self.separator(name)
        raise UnknownNameError(
            f"{known.kind} '{name}' cannot be trained; what can be: {', '.join(sorted(able)) or 'nothing installed'}"
        )

    def origin(self, spec: Spec) -> PluginRecord | None:
        """The plugin that published `spec`; None when it was added by hand."""
        return self._origins.get((spec.kind, spec.name))

    def _register(self, record: PluginRecord) -> None:
        clash = next((spec for spec in record.specs if (spec.kind, spec.name) in self._origins), None)
        if record.state is State.ACTIVE and any(
            other.name == record.name and other.state is State.ACTIVE for other in self.plugins
        ):
            record = _in_conflict(record, f"another plugin is already called '{record.name}'; uninstall one of them")
        elif clash is not None:
            other = self._origins[clash.kind, clash.name].name
            remedy = f"disable one with {loader.DISABLE}={record.name} or {loader.DISABLE}={other}"
            record = _in_conflict(
                record, f"{clash.kind} '{clash.name}' is already published by plugin '{other}'; {remedy}"
            )
        else:
            for spec in record.specs:
                self._table(spec)[spec.name] = spec
                self._origins[spec.kind, spec.name] = record
        self.plugins.append(record)

    def _table(self, spec: Spec) -> dict[str, Any]:
        tables: dict[str, dict[str, Any]] = {
            "method": self.separators,
            "prior": self.priors,
            "constraint": self.constraints,
            "metric": self.metrics,
            "dataset": self.datasets,
        }
        return tables[spec.kind]

    def _find(self, table: dict[str, T], name: str, kind: str) -> T:
        if name in table:
            return table[name]
        hints = []
        distribution = KNOWN.get(kind, {}).get(name)
        nothing_read = any(record.name == "*" for record in self.plugins)
        if distribution and not nothing_read and distribution not in {record.distribution for record in self.plugins}:
            hints.append(f"install it with: pip install {distribution}")
        import difflib

        near = difflib.get_close_matches(name, table, n=3)
        if near:
            hints.append(f"did you mean {' or '.join(near)}?")
        if self.problems:
            faults = ", ".join(f"{record.name} ({record.state.value})" for record in self.problems)
            hints.append(f"plugins that failed: {faults}, see: sepkit plugins")
        disabled = [record.name for record in self.plugins if record.state is State.DISABLED]
        if disabled:
            hints.append(f"plugins that are disabled: {'all' if nothing_read else ', '.join(disabled)}")
        if not hints:
            hints.append(f"there are: {', '.join(sorted(table)) or 'none'}")
        raise UnknownNameError(f"no {kind} '{name}' is installed; {'; '.join(hints)}")


def _in_conflict(record: PluginRecord, reason: str) -> PluginRecord:
    return replace(record, state=State.CONFLICT, reason=reason, specs=())
