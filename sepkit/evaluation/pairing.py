"""Estimates and references brought side by side: which belongs to which, and how their lengths are made equal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sepkit.errors import AudioError, ConfigError
from sepkit.evaluation.metrics.blocks import decibels, energies, paired_blocks
from sepkit.evaluation.stems import Stems, stem_files, unlisted_files
from sepkit.music.audio import Audio
from sepkit.opening import composed
from sepkit.problem.run import Run
from sepkit.solving.writing import RECORD

Pathlike = str | os.PathLike[str]
Signals = Mapping[str, Audio | Pathlike] | Pathlike

_PERFECT = 1e-40
"""A share of the reference's energy that no error reaches: 400 dB stand for infinity where ratios are added."""


def signals_by_name(signals: Signals, what: str) -> dict[str, Audio | Path]:
    """Signals as they were given, or the files of a folder.

    Raises
    ------
    ConfigError, AudioError
    """
    if isinstance(signals, (str, os.PathLike)):
        return dict(stem_files(Path(signals)))
    if not isinstance(signals, Mapping) or not signals:
        raise ConfigError(f"{what} need a folder or signals by name, at least one; given {signals!r}")
    named: dict[str, Audio | Path] = {}
    for name, signal in signals.items():
        if not isinstance(signal, (Audio, str, os.PathLike)):
            raise ConfigError(f"{what}: '{name}' needs to be Audio or a path, given {type(signal).__name__}")
        named[name] = signal if isinstance(signal, Audio) else Path(signal)
    return named


def assigned_by_name(truth: Mapping[str, Audio | Path], guesses: Mapping[str, Audio | Path]) -> dict[str, str]:
    """The estimate of each reference's name, in whichever way its accents are coded.

    Raises
    ------
    AudioError
        If a reference has none.
    """
    guess_of = {composed(name): name for name in guesses}
    found = {name: guess_of.get(composed(name)) for name in truth}
    missing = [name for name, guess in found.items() if guess is None]
    if missing:
        remedy = "name them like the references, or permute"
        raise AudioError(f"no estimate of {', '.join(missing)}; the estimates are {', '.join(guesses)}: {remedy}")
    return {name: guess for name, guess in found.items() if guess is not None}


def left_out(signals: Signals, named: Mapping[str, Audio | Path], used: Iterable[str] | None = None) -> Iterator[str]:
    """Notes on what is not measured: files that the record of a folder does not list, estimates that are not used."""
    if isinstance(signals, (str, os.PathLike)):
        for file in unlisted_files(Path(signals), named.values()):
            yield f"{file.name}: left out, {RECORD} beside it does not list it"
    used = set(named if used is None else used)
    for name in named:
        if name not in used:
            yield f"estimate {name}: left out, no reference is measured with it"


def assigned_by_sound(
    truth: Mapping[str, Audio | Path], guesses: Mapping[str, Audio | Path], run: Run
) -> dict[str, str]:
    """The assignment of the highest mean plain SDR.

    Raises
    ------
    AudioError
        If there are fewer estimates than references.
    """
    from scipy.optimize import linear_sum_assignment

    if len(guesses) == len(truth) == 1:
        # Nothing to choose, and what is a pipe can be read only once.
        return dict(zip(truth, guesses, strict=True))
    if len(guesses) < len(truth):
        given = f"{len(truth)} references ({', '.join(truth)}) and {len(guesses)} estimates ({', '.join(guesses)})"
        raise AudioError(f"every reference needs an estimate of its own, given {given}; add estimates")
    signal, error = np.zeros((len(truth), 1)), np.zeros((len(truth), len(guesses)))
    with side_by_side(truth, guesses) as (references, estimates):
        for stems, candidates in paired_blocks(references, estimates, run, "assign estimates"):
            signal[:, 0] += energies(stems)
            for row, stem in zip(error, stems, strict=True):
                row += energies(candidates - stem)
    sdr = np.where(signal > 0, decibels(signal, np.maximum(error, _PERFECT * signal)), 0)
    names = tuple(guesses)
    return {
        name: names[column] for name, column in zip(truth, linear_sum_assignment(sdr, maximize=True)[1], strict=True)
    }


@contextmanager
def side_by_side(
    truth: Mapping[str, Audio | Path], guesses: Mapping[str, Audio | Path]
) -> Iterator[tuple[Stems, Stems]]:
    """Open both, the estimates cut or continued with zeros to the length of the references."""
    with Stems(truth) as references, Stems(guesses, references.length) as estimates:
        given, wanted = ((stems.sample_rate, stems.channels) for stems in (estimates, references))
        if given != wanted:
            both = (
                f"the estimates have {given[1]} channel(s) at {given[0]} Hz, the references {wanted[1]} at {wanted[0]}"
            )
            raise AudioError(f"{both} Hz; resample or mix down one side")
        yield references, estimates


def fitted(what: str, stems: Stems) -> Iterator[str]:
    """Notes on what cutting and continuing has done.

    Raises
    ------
    AudioError
        If it was more than a second.
    """
    for name, length in stems.lengths.items():
        added = stems.length - length
        if abs(added) > stems.sample_rate:
            lasts = f"{what} '{name}' lasts {length / stems.sample_rate:.2f} s"
            raise AudioError(f"{lasts} where {stems.length / stems.sample_rate:.2f} s are wanted; align it and cut it")
        if added:
            done = "zeros appended" if added > 0 else "samples at the end left out"
            yield f"{what} {name}: {abs(added)} {done}"
