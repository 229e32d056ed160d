"""Loading plugins one by one, so that a bad one never takes the host down."""

from __future__ import annotations

import enum
import importlib.metadata
import os
import textwrap
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pluggy

from sepkit.errors import PluginError
from sepkit.plugin import hookspecs
from sepkit.plugin.specs import ConstraintSpec, DatasetSpec, MetricSpec, PriorSpec, SeparatorSpec, Spec

GROUP = "sepkit"
DISABLE = "SEPKIT_DISABLE_PLUGINS"
STRICT = "SEPKIT_STRICT"
HOOKS: dict[str, type[Spec]] = {
    "sepkit_separators": SeparatorSpec,
    "sepkit_priors": PriorSpec,
    "sepkit_constraints": ConstraintSpec,
    "sepkit_metrics": MetricSpec,
    "sepkit_datasets": DatasetSpec,
}
_LONGEST_REASON = 300


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
        Name of its entry point.
    module : str
    state : State
    reason : str
        Why it is not active, in one line.
    traceback : str
        In full, when it raised.
    specs : tuple of Spec
        What it publishes.
    """

    name: str
    module: str
    state: State
    reason: str = ""
    traceback: str = ""
    specs: tuple[Spec, ...] = ()
    entry_point: importlib.metadata.EntryPoint | None = None

    @property
    def distribution(self) -> str | None:
        """Name of the installed distribution that it came with."""
        dist = self.entry_point.dist if self.entry_point else None
        return dist.name if dist else None

    @property
    def version(self) -> str | None:
        """Version of that distribution."""
        dist = self.entry_point.dist if self.entry_point else None
        return dist.version if dist else None


def entry_points() -> Iterator[importlib.metadata.EntryPoint]:
    """The installed plugins' entry points, in a fixed order."""
    found = importlib.metadata.entry_points(group=GROUP)
    yield from sorted(found, key=lambda point: (point.name, point.value))


def disabled_by_environment() -> frozenset[str]:
    """Names in ``SEPKIT_DISABLE_PLUGINS``, separated by commas; ``*`` stands for all."""
    return frozenset(name.strip() for name in os.environ.get(DISABLE, "").split(",") if name.strip())


def strict_by_environment() -> bool:
    """Whether ``SEPKIT_STRICT`` asks that a broken plugin be an error."""
    return os.environ.get(STRICT, "") not in ("", "0")


def load_plugin(
    name: str, load: Callable[[], Any], entry_point: importlib.metadata.EntryPoint | None = None
) -> PluginRecord:
    """Import a plugin's hook module and collect its specs, catching whatever it does."""
    module_name = entry_point.value if entry_point else name

    def record(state: State, reason: str = "", specs: tuple[Spec, ...] = (), trace: str = "") -> PluginRecord:
        return PluginRecord(
            name=name,
            module=module_name,
            state=state,
            reason=reason,
            traceback=trace,
            specs=specs,
            entry_point=entry_point,
        )

    try:
        module = load()
        if entry_point is None:
            # The built-in plugin, or a module that the host gave: where it is imported from is its own to say.
            module_name = getattr(module, "__name__", name)
        api = getattr(module, "SEPKIT_API", None)
        if api != hookspecs.API:
            wanted = f"this sepkit has API {hookspecs.API}; install a matching version of the plugin"
            return record(
                State.INCOMPATIBLE, f"written for API {api}, {wanted}" if api else f"states no SEPKIT_API, {wanted}"
            )
        return record(State.ACTIVE, specs=_collect(name, module))
    except (Exception, SystemExit) as error:
        reason = textwrap.shorten(f"{type(error).__name__}: {error}", _LONGEST_REASON, placeholder=" ...")
        return record(State.BROKEN, reason, trace=traceback.format_exc())


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
