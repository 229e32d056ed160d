"""What callers give for a separation, checked, and read where they give paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sepkit.errors import AudioError, ConfigError, SideInformationError, UserError
from sepkit.music.audio import Audio
from sepkit.music.examples import Example, read_examples
from sepkit.music.f0 import F0Track
from sepkit.music.labels import Labels
from sepkit.music.score import Score
from sepkit.music.side import SideInformation
from sepkit.opening import composed

Pathlike = str | os.PathLike[str]

T = TypeVar("T", Audio, F0Track, Score)


def audio_given(given: Audio | Pathlike, what: str) -> Audio:
    """The audio, read where it is a path.

    Parameters
    ----------
    given : Audio or path
    what : str
        What it is, for messages: ``"mixture"``.

    Raises
    ------
    AudioError
        If it cannot be read, or is neither.
    """
    return _given(given, what, Audio, AudioError, _remedy(given))


def sources_given(given: Iterable[str]) -> tuple[str, ...]:
    """The names of the wanted stems.

    Raises
    ------
    ConfigError
        If they are no distinct names.
    """
    if isinstance(given, str):
        raise ConfigError(f"sources needs a list of names, given the one string {given!r}; write [{given!r}]")
    if not isinstance(given, Iterable):
        example = [f"source {number}" for number in (1, 2)]
        raise ConfigError(f"sources needs a list of names, given {_shown(given)}; write {example} for two")
    names = tuple(composed(name) if isinstance(name, str) else name for name in given)
    if not all(isinstance(name, str) and name.strip() for name in names) or len(set(names)) < len(names):
        raise ConfigError(f"sources needs distinct names that are not empty, given {', '.join(map(repr, names))}")
    return names


def side_given(
    score: Score | Pathlike | None,
    f0: Mapping[str, F0Track | Pathlike] | None,
    examples: Mapping[str, Example | Iterable[Example]] | None,
    references: Mapping[str, Audio | Pathlike] | None,
    labels: tuple[Labels, ...],
    mixture: Audio,
) -> SideInformation:
    """What is known of the mixture as data.

    Raises
    ------
    SideInformationError, AudioError
        If any of it cannot be read or is something else, or a reference is not like the mixture.
    """
    truth = {
        name: audio_given(reference, f"reference '{name}'")
        for name, reference in _by_source(references, "references", "Audio or path", AudioError).items()
    }
    for name, reference in truth.items():
        if (reference.samples.shape, reference.sample_rate) != (mixture.samples.shape, mixture.sample_rate):
            raise AudioError(f"reference '{name}' needs the shape and rate of the mixture {mixture}, given {reference}")
    tracks = {
        name: _given(track, f"F0 of '{name}'", F0Track, SideInformationError, "F0Track(times_s, f0_hz)")
        for name, track in _by_source(f0, "f0", "F0Track or path", SideInformationError).items()
    }
    notes = None if score is None else _given(score, "score", Score, SideInformationError, "Score(notes)")
    alone = {} if examples is None else read_examples(examples)
    return SideInformation(notes, tracks, alone, truth, labels)


def require_asked_for(known: SideInformation, sources: tuple[str, ...]) -> None:
    """Every example and every label is of a source that is asked for, where some are.

    Raises
    ------
    SideInformationError
    """
    for kind, names in (("examples", known.examples), ("labels", [label.source for label in known.all_labels])):
        stray = [name for name in dict.fromkeys(names) if sources and name not in sources]
        if stray:
            raise SideInformationError(
                f"there are {kind} of '{', '.join(stray)}', which is not among the sources {', '.join(sources)}; name "
                f"the sources like the {kind}"
            )


def _given(given: Any, what: str, kind: type[T], error: type[UserError], remedy: str) -> T:
    if isinstance(given, kind):
        return given
    if isinstance(given, (str, os.PathLike)):
        read: T = kind.read(Path(given))
        return read
    raise error(f"{what} needs to be {kind.__name__} or a path, given {_shown(given)}; write {remedy}")


def _by_source(given: Any, what: str, kind: str, error: type[UserError]) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise error(f"{what} needs to map names of sources to {kind}, given {_shown(given)}; write {{'voice': ...}}")
    return {composed(name): value for name, value in given.items()}


def _remedy(given: Any) -> str:
    """How to make audio of arrays, also of those with a rate beside them, as other libraries give them."""
    samples = given[0] if isinstance(given, (tuple, list)) and given else given
    if getattr(samples, "ndim", None) == 1:
        return "Audio.mono(samples, sample_rate)"
    return "Audio(samples, sample_rate), with samples of shape (channels, samples)"


def _shown(given: Any) -> str:
    """What was given, in a few words."""
    if hasattr(given, "shape"):
        return f"{type(given).__name__} of shape {tuple(given.shape)}"
    if isinstance(given, (tuple, list)):
        return f"{type(given).__name__} of {', '.join(map(_shown, given[:3])) or 'nothing'}"
    return f"{given!r}"[:60]
