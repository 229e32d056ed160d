"""The hooks that plugins implement."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from sepkit.plugin.specs import ConstraintSpec, DatasetSpec, MetricSpec, PriorSpec, SeparatorSpec

API = 1
"""The version of the contract; a plugin states the one it was written for as ``SEPKIT_API``."""

PROJECT = "sepkit"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def sepkit_separators() -> Iterable[SeparatorSpec]:  # type: ignore[empty-body]
    """Yield a spec for every separator."""


@hookspec
def sepkit_priors() -> Iterable[PriorSpec]:  # type: ignore[empty-body]
    """Yield a spec for every prior."""


@hookspec
def sepkit_constraints() -> Iterable[ConstraintSpec]:  # type: ignore[empty-body]
    """Yield a spec for every constraint."""


@hookspec
def sepkit_metrics() -> Iterable[MetricSpec]:  # type: ignore[empty-body]
    """Yield a spec for every metric."""


@hookspec
def sepkit_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Yield a spec for every dataset."""
