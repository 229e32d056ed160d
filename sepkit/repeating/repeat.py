"""Making a separation again from its record."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sepkit.config import Config, validate
from sepkit.errors import WeightsError
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.labels import Labels
from sepkit.music.origin import Origin
from sepkit.music.parts import read_with_parts
from sepkit.music.score import Score
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import Spec
from sepkit.problem.run import Cancel, Reporter
from sepkit.repeating.finding import found, found_all, with_files
from sepkit.repeating.going_on import start_of, told_start
from sepkit.repeating.record import Record, StatementUsed
from sepkit.solving.digests import digest, digest_path
from sepkit.solving.given import Pathlike
from sepkit.solving.labelled import labels_given
from sepkit.solving.method import Method
from sepkit.solving.separation import Separation
from sepkit.solving.weights_used import weights_of_priors

_READERS: dict[str, Callable[[Path], Any]] = {
    "f0": F0Track.read,
    "references": Audio.read,
    "examples": Audio.read,
}
_MOST_VERSIONS = 6


def repeat(
    record: Pathlike,
    *,
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
    keep_variables: bool = False,
    registry: Registry | None = None,
    **instead: Any,
) -> Separation:
    """Separate again as a record says: the same mixture, options, knowledge, seed, and so the same bytes.

    Files are looked for where they were, and as far from the record as they were, so that a folder that holds both can
    be moved.

    Parameters
    ----------
    record : path
        A ``separation.json``, or the folder that it is in.
    reporter, cancel, keep_variables, registry
        As of `sepkit.separate`.
    **instead
        Parameters of `sepkit.separate` to take in place of what the record says, such as ``seed=1``; ``config`` goes
        over the record's option by option. ``labels`` are added to the record's, and a method that can start from the
        variables that were written with the result does.

    Returns
    -------
    separation : Separation
        Its remarks tell of packages that have other versions now.

    Raises
    ------
    ConfigError
        If the record cannot be read, or what it was made from is missing or has another digest now.
    UserError
        As of `sepkit.separate`.

    Examples
    --------
    >>> sepkit.repeat("out/song/separation.json").write("again")  # doctest: +SKIP
    >>> sepkit.repeat("out/song", seed=1, config={"beta": 2}).write("other")  # doctest: +SKIP
    """
    mixture = instead.pop("mixture", None)
    repetition = Repetition(Record.read(record), registry or Registry.discover(), **instead)
    return repetition.separate(mixture, reporter=reporter, cancel=cancel, keep_variables=keep_variables)


class Repetition:
    """A method that is ready to separate as a record says, and otherwise where it is told so.

    Parameters
    ----------
    record : Record
    registry : Registry
    **instead
        As of `repeat`; ``score`` may also be an `Origin`, which is read as it says.

    Raises
    ------
    UserError
    """

    def __init__(self, record: Record, registry: Registry, **instead: Any) -> None:
        self._record, self._registry, self._instead = record, registry, instead
        self._more_labels = "labels" in instead
        chosen = {name: instead.pop(name) for name in ("config", "weights", "device") if name in instead}
        self.method = Method(
            record.method,
            config=self._config(chosen.get("config") or {}),
            weights=chosen["weights"] if "weights" in chosen else self._weights(),
            device=chosen.get("device", record.device),
            registry=registry,
        )
        self.arguments = {
            "sources": record.given.sources,
            "priors": instead["priors"] if "priors" in instead else self._statements("prior", record.priors),
            "constraints": instead["constraints"]
            if "constraints" in instead
            else self._statements("constraint", record.constraints),
            "align": record.given.align,
            "start_s": record.given.start_s,
            "end_s": record.given.end_s,
            "keep_length": record.given.keep_length,
            "seed": record.seed,
            **self._known(),
            **instead,
            "labels": self._labels(),
            "score": self._score(instead.get("score", record.score)),
        }
        self._require_equal_weights(() if "weights" not in chosen else (self._owner,))

    def separate(
        self,
        mixture: Audio | Pathlike | None = None,
        *,
        reporter: Reporter | None = None,
        cancel: Cancel | None = None,
        keep_variables: bool = False,
    ) -> Separation:
        """Separate the record's mixture, or another."""
        told = self._record
        if mixture is None:
            audio = found(told, "mixture", told.given.mixture, Audio.read, digest, "mixture=... or as MIX")
        else:
            audio = mixture if isinstance(mixture, Audio) else Audio.read(mixture)
        separation = self.method.separate(
            audio, **self.arguments, reporter=reporter, cancel=cancel, keep_variables=keep_variables
        )
        provenance = separation.provenance
        remarks = (*_other_versions(told.versions, provenance.versions), *provenance.remarks)
        if self._more_labels:
            remarks = (told_start(told, self.method.config), *remarks)
        return replace(separation, provenance=replace(provenance, remarks=remarks))

    @property
    def _owner(self) -> str:
        return f"method '{self._record.method}'"

    def _config(self, over: Config | Mapping[str, Any]) -> Config | dict[str, Any]:
        if isinstance(over, Config):
            return over
        if self._more_labels and "start" not in over:
            over = {**over, **start_of(self._record, self._registry.separator(self._record.method).load_config())}
        told = with_files(
            self._record, self._record.method, self._record.config, "config=... or --set", but=tuple(over)
        )
        return {**told, **over}

    def _labels(self) -> tuple[Labels, ...]:
        """Those of the record, and those that are added."""
        told = found_all(
            self._record, "labels", self._record.given.labels, Labels.read, digest, "labels=... or --labels"
        )
        return (*told, *labels_given(self._instead.get("labels", ())))

    def _weights(self) -> str | Path | None:
        used = next((one for one in self._record.weights if one.belong_to == self._owner), None)
        if used is None:
            return None
        if used.name is not None:
            default = self._registry.separator(self._record.method).default_weights
            return None if default is not None and default.name == used.name else used.name
        given = "weights=... or --weights"
        path = self._record.given.weights
        return found(self._record, "weights", path, lambda place: place, digest_path, given, wanted=used.digest)

    def _statements(self, kind: str, told: tuple[StatementUsed, ...]) -> tuple[Any, ...]:
        find: Callable[[str], Spec] = self._registry.prior if kind == "prior" else self._registry.constraint
        return tuple(
            validate(
                find(one.statement).load(),
                with_files(self._record, one.label, one.options, f"{kind}s=... or --{kind}"),
                f"{kind} '{one.statement}'",
            )
            for one in told
            if not one.default
        )

    def _known(self) -> dict[str, Any]:
        """What else was known of the mixture but the score."""
        known = {}
        for kind, read in _READERS.items():
            told = getattr(self._record.given, kind)
            if told and kind not in self._instead:
                known[kind] = found_all(self._record, kind, told, read, digest, f"{kind}=... or --{kind}")
        return known

    def _score(self, told: Any) -> Any:
        if not isinstance(told, Origin):
            return told

        def read(place: Path) -> Score:
            return read_with_parts(place, told.parts, pedal=told.pedal)

        given = "score=... or --score"
        if told == self._record.score or told.path is None:
            path = None if told.path is None else str(told.path)
            return found(self._record, "score", path, read, digest, given)
        return read(next(filter(os.path.exists, self._record.places(str(told.path))), told.path))

    def _require_equal_weights(self, but: tuple[str, ...]) -> None:
        """Weights of the method and of priors are those of the record, as far as they are not given anew."""
        priors = () if "priors" in self._instead else self.arguments["priors"]
        told = {(used.belong_to, used.digest) for used in self._record.weights}
        for now in self.method.weights_used + weights_of_priors(priors, self._registry):
            owner = now["for"]
            if owner not in but and (owner, now["digest"]) not in told:
                named = f" '{now['name']}'" if now["name"] else ""
                raise WeightsError(
                    f"the weights{named} of {owner} are not those of the record: their digest is "
                    f"{now['digest'][:12]}...; put those back, or accept these by giving them"
                )


def _other_versions(told: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """One remark on all packages whose versions differ from those of the record."""
    others = [
        f"{name} {told.get(name, 'absent')} then and {now.get(name, 'absent')} now"
        for name in sorted({*told, *now})
        if told.get(name) != now.get(name)
    ]
    if not others:
        return ()
    more = f" and {len(others) - _MOST_VERSIONS} more" if len(others) > _MOST_VERSIONS else ""
    return (f"versions are not those of the record: {', '.join(others[:_MOST_VERSIONS])}{more}",)
