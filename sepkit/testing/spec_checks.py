"""Checks of the spec: what a plugin says before anything of it is imported, and whether it is so."""

from __future__ import annotations

import inspect

from sepkit.config import Config, validate
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import LONGEST_SUMMARY, TrainableSpec
from sepkit.plugin.weights import Weights
from sepkit.problem.constraint import Constraint
from sepkit.problem.prior import Prior
from sepkit.solving.separator import Separator
from sepkit.testing.check import always, check, is_method, is_published_statement, published
from sepkit.testing.outcome import Skipped, or_skipped, require
from sepkit.testing.probe import probe
from sepkit.testing.statement_subject import StatementSubject
from sepkit.testing.subject import MethodSubject, Subject
from sepkit.training.trainer import Trainer


@check(when=published)
def summary_is_one_short_line(subject: Subject) -> None:
    """The summary fits beside the name in a list."""
    assert subject.spec is not None
    summary = subject.spec.summary
    require(
        summary.strip() == summary and 0 < len(summary) <= LONGEST_SUMMARY and summary.isprintable(),
        f"the summary is {summary!r}, {len(summary)} characters; say in one line of at most {LONGEST_SUMMARY} what it "
        "does, which is what a list has room for",
    )


@check(when=published)
def reference_is_given(subject: Subject) -> None:
    """The spec names the paper."""
    assert subject.spec is not None
    require(subject.spec.reference.strip(), "the spec has no reference; name the paper, or say that there is none")


@check(when=published)
def imports_resolve(subject: Subject) -> None:
    """Import strings lead to what they promise."""
    spec = subject.spec
    assert spec is not None
    factory = spec.load()
    base = {"method": Separator, "prior": Prior, "constraint": Constraint}[spec.kind]
    if spec.kind != "method" or inspect.isclass(factory):
        require(
            inspect.isclass(factory) and issubclass(factory, base),
            f"factory {spec.factory} is {factory!r}; derive it from sepkit.{base.__name__}",
        )
    if isinstance(subject, MethodSubject):
        model = subject.spec.load_config()
        require(
            inspect.isclass(model) and issubclass(model, Config),
            f"config {subject.spec.config} is {model!r}; derive it from sepkit.Config",
        )
    for weights in _weights_of(subject):
        if weights.ships:
            weights.shipped_folder()
    if isinstance(spec, TrainableSpec) and spec.trainer:
        trainer, options = spec.load_trainer(), spec.load_training()
        require(
            inspect.isclass(trainer) and issubclass(trainer, Trainer),
            f"trainer {spec.trainer} is {trainer!r}; derive it from sepkit.training.Trainer",
        )
        require(
            inspect.isclass(options) and issubclass(options, Config),
            f"training {spec.training} is {options!r}; derive it from sepkit.Config",
        )


@check(when=lambda subject: bool(_weights_of(subject)))
def weights_are_complete(subject: Subject) -> None:
    """Weights that ship with the plugin are there; others are fetched over an encrypted connection."""
    for weights in _weights_of(subject):
        if weights.ships:
            folder = or_skipped(weights.shipped_folder, "imports-resolve")
            require(
                folder.is_dir() and any(path.is_file() for path in folder.rglob("*")),
                f"weights '{weights.name}': {weights.folder} gives {folder}, which holds no files; ship them",
            )
        else:
            bare = [file.url for file in weights.files if not file.url.startswith("https://")]
            require(
                not bare,
                f"weights '{weights.name}' are fetched from {', '.join(bare)}; give a url that begins with https://",
            )


@check(when=always)
def example_validates(subject: Subject) -> None:
    """The options that checks run with are accepted."""
    if isinstance(subject, StatementSubject) and subject.instance is not None:
        return
    missing = [name for name, option in subject.model.model_fields.items() if option.is_required()]
    absent = [name for name in missing if name not in subject.example]
    remedy = "give the spec an example" if isinstance(subject, MethodSubject) else "give them as config={...}"
    require(not absent, f"the options {', '.join(absent)} have no default; {remedy} to check with")
    validate(subject.model, subject.example, f"{subject.kind} '{subject.name}'")


@check(when=is_published_statement)
def statement_is_as_published(subject: StatementSubject) -> None:
    """Name, domains and needs of the class are those of the spec."""
    spec, statement = subject.spec, subject.config
    assert spec is not None
    require(
        statement.name == spec.name,
        f"class {type(statement).__name__} is called '{statement.name}' and its spec '{spec.name}'; rename one",
    )
    own, said = sorted(map(str, statement.domains)), sorted(map(str, spec.domains))
    require(own == said, f"the class speaks of {', '.join(own)} and the spec of {', '.join(said)}; make them equal")
    needs = sorted(statement.needs)
    require(
        needs == sorted(spec.needs), f"the class needs {needs} and the spec says {sorted(spec.needs)}; make them equal"
    )


@check(when=published)
def discovery_is_light(subject: Subject) -> None:
    """Importing the hook module loads nothing heavy."""
    found = probe(subject)["hook"]
    if found is None:
        raise Skipped("it was added to the registry by hand, without a hook module")
    require(
        not found,
        f"the hook module {_hook_module(subject)} imports {', '.join(found)}; import nothing but sepkit.plugin in it",
    )


@check(when=is_method)
def config_is_light(subject: MethodSubject) -> None:
    """Importing the configuration loads nothing heavier than pydantic and sepkit."""
    found = probe(subject)["config"]
    require(
        not found,
        f"the module of {subject.spec.config} imports {', '.join(found)}; keep options apart from what works with them",
    )


def _weights_of(subject: Subject) -> tuple[Weights, ...]:
    return subject.spec.weights if isinstance(subject.spec, TrainableSpec) else ()


def _hook_module(subject: Subject) -> str:
    origin = None
    if isinstance(subject.registry, Registry) and subject.spec is not None:
        origin = subject.registry.origin(subject.spec)
    return origin.module if origin else "unknown"
