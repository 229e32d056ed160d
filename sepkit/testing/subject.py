"""What is checked: a method, with what checks ask of it worked out once, or a statement."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.config import Config, validate
from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec, Spec, StatementSpec
from sepkit.plugin.store import chosen_weights, default_folder
from sepkit.problem.constraint import Constraint
from sepkit.problem.domain import Domain
from sepkit.problem.needs import alternatives, kinds
from sepkit.problem.prior import Prior
from sepkit.problem.problem import Problem
from sepkit.problem.run import Cancel, Progress, Reporter, Run
from sepkit.problem.statement import Hosted
from sepkit.solving.negotiation import Task, hosted, takes_weights
from sepkit.solving.separator import Separator
from sepkit.testing.material import Case
from sepkit.testing.outcome import CheckFailed, Skipped, or_skipped
from sepkit.testing.statement_subject import StatementSubject
from sepkit.testing.watch import Effects, watched

Fingerprint = tuple[tuple[str, str, tuple[int, ...], bytes], ...]


@dataclass(frozen=True, eq=False)
class Result:
    """What one separation gave."""

    case: Case
    stems: Mapping[str, Audio]
    run: Run
    mixture: Audio

    @property
    def fingerprint(self) -> Fingerprint:
        """Names and bytes of the stems."""
        arrays = {name: np.asarray(stem.samples) for name, stem in self.stems.items()}
        return tuple((name, str(array.dtype), array.shape, array.tobytes()) for name, array in arrays.items())

    @property
    def samples(self) -> NDArray[np.float32]:
        """All stems [shape=(sources, channels, samples)]."""
        if any(stem.samples.shape != self.mixture.samples.shape for stem in self.stems.values()):
            raise Skipped("its stems are not of the mixture's shape; see check 'stems-match-the-mixture'")
        return np.stack([stem.samples for stem in self.stems.values()])


@dataclass(eq=False)
class MethodSubject:
    """A method under test.

    Parameters
    ----------
    spec : SeparatorSpec
    registry : Registry
    options : mapping
        Beside those of the spec's example, which they override.
    given_weights : Path, optional
        Folder; by default that of the method's default weights, if they are here.
    """

    spec: SeparatorSpec
    registry: Registry
    options: Mapping[str, Any] = field(default_factory=dict)
    given_weights: Path | None = None
    effects: Effects = field(default_factory=Effects)
    probed: dict[str, Any] | None = None
    kind = "method"
    _results: dict[Case, Result] = field(default_factory=dict)
    _works: bool | None = None
    _deterministic: bool | None = None

    @property
    def name(self) -> str:
        """As it is published."""
        return self.spec.name

    @property
    def example(self) -> dict[str, Any]:
        """The options that checks run with."""
        return {**self.spec.example, **self.options}

    @property
    def model(self) -> type[Config]:
        """The configuration's class."""
        loaded: type[Config] = or_skipped(self.spec.load_config, "imports-resolve")
        return loaded

    @property
    def config(self) -> Config:
        """The configuration that checks run with."""
        config: Config = or_skipped(lambda: validate(self.model, self.example, self.name), "example-validates")
        return config

    @property
    def weights(self) -> Path | None:
        """The folder of weights that checks run with."""
        folder: Path | None = self.given_weights or or_skipped(lambda: default_folder(self.spec), "imports-resolve")
        return folder

    @cached_property
    def sample_rate(self) -> int | None:
        """The only rate that the method works at, in Hz: its weights' or its spec's."""
        rate: int | None = self._as_loaded("sample_rate")
        return rate

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The names that the method always separates into: its weights' or its spec's."""
        sources: tuple[str, ...] = self._as_loaded("sources")
        return sources

    @property
    def sample_rates(self) -> tuple[int, ...]:
        """Rates that the method is to work at, in Hz."""
        return (self.sample_rate,) if self.sample_rate else (22050, 44100, 48000)

    @property
    def channel_counts(self) -> tuple[int, ...]:
        """Numbers of channels that the method is to take."""
        return (self.spec.channels,) if self.spec.channels else (1, 2)

    def case(self, **changes: Any) -> Case:
        """The ordinary problem, or one that differs from it."""
        rate = self.sample_rate or 16000
        ordinary = {"sample_rate": rate, "channels": self.channel_counts[-1], "length": rate // 4 + 1}
        # A method that always separates into the same sources is asked for these.
        fixed = {"sources": self.sources} if self.sources else {}
        return Case(**{**ordinary, **changes, **fixed})

    def bare_case(self, *more: str) -> Case:
        """The ordinary problem with what the spec declares to need and no more, or with `more` than that.

        Of alternatives the first is given.
        """
        return self.case(given=frozenset((*(alternatives(need)[0] for need in self.spec.needs), *more)))

    def _as_loaded(self, name: str) -> Any:
        """What the loaded weights say of the method, or else its spec."""
        try:
            return getattr(self.loaded(), name) or getattr(self.spec, name)
        except (Exception, SystemExit):
            # That it cannot be loaded is for checks to say.
            return getattr(self.spec, name)

    def construct(self) -> Separator[Any]:
        """A new instance."""
        factory = or_skipped(self.spec.load, "imports-resolve")
        config = self.config
        separator = or_skipped(lambda: factory(config), "constructs")
        if not isinstance(separator, Separator):
            raise Skipped("nothing to check; see check 'constructs'")
        return separator

    def load(self, separator: Separator[Any], seed: int = 0, device: str = "cpu") -> Separator[Any]:
        """Make an instance ready to separate."""
        if "weights" in self.spec.needs and self.weights is None:
            raise Skipped("it needs weights and none ship with it; give some with weights=... or --weights")
        with watched(self.effects), Run(seed=seed, device=device) as run:
            separator.load(self.weights, run)
        return separator

    def loaded(self, device: str = "cpu") -> Separator[Any]:
        """A new instance that is ready to separate."""
        return self.load(self.construct(), device=device)

    def separate(
        self,
        case: Case,
        *,
        separator: Separator[Any] | None = None,
        mixture: Audio | None = None,
        priors: Mapping[Domain, Prior] | None = None,
        constraints: Mapping[Domain, Constraint] | None = None,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        device: str = "cpu",
        quietly: bool = True,
    ) -> Result:
        """Separate as sepkit would, without the checks that it makes itself; on a new instance unless one is given.

        With `quietly` what the method does outside itself is noted in `effects` and undone, which threads cannot do.
        """
        self._require_works()
        separator = separator or self.loaded(device)
        problem = self.problem(case, mixture, priors or {}, constraints or {})
        run = Run(seed=case.seed, device=device, reporter=reporter, cancel=cancel)
        if quietly:
            with watched(self.effects), run:
                stems = separator.separate(problem, run)
        else:
            with run:
                stems = separator.separate(problem, run)
        return Result(case, _mapping(stems), run, problem.mixture)

    def result(self, case: Case | None = None) -> Result:
        """The separation of a case, made once."""
        case = case or self.case()
        if case not in self._results:
            self._results[case] = self.separate(case)
        return self._results[case]

    def problem(
        self,
        case: Case,
        mixture: Audio | None = None,
        priors: Mapping[Domain, Prior] | None = None,
        constraints: Mapping[Domain, Constraint] | None = None,
    ) -> Problem:
        """The problem that a case stands for."""
        given = case.given
        if given is None:
            # The truth is for those alone that say that they need it.
            given = frozenset({"sources", *self.spec.side_information, *kinds(self.spec.needs)})
        side = case.side_information().only(given & self.spec.side_information)
        assumed = Task(given=side.kinds, priors=(), constraints=(), device="cpu")
        assumed_priors, assumed_constraints = hosted(self.spec, self.config, assumed, self.registry)
        sources = case.sources if "sources" in given or self.sources else ()
        return Problem(
            mixture or case.mixture(),
            sources,
            side,
            (*assumed_priors, *(Hosted(prior, domain, prior.name) for domain, prior in (priors or {}).items())),
            (
                *assumed_constraints,
                *(Hosted(constraint, domain, constraint.name) for domain, constraint in (constraints or {}).items()),
            ),
            for_statements=case.side_information(),
        )

    def stages(self) -> list[Progress]:
        """The progress of one ordinary run."""
        events: list[Progress] = []
        self.separate(self.case(), reporter=events.append)
        return events

    def require_deterministic(self) -> None:
        """Skip checks that compare bytes where even equal runs differ."""
        if self._deterministic is None:
            self._deterministic = self.separate(self.case()).fingerprint == self.result().fingerprint
        if not self._deterministic:
            raise Skipped("equal runs give different stems; see check 'same-seed-same-bytes'")

    def _require_works(self) -> None:
        """Skip what needs a separation when not even the ordinary one works, so that one fault is named once."""
        if self._works is None:
            self._works = True
            try:
                self.result()
            except Skipped:
                self._works = None
                raise
            except Exception:
                self._works = False
        if not self._works:
            raise Skipped("it cannot separate an ordinary mixture; see check 'separates'")

    def attempt(self) -> Result:
        """The ordinary separation, raising whatever it raises."""
        try:
            self._works = True
            return self.result()
        except Exception as error:
            self._works = None if isinstance(error, Skipped) else False
            raise


Subject = MethodSubject | StatementSubject


def find_subject(
    name: str, registry: Registry, options: Mapping[str, Any], weights: str | os.PathLike[str] | None
) -> Subject:
    """The subject of a name, whatever kind of thing it names.

    Raises
    ------
    UnknownNameError, ConfigError, WeightsError
    """
    finders: dict[Callable[[str], Spec], Mapping[str, Any]] = {
        registry.separator: registry.separators,
        registry.prior: registry.priors,
        registry.constraint: registry.constraints,
    }
    having = [find for find, table in finders.items() if name in table]
    # What knows a near name complains most helpfully.
    near = [find for find, table in finders.items() if difflib.get_close_matches(name, table)]
    spec = [*having, *near, registry.separator][0](name)
    if weights is not None and not (isinstance(spec, SeparatorSpec) and takes_weights(spec)):
        raise ConfigError(f"{spec.kind} '{name}' takes no folder of weights: leave weights=... or --weights out")
    if isinstance(spec, SeparatorSpec):
        return MethodSubject(spec, registry, options, None if weights is None else chosen_weights(weights, spec))
    assert isinstance(spec, StatementSpec)
    return StatementSubject(spec.kind, registry, spec, options)


def _mapping(stems: Any) -> dict[str, Audio]:
    if not isinstance(stems, Mapping):
        raise CheckFailed(f"separate gave {type(stems).__name__}; return a mapping of names to sepkit.Audio")
    for name, stem in stems.items():
        if not isinstance(stem, Audio):
            raise CheckFailed(f"stem '{name}' is {type(stem).__name__}; return sepkit.Audio(samples, sample_rate)")
    return dict(stems)
