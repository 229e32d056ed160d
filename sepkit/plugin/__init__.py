"""What a plugin imports: hook markers and specs. Light, because every plugin's hook module loads it."""

from sepkit.domain import Domain
from sepkit.plugin.hookspecs import API, hookimpl
from sepkit.plugin.specs import ConstraintSpec, DatasetSpec, MetricSpec, PriorSpec, SeparatorSpec

__all__ = [
    "API",
    "ConstraintSpec",
    "DatasetSpec",
    "Domain",
    "MetricSpec",
    "PriorSpec",
    "SeparatorSpec",
    "hookimpl",
]
