"""Metrics and datasets written as text: ``name`` or ``name:key=value,key=value``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from sepkit.config import validate
from sepkit.errors import DatasetError
from sepkit.evaluation.dataset import Dataset
from sepkit.evaluation.metric import Metric
from sepkit.plugin.registry import Registry
from sepkit.solving.declare import declared, several


def declared_metrics(given: Iterable[Metric | str], registry: Registry) -> tuple[Metric, ...]:
    """Metrics, with those given as text looked up in `registry`.

    Raises
    ------
    UnknownNameError, ConfigError
    """
    return tuple(declared(one, Metric, registry.metric) for one in several(given, "metrics"))


def declared_dataset(given: Dataset | Path | str, registry: Registry) -> Dataset:
    """A dataset, looked up in `registry` when given as text; a path stands for ``folder:path=...``.

    Raises
    ------
    UnknownNameError, ConfigError, DatasetError
    """
    if isinstance(given, Path) or (isinstance(given, str) and given.partition(":")[0] not in registry.datasets):
        path = Path(given)
        if os.path.isdir(path):
            spec = registry.dataset("folder")
            folder: Dataset = validate(spec.load(), {"path": path}, f"{spec.kind} '{spec.name}'")
            return folder
        if isinstance(given, Path) or path.name != given.partition(":")[0]:
            raise DatasetError(f"no such folder or dataset: {given}; the datasets are {', '.join(registry.datasets)}")
    return declared(given, Dataset, registry.dataset)
