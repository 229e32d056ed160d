"""What a plugin imports: hook markers and specs. Light, because every plugin's hook module loads it."""

from sepkit.plugin.hookspecs import API, hookimpl
from sepkit.plugin.specs import ConstraintSpec, DatasetSpec, MetricSpec, PriorSpec, SeparatorSpec
from sepkit.plugin.weights import Weights, WeightsFile
from sepkit.problem.domain import Domain

__all__ = [
    "API",
    "ConstraintSpec",
    "DatasetSpec",
    "Domain",
    "MetricSpec",
    "PriorSpec",
    "SeparatorSpec",
    "Weights",
    "WeightsFile",
    "hookimpl",
]
