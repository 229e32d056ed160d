"""The public names: pinned, all there, all documented."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterator
from typing import Any

import pytest

import sepkit
import sepkit.alignment
import sepkit.batching
import sepkit.builtin
import sepkit.informed
import sepkit.music
import sepkit.neural
import sepkit.plots
import sepkit.plugin
import sepkit.problem
import sepkit.solving
import sepkit.testing
import sepkit.training

TOP = [
    "Atom",
    "Audio",
    "BoundConstraints",
    "Cancelled",
    "Config",
    "Constraint",
    "Density",
    "Domain",
    "F0Track",
    "GradientSplit",
    "Initial",
    "Label",
    "Labels",
    "Layout",
    "Method",
    "Note",
    "Pointwise",
    "Prior",
    "Problem",
    "Progress",
    "Projection",
    "Provenance",
    "Registry",
    "Run",
    "Sampler",
    "Score",
    "Separation",
    "Separator",
    "SepkitError",
    "SideInformation",
    "Smoothed",
    "Support",
    "adapt",
    "batch",
    "errors",
    "evaluation",
    "fetch",
    "informed",
    "music",
    "problem",
    "published_weights",
    "repeat",
    "separate",
    "solving",
    "spectral",
    "train",
]
PLUGIN = [
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
ALIGNMENT = ["Alignment", "align"]
BUILTIN = [
    "Activity",
    "Continuity",
    "HarmonicConstraint",
    "HarmonicTemplates",
    "Lobes",
    "MixtureConsistency",
    "NearScore",
    "Regions",
    "ScoreConstraint",
    "SmoothF0",
    "Sparsity",
]
BATCHING = ["Batch", "BatchProgress", "Here", "Job", "JobRunner", "Outcome", "Processes", "batch", "do_jobs"]
EVALUATION = ["Dataset", "Evaluation", "Figure", "Metric", "Stems", "Track", "benchmark", "evaluate"]
TRAINING = ["Task", "Trainer", "TrainingConfig", "TrainingData", "TrainingResult", "adapt", "train"]
MUSIC = ["Audio", "F0Track", "Label", "Labels", "Note", "Score", "SideInformation", "midi_to_hz", "read_with_parts"]
PROBLEM = [
    "Atom",
    "BoundConstraints",
    "Cancel",
    "Constraint",
    "Density",
    "Domain",
    "GradientSplit",
    "Hosted",
    "Initial",
    "Layout",
    "Pointwise",
    "Prior",
    "Problem",
    "Progress",
    "Projection",
    "Run",
    "Sampler",
    "Smoothed",
    "StoredVariables",
    "Support",
    "Variables",
    "cut",
    "excerpt",
    "read_variables",
]
SOLVING = ["Method", "Provenance", "Separation", "Separator", "separate"]
INFORMED = [
    "SourceFilterModel",
    "Tracking",
    "f0_at",
    "known_f0",
    "moving_partials",
    "partial_lobes",
    "partials_hz",
    "remark_on_strangers",
    "require_parts",
    "score_atoms",
    "track_f0",
    "wanted_parts",
]
PLOTS = ["plot_factors", "plot_score", "plot_separation", "write_figure"]
TESTING = ["CheckFailed", "Outcome", "check_constraint", "check_prior", "parametrize_with_checks", "run_checks"]
NEURAL = [
    "Adam",
    "Checkpoint",
    "Fit",
    "Starts",
    "choose_device",
    "fit",
    "fit_starts",
    "generator",
    "overlap_add",
    "read_by_source",
    "read_safetensors",
    "read_state_dict",
    "undrawn",
    "usable",
]

PINNED = [
    (sepkit, TOP),
    (sepkit.plugin, PLUGIN),
    (sepkit.alignment, ALIGNMENT),
    (sepkit.batching, BATCHING),
    (sepkit.builtin, BUILTIN),
    (sepkit.evaluation, EVALUATION),
    (sepkit.training, TRAINING),
    (sepkit.neural, NEURAL),
    (sepkit.music, MUSIC),
    (sepkit.problem, PROBLEM),
    (sepkit.solving, SOLVING),
    (sepkit.informed, INFORMED),
    (sepkit.plots, PLOTS),
    (sepkit.testing, TESTING),
]
# Scripts and hook modules are run, not imported by people.
APART = ("sepkit.__main__", "sepkit.builtin.plugin", "sepkit.example.compose", "sepkit.example.render")
MODULES = [
    "sepkit",
    *(found.name for found in pkgutil.walk_packages(sepkit.__path__, "sepkit.") if found.name not in APART),
]


@pytest.mark.parametrize(("module", "names"), PINNED, ids=lambda value: getattr(value, "__name__", ""))
def test_all_is_pinned(module: types.ModuleType, names: list[str]) -> None:
    assert sorted(module.__all__) == names
    assert len(set(module.__all__)) == len(module.__all__)
    assert set(names) <= set(dir(module))


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in PINNED for name in names])
def test_every_public_name_resolves_and_is_documented(module: types.ModuleType, name: str) -> None:
    public = getattr(module, name)
    assert isinstance(public, int) or inspect.getdoc(public)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="seperate"):
        _ = sepkit.seperate  # type: ignore[attr-defined]


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    assert sepkit.__version__ == version("sepkit")


def test_every_error_has_an_exit_code_that_the_command_line_documents() -> None:
    errors = [error for error in vars(sepkit.errors).values() if inspect.isclass(error)]
    assert all(issubclass(error, sepkit.SepkitError) for error in errors)
    codes = {error.__name__: error.exit_code for error in errors}
    users = {error.__name__ for error in errors if issubclass(error, sepkit.errors.UserError)}
    assert codes == {name: 2 if name in users else 3 if name == "Cancelled" else 1 for name in codes}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_function_class_and_method_is_documented(module: str) -> None:
    loaded = importlib.import_module(module)
    assert loaded.__doc__
    assert [name for name, public in _public(loaded) if not inspect.getdoc(public)] == []


def _public(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    """Functions and classes that a module defines, and the methods of the latter; inherited documentation counts."""
    for name, value in vars(module).items():
        defined_here = getattr(value, "__module__", None) == module.__name__
        if name.startswith("_") or not defined_here or not (inspect.isclass(value) or inspect.isroutine(value)):
            continue
        yield name, value
        for member in vars(value) if inspect.isclass(value) else ():
            own = inspect.getattr_static(value, member)
            if not member.startswith("_") and (
                inspect.isroutine(own) or isinstance(own, (property, classmethod, staticmethod))
            ):
                yield f"{name}.{member}", getattr(value, member)
