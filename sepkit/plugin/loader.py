"""Loading plugins one by one, so that a bad one never takes the host down."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pluggy

from sepkit.errors import PluginError, fault_of, one_line
from sepkit.plugin import hookspecs
from sepkit.plugin.installed import EntryPoint, Package, installed
from sepkit.plugin.specs import ConstraintSpec, DatasetSpec, MetricSpec, PriorSpec, SeparatorSpec, Spec
from sepkit.plugin.stdout import kept_from_stdout

DISABLE = "SEPKIT_DISABLE_PLUGINS"
STRICT = "SEPKIT_STRICT"
HOOKS: dict[str, type[Spec]] = {
    "sepkit_separators": SeparatorSpec,
    "sepkit_priors": PriorSpec,
    "sepkit_constraints": ConstraintSpec,
    "sepkit_metrics": MetricSpec,
    "sepkit_datasets": DatasetSpec,
}


class State(enum.Enum):
    """What became of a plugin."""

    ACTIVE = "active"
    BROKEN = "broken"
    INCOMPATIBLE = "incompatible"
    DISABLED = "disabled"
    CONFLICT = "conflict"


@dataclass(frozen=True, kw_only=True)
class PluginRecord:
    """One plugin and what became of it.

    Attributes
    ----------
    name : str
        Name of its entry point, or of its distribution when that cannot be read; ``"*"`` stands for all of them.
    module : str
    state : State
    reason : str
        Why it is not active, in one line.
    traceback : str
        In full, when it raised.
    specs : tuple of Spec
        What it publishes.
    package : Package or None
        The installed distribution that it came with.
    """

    name: str
    module: str
    state: State
    reason: str = ""
    traceback: str = ""
    specs: tuple[Spec, ...] = ()
    package: Package | None = None

    @property
    def distribution(self) -> str | None:
        """Name of the installed distribution that it came with."""
        return self.package.name if self.package else None

    @property
    def version(self) -> str | None:
        """Version of that distribution."""
        return self.package.version if self.package else None


def load_installed(disabled: frozenset[str]) -> Iterator[PluginRecord]:
    """Load all installed plugins but those that are disabled, in a fixed order; ``"*"`` reads nothing."""
    off = "disabled by the caller or by SEPKIT_DISABLE_PLUGINS"
    if "*" in disabled:
        yield PluginRecord(name="*", module="", state=State.DISABLED, reason=f"all plugins are {off}")
        return
    found = list(installed())
    points = [(point, one.package) for one in found for point in one.points]
    seen: set[tuple[str, str, str]] = set()
    for point, package in sorted(points, key=lambda pair: (pair[0].name, pair[0].value)):
        declared = (point.name, point.value, package.key)
        if point.name in disabled:
            yield PluginRecord(name=point.name, module=point.value, state=State.DISABLED, reason=off, package=package)
        elif declared in seen:
            reason = f"{package.name} declares '{point.name} = {point.value}' twice; the first counts, tell its author"
            yield PluginRecord(
                name=point.name, module=point.value, state=State.CONFLICT, reason=one_line(reason), package=package
            )
        else:
            seen.add(declared)
            yield load_plugin(point.name, point.load, point, package)
    for one in found:
        if one.fault:
            state, reason = (
                (State.DISABLED, off) if one.package.name in disabled else (State.BROKEN, one_line(one.fault))
            )
            yield PluginRecord(
                name=one.package.name, module=one.package.place, state=state, reason=reason, package=one.package
            )


def disabled_by_environment() -> frozenset[str]:
    """Names in ``SEPKIT_DISABLE_PLUGINS``, separated by commas; ``*`` stands for all."""
    return frozenset(name.strip() for name in os.environ.get(DISABLE, "").split(",") if name.strip())


def strict_by_environment() -> bool:
    """Whether ``SEPKIT_STRICT`` asks that a broken plugin be an error."""
    return os.environ.get(STRICT, "") not in ("", "0")


def load_plugin(
    name: str, load: Callable[[], Any], point: EntryPoint | None = None, package: Package | None = None
) -> PluginRecord:
    """Import a plugin's hook module and collect its specs, catching whatever it does; what it prints goes to stderr."""
    module_name = point.value if point else name

    def record(state: State, reason: str = "", specs: tuple[Spec, ...] = (), trace: str = "") -> PluginRecord:
        return PluginRecord(
            name=name,
            module=module_name,
            state=state,
            reason=reason,
            traceback=trace,
            specs=specs,
            package=package,
        )

    try:
        if point:
            _check_value(point)
        with kept_from_stdout():
            module = load()
            if point is None:
                # The built-in plugin, or a module that the host gave: where it is imported from is its own to say.
                module_name = getattr(module, "__name__", name)
            api = getattr(module, "SEPKIT_API", None)
            specs = _collect(name, module) if api == hookspecs.API else ()
        if api != hookspecs.API:
            wanted = f"this sepkit has API {hookspecs.API}; install a matching version of the plugin"
            return record(
                State.INCOMPATIBLE, f"written for API {api}, {wanted}" if api else f"states no SEPKIT_API, {wanted}"
            )
        return record(State.ACTIVE, specs=specs)
    except (Exception, SystemExit) as error:
        import traceback

        return record(State.BROKEN, fault_of(error), trace=traceback.format_exc())


def _check_value(point: EntryPoint) -> None:
    """The value of an entry point names a module, perhaps something in it."""
    if not (point.module and point.name):
        given = f"{point.name} = {point.value}"
        raise PluginError(f"the entry point '{given}' names no module, as in 'name = package.plugin'; tell its author")


def _collect(name: str, module: Any) -> tuple[Spec, ...]:
    """Call every hook of one plugin. It gets a manager of its own, so that a failure has one possible cause."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module, name)
    _check_hooks(name, manager)
    specs: list[Spec] = []
    for hook, kind in HOOKS.items():
        for yielded in getattr(manager.hook, hook)():
            for spec in yielded:
                if not isinstance(spec, kind):
                    raise PluginError(f"{hook} needs to yield {kind.__name__}, given {type(spec).__name__}")
                if any((spec.kind, spec.name) == (other.kind, other.name) for other in specs):
                    raise PluginError(f"publishes {spec.kind} '{spec.name}' twice")
                specs.append(spec)
    if not specs:
        raise PluginError("publishes nothing: no hook of it is marked with sepkit.plugin.hookimpl")
    return tuple(specs)


def _check_hooks(name: str, manager: pluggy.PluginManager) -> None:
    """Every hook that the plugin marks is one of sepkit's."""
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        marked = {hook.name for hook in manager.get_hookcallers(manager.get_plugin(name)) or ()}
        unknown = ", ".join(sorted(marked - set(HOOKS)))
        raise PluginError(f"marks {unknown} as a hook; the hooks are {', '.join(HOOKS)}") from error
