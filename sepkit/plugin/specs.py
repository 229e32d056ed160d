"""Specs: what a plugin says of what it publishes before any of it is imported."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sepkit.errors import PluginError, UnknownNameError
from sepkit.plugin.naming import import_object, require_import_string, require_name
from sepkit.plugin.weights import Weights
from sepkit.problem.domain import Domain
from sepkit.problem.needs import NEEDS, SIDE_INFORMATION, kinds

LONGEST_NAME, LONGEST_SUMMARY = 20, 56
"""What a line of `sepkit list` has room for, which has 80 columns; a longer name takes a line of its own."""
TRAITS = {
    "stochastic": "draws random numbers: another seed gives another result",
    "trainable": "has weights that can be trained",
    "sums-to-mixture": "the stems alone sum to the mixture",
    "gain-equivariant": "a louder mixture gives equally louder stems",
    "accelerated": "can run on an accelerator",
    "yardstick": "a baseline or an oracle: what other methods are measured by",
    "arbitrary-names": "told names alone, which stem has which is arbitrary: remarked, and assigned to be measured",
    "selective": "asked for some of the sources that its weights know, it works for those alone",
    "streams": "an hour takes hardly more memory of its own than a minute",
    "synthesises": "its stems are synthesised and do not sum to the mixture: remarked",
}


# No method is written for classes that others complete: nobody calls them, and each makes listings slower.
@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class Spec:
    """What all specs have.

    Attributes
    ----------
    name : str
        In kebab-case.
    summary : str
        One line for people, of at most 56 characters.
    factory : str
        Import string ``"package.module:Class"``; nothing is imported until it is used.
    reference : str
        The paper.
    needs : tuple of str
        Out of ``"score"``, ``"f0"``, ``"examples"``, ``"references"``, ``"labels"``, ``"weights"``, ``"sources"``,
        ``"stereo"``; ``"score|f0"`` where one of them will do.
    """

    kind: ClassVar[str]

    name: str
    summary: str
    factory: str
    reference: str = ""
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        label = f"{self.kind} '{self.name}'"
        require_name(label, self.name)
        if not self.summary or "\n" in self.summary:
            raise PluginError(f"{label}: the summary needs to be one line")
        self._require_import_string("factory", self.factory)
        self._require_known("needs", kinds(self.needs), NEEDS)

    def load(self) -> Any:
        """Import the class that `factory` names.

        Raises
        ------
        PluginError
            If it cannot be imported.
        """
        return self._import(self.factory)

    def _import(self, import_string: str) -> Any:
        return import_object(f"{self.kind} '{self.name}'", import_string)

    def _require_import_string(self, field_name: str, value: str) -> None:
        require_import_string(f"{self.kind} '{self.name}'", field_name, value)

    def _require_domains(self, *given: object) -> None:
        strange = [domain for domain in given if not isinstance(domain, Domain)]
        if strange:
            raise PluginError(f"{self.kind} '{self.name}': domains need to be of sepkit.plugin.Domain, given {strange}")

    def _require_known(self, field_name: str, given: object, known: object) -> None:
        unknown = set(given) - set(known)  # type: ignore[call-overload]
        if unknown:
            raise PluginError(f"{self.kind} '{self.name}': unknown {field_name} {sorted(map(str, unknown))}")


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class TrainableSpec(Spec):
    """What specs of methods and priors have in common: some have weights, some can be trained.

    Attributes
    ----------
    weights : tuple of Weights
        Those that ship with the plugin, and those that can be fetched; the first one is taken when the caller gives
        none, if it ships with the plugin or the method needs weights.
    trainer : str
        Import string of its `Trainer`; empty when it cannot be trained with sepkit.
    training : str
        Import string of the trainer's `Config`.
    """

    weights: tuple[Weights, ...] = ()
    trainer: str = ""
    training: str = "sepkit.training.config:TrainingConfig"

    def __post_init__(self) -> None:
        super().__post_init__()
        label = f"{self.kind} '{self.name}'"
        if not isinstance(self.weights, tuple) or not all(isinstance(one, Weights) for one in self.weights):
            raise PluginError(f"{label}: weights needs to be a tuple of sepkit.plugin.Weights, given {self.weights!r}")
        if len({one.name for one in self.weights}) < len(self.weights):
            names = ", ".join(one.name for one in self.weights)
            raise PluginError(f"{label}: weights need distinct names, given {names}")
        if self.trainer:
            self._require_import_string("trainer", self.trainer)
            self._require_import_string("training", self.training)

    @property
    def default_weights(self) -> Weights | None:
        """Those that are taken when the caller gives none."""
        first = self.weights[0] if self.weights else None
        return first if first and (first.ships or "weights" in self.needs) else None

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
    uses : tuple of str
        Side information that it makes use of when it is given, beside what it needs. It gets no other.
    constraints, priors : tuple of Domain
        The variables of its own on which it hosts them, most preferred first. Constraints on waveforms are hosted by
        sepkit for every method.
    default_constraints, default_priors : tuple of str
        Statements that it assumes, as text such as ``"continuity:weight=100"``; ``{option}`` stands for the value of an
        option. A statement of the same name that the caller declares takes the place of the default. Those whose needs
        are not met are left out.
    sources : tuple of str
        The names of its stems, for a method that always separates into the same ones; empty when it can be asked for
        any. Callers may ask for some of them: sepkit picks those out.
    sample_rate : int or None
        The only rate that it works at, in Hz; None for any.
    channels : int or None
        The only number of channels that it takes; None for any.
    traits : frozenset of str
        See `TRAITS`.
    example : mapping
        A fast configuration, for the conformance checks.
    """

    kind = "method"

    config: str = "sepkit.config:Config"
    uses: tuple[str, ...] = ()
    constraints: tuple[Domain, ...] = ()
    priors: tuple[Domain, ...] = ()
    default_constraints: tuple[str, ...] = ()
    default_priors: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    sample_rate: int | None = None
    channels: int | None = None
    traits: frozenset[str] = frozenset()
    example: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require_import_string("config", self.config)
        self._require_known("traits", self.traits, TRAITS)
        if {"synthesises", "sums-to-mixture"} <= self.traits:
            raise PluginError(f"method '{self.name}': the traits synthesises and sums-to-mixture exclude each other")
        if len(set(self.sources)) < len(self.sources):
            raise PluginError(f"method '{self.name}': sources need distinct names, given {', '.join(self.sources)}")
        self._require_known("uses", self.uses, SIDE_INFORMATION)
        self._require_domains(*self.constraints, *self.priors)

    @property
    def side_information(self) -> frozenset[str]:
        """The kinds of side information that it gets."""
        return (kinds(self.needs) | frozenset(self.uses)) & frozenset(SIDE_INFORMATION)

    def load_config(self) -> Any:
        """Import the configuration's model.

        Raises
        ------
        PluginError
        """
        return self._import(self.config)


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
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
        self._require_domains(*self.domains)


