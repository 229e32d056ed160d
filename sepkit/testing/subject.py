"""What is checked: a method, or a statement, with what checks ask of it worked out once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sepkit.audio import Audio
from sepkit.config import Config, validate
from sepkit.constraint import Constraint
from sepkit.domain import Domain
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec, Spec, StatementSpec
from sepkit.prior import Prior
from sepkit.problem import Problem
from sepkit.run import Cancel, Progress, Reporter, Run
from sepkit.separator import Separator
from sepkit.side import SideInformation
from sepkit.statement import Hosted, Statement
from sepkit.testing.material import Case, side_information
from sepkit.testing.outcome import CheckFailed, Skipped
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
    """

    spec: SeparatorSpec
    registry: Registry
    options: Mapping[str, Any] = field(default_factory=dict)
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
        loaded: type[Config] = _or_skipped(self.spec.load_config, "imports-resolve")
        return loaded

    @property
    def config(self) -> Config:
        """The configuration that checks run with."""
        config: Config = _or_skipped(lambda: validate(self.model, self.example, self.name), "example-validates")
        return config

    @property
    def sample_rates(self) -> tuple[int, ...]:
        """Rates that the method is to work at, in Hz."""
        return (self.spec.sample_rate,) if self.spec.sample_rate else (22050, 44100, 48000)

    @property
    def channel_counts(self) -> tuple[int, ...]:
        """Numbers of channels that the method is to take."""
        return (self.spec.channels,) if self.spec.channels else (1, 2)

    def case(self, **changes: Any) -> Case:
        """The ordinary problem, or one that differs from it."""
        rate = self.spec.sample_rate or 16000
        ordinary = {"sample_rate": rate, "channels": self.channel_counts[-1], "length": rate // 4 + 1}
        # A method that always separates into the same sources is asked for these.
        fixed = {"sources": self.spec.sources} if self.spec.sources else {}
        return Case(**{**ordinary, **changes, **fixed})

    def bare_case(self, *more: str) -> Case:
        """The ordinary problem with what the spec declares to need and no more, or with `more` than that."""
        return self.case(given=frozenset((*self.spec.needs, *more)))

    def construct(self) -> Separator[Any]:
        """A new instance."""
        factory = _or_skipped(self.spec.load, "imports-resolve")
        config = self.config
        separator = _or_skipped(lambda: factory(config), "constructs")
        if not isinstance(separator, Separator):
            raise Skipped("nothing to check; see check 'constructs'")
        return separator

    def loaded(self) -> Separator[Any]:
        """A new instance that is ready to separate."""
        if "weights" in self.spec.needs and self.spec.weights is None:
            raise Skipped("it needs weights and none ship with it")
        separator = self.construct()
        with watched(self.effects), Run(device="cpu") as run:
            separator.load(None, run)
        return separator

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
        quietly: bool = True,
    ) -> Result:
        """Separate as sepkit would, without the checks that it makes itself; on a new instance unless one is given.

        With `quietly` what the method does outside itself is noted in `effects` and undone, which threads cannot do.
        """
        self._require_works()
        separator = separator or self.loaded()
        problem = self.problem(case, mixture, priors or {}, constraints or {})
        run = Run(seed=case.seed, device="cpu", reporter=reporter, cancel=cancel)
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
            given = frozenset({"score", "f0", "sources", *self.spec.needs})
        known = side_information(case.sources, case.duration_s, case.take)
        side = SideInformation(
            known.score if "score" in given else None,
            known.f0 if "f0" in given else {},
            case.references() if "references" in given else {},
        )
        sources = case.sources if "sources" in given or self.spec.sources else ()
        return Problem(
            mixture or case.mixture(),
            sources,
            side,
            tuple(Hosted(prior, domain, prior.name) for domain, prior in (priors or {}).items()),
            tuple(Hosted(constraint, domain, constraint.name) for domain, constraint in (constraints or {}).items()),
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


@dataclass(eq=False)
class StatementSubject:
    """A prior or a constraint under test.

    Parameters
    ----------
    kind : str
        ``"prior"`` or ``"constraint"``.
    registry : Registry or None
    spec : StatementSpec, optional
        None when an instance is checked by itself.
    options : mapping
    instance : Statement, optional
    """

    kind: str
    registry: Registry | None
    spec: StatementSpec | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    instance: Statement | None = None
    probed: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        """As it is published."""
        return self.spec.name if self.spec else self.config.name

    @property
    def example(self) -> dict[str, Any]:
        """The options that checks run with."""
        return dict(self.options)

    @property
    def model(self) -> type[Statement]:
        """Its class."""
        if self.instance is not None:
            return type(self.instance)
        assert self.spec is not None
        loaded: type[Statement] = _or_skipped(self.spec.load, "imports-resolve")
        return loaded

    @property
    def config(self) -> Statement:
        """An instance: its fields are its options."""
        if self.instance is not None:
            return self.instance
        statement: Statement = _or_skipped(
            lambda: validate(self.model, self.example, f"{self.kind} '{self.name}'"), "example-validates"
        )
        return statement

    @property
    def domains(self) -> tuple[Domain, ...]:
        """The variables that it speaks of, in a fixed order."""
        return tuple(domain for domain in Domain if domain in self.config.domains)


Subject = MethodSubject | StatementSubject


def find_subject(name: str, registry: Registry, options: Mapping[str, Any]) -> Subject:
    """The subject of a name, whatever kind of thing it names.

    Raises
    ------
    UnknownNameError
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
    if isinstance(spec, SeparatorSpec):
        return MethodSubject(spec, registry, options)
    assert isinstance(spec, StatementSpec)
    return StatementSubject(spec.kind, registry, spec, options)


def _or_skipped(make: Callable[[], Any], culprit: str) -> Any:
    """What `make` gives; when it fails, the check `culprit` says so and the others are silent."""
    try:
        return make()
    except Skipped:
        raise
    except Exception as error:
        raise Skipped(f"nothing to check; see check '{culprit}'") from error


def _mapping(stems: Any) -> dict[str, Audio]:
    if not isinstance(stems, Mapping):
        raise CheckFailed(f"separate gave {type(stems).__name__}; return a mapping of names to sepkit.Audio")
    for name, stem in stems.items():
        if not isinstance(stem, Audio):
            raise CheckFailed(f"stem '{name}' is {type(stem).__name__}; return sepkit.Audio(samples, sample_rate)")
    return dict(stems)
