"""Specs: what a plugin says of what it publishes before any of it is imported."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from sepkit.errors import PluginError, UnknownNameError, reason_of
from sepkit.plugin.stdout import kept_from_stdout
from sepkit.problem.domain import Domain

NEEDS = ("score", "f0", "references", "weights", "sources")
TRAITS = {
    "stochastic": "draws random numbers: another seed gives another result",
    "trainable": "has weights that can be trained",
    "sums-to-mixture": "the stems alone sum to the mixture",
    "gain-equivariant": "a louder mixture gives equally louder stems",
    "accelerated": "can run on an accelerator",
    "yardstick": "a baseline or an oracle: what other methods are measured by",
    "unordered": "unless told more, its stems come in no order: a measurement assigns them to the references",
}

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_IMPORT = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What all specs have.

    Attributes
    ----------
    name : str
        In kebab-case.
    summary : str
        One line for people.
    factory : str
        Import string ``"package.module:Class"``; nothing is imported until it is used.
    reference : str
        The paper.
    needs : tuple of str
        Out of ``"score"``, ``"f0"``, ``"references"``, ``"weights"``, ``"sources"``.
    """

    kind: ClassVar[str]

    name: str
    summary: str
    factory: str
    reference: str = ""
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        label = f"{self.kind} '{self.name}'"
        if not _NAME.fullmatch(self.name):
            raise PluginError(f"{label}: a name is written in kebab-case, as in 'score-nmf'")
        if not self.summary or "\n" in self.summary:
            raise PluginError(f"{label}: the summary needs to be one line")
        self._require_import_string("factory", self.factory)
        self._require_known("needs", self.needs, NEEDS)

    def load(self) -> Any:
        """Import the class that `factory` names.

        Raises
        ------
        PluginError
            If it cannot be imported.
        """
        return self._import(self.factory)

    def _import(self, import_string: str) -> Any:
        module, _, attribute = import_string.partition(":")
        try:
            with kept_from_stdout():
                return getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {reason_of(error)}"
            raise PluginError(f"{self.kind} '{self.name}' cannot load {import_string}: {reason}") from error

    def _require_import_string(self, field_name: str, value: str) -> None:
        if not _IMPORT.fullmatch(value):
            raise PluginError(
                f"{self.kind} '{self.name}': {field_name} needs to be 'package.module:Class', given {value!r}"
            )

    def _require_known(self, field_name: str, given: object, known: object) -> None:
        unknown = set(given) - set(known)  # type: ignore[call-overload]
        if unknown:
            raise PluginError(f"{self.kind} '{self.name}': unknown {field_name} {sorted(map(str, unknown))}")


@dataclass(frozen=True, kw_only=True)
class TrainableSpec(Spec):
    """What specs of methods and priors have in common: some can be trained.

    Attributes
    ----------
    trainer : str
        Import string of its `Trainer`; empty when it cannot be trained with sepkit.
    training : str
        Import string of the trainer's `Config`.
    """

    trainer: str = ""
    training: str = "sepkit.training.config:TrainingConfig"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trainer:
            self._require_import_string("trainer", self.trainer)
            self._require_import_string("training", self.training)

    def load_trainer(self) -> Any:
        """Import the class of the trainer; raises `PluginError`."""
        return self._import(self.trainer)

    def load_training(self) -> Any:
        """Import the model of the training's options; raises `PluginError`."""
        return self._import(self.training)


@dataclass(frozen=True, kw_only=True)
class SeparatorSpec(TrainableSpec):
    """A separator.

    Attributes
    ----------
    config : str
        Import string of its `Config`.
    constraints, priors : tuple of Domain
        The variables of its own on which it hosts them, most preferred first. Constraints on waveforms are hosted by
        sepkit for every method.
    sources : tuple of str
        The names of its stems, for a method that always separates into the same ones; empty when it can be asked for
        any. Callers may ask for some of them: sepkit picks those out.
    sample_rate : int or None
        The only rate that it works at, in Hz; None for any.
    channels : int or None
        The only number of channels that it takes; None for any.
    traits : frozenset of str
        See `TRAITS`.
    weights : str or None
        Import string of a function that gives the folder of the weights that ship with the plugin, if any.
    example : mapping
        A fast configuration, for the conformance checks.
    """

    kind = "method"

    config: str = "sepkit.config:Config"
    constraints: tuple[Domain, ...] = ()
    priors: tuple[Domain, ...] = ()
    sources: tuple[str, ...] = ()
    sample_rate: int | None = None
    channels: int | None = None
    traits: frozenset[str] = frozenset()
    weights: str | None = None
    example: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_import_string("config", self.config)
        if self.weights is not None:
            self._require_import_string("weights", self.weights)
        self._require_known("traits", self.traits, TRAITS)
        if len(set(self.sources)) < len(self.sources):
            raise PluginError(f"method '{self.name}': sources need distinct names, given {', '.join(self.sources)}")
        self._require_known("domains", (*self.constraints, *self.priors), Domain)

    def load_config(self) -> Any:
        """Import the configuration's model.

        Raises
        ------
        PluginError
        """
        return self._import(self.config)

    def bundled_weights(self) -> Path | None:
        """The folder of the weights that ship with the plugin, if any; raises `PluginError`."""
        return None if self.weights is None else Path(self._import(self.weights)())


@dataclass(frozen=True, kw_only=True)
class StatementSpec(Spec):
    """What specs of priors and constraints have in common.

    Attributes
    ----------
    domains : tuple of Domain
        The variables that it can be bound to.
    sources : tuple of str
        The names that it knows with its default options; empty when it takes any.
    sample_rate : int or None
        The only rate that it can be bound at with its default options, in Hz; None for any.
    """

    domains: tuple[Domain, ...]
    sources: tuple[str, ...] = ()
    sample_rate: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_known("domains", self.domains, Domain)


@dataclass(frozen=True, kw_only=True)
class PriorSpec(StatementSpec, TrainableSpec):
    """A prior."""

    kind = "prior"


@dataclass(frozen=True, kw_only=True)
class ConstraintSpec(StatementSpec):
    """A constraint."""

    kind = "constraint"


@dataclass(frozen=True, kw_only=True)
class OptionalSpec(Spec):
    """What specs of metrics and datasets have in common: they may need packages that their plugin does not bring.

    Attributes
    ----------
    extra : str
        The extra of the distribution that has to be installed for it, such as ``"sepkit[evaluation]"``; empty when it
        always works.
    modules : tuple of str
        Top-level modules that this extra brings.
    """

    extra: str = ""
    modules: tuple[str, ...] = ()

    @property
    def available(self) -> bool:
        """Whether everything that it needs is installed."""
        return all(importlib.util.find_spec(module) for module in self.modules)

    def load(self) -> Any:
        """Import the class that `factory` names.

        Raises
        ------
        UnknownNameError
            If what it needs is not installed, with the command that installs it.
        PluginError
            If it cannot be imported.
        """
        if not self.available:
            raise UnknownNameError(f"{self.kind} '{self.name}' needs {self.extra}: pip install '{self.extra}'")
        return super().load()


@dataclass(frozen=True, kw_only=True)
class MetricSpec(OptionalSpec):
    """A metric.

    Attributes
    ----------
    figures : tuple of str
        Names of the figures that it gives, such as ``"SI-SDR"``; no two metrics share one.
    """

    kind = "metric"

    figures: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(OptionalSpec):
    """A dataset, or a layout in which datasets are kept on disk."""

    kind = "dataset"