@dataclass(frozen=True, kw_only=True)
class PriorSpec(StatementSpec, TrainableSpec):
    """A prior."""

    kind = "prior"


@dataclass(frozen=True, kw_only=True)
class ConstraintSpec(StatementSpec):
    """A constraint."""

    kind = "constraint"


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class OptionalSpec(Spec):
    """What specs of metrics and datasets have in common: they may need what their plugin does not bring.

    Attributes
    ----------
    extra : str
        The extra of the distribution that has to be installed for it, such as ``"sepkit[evaluation]"``; empty when it
        always works.
    modules : tuple of str
        Top-level modules that this extra brings.
    programs : tuple of str
        Programs of the system that it calls, such as ``"ffmpeg"``.
    """

    extra: str = ""
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    @property
    def remedy(self) -> str:
        """What installs everything that it needs and that is not there; empty when nothing is missing."""
        absent = [program for program in self.programs if shutil.which(program) is None]
        return ", and ".join(filter(None, [self._pip_install, *(f"install the program {name}" for name in absent)]))

    @property
    def available(self) -> bool:
        """Whether everything that it needs is installed."""
        return not self.remedy

    def load(self) -> Any:
        """Import the class that `factory` names, which says itself when it misses a program.

        Raises
        ------
        UnknownNameError
            If a module that it needs is not installed, with the command that installs it.
        PluginError
            If it cannot be imported.
        """
        if self._pip_install:
            raise UnknownNameError(f"{self.kind} '{self.name}' needs {self.extra}: {self._pip_install}")
        return super().load()

    @property
    def _pip_install(self) -> str:
        there = all(importlib.util.find_spec(module) for module in self.modules)
        return "" if there else f"pip install '{self.extra}'"


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
