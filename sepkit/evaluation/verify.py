"""Verifying a dataset: reading everything that its tracks name, and saying what cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from sepkit.errors import AudioError, Cancelled, SepkitError
from sepkit.evaluation.dataset import Dataset, Track
from sepkit.evaluation.stems import Stems
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.recordings.sound import streamed
from sepkit.problem.run import Cancel, Reporter, Run

WORST_SUM_DB = -60.0
"""Level of the error with which the stems sum to the mixture, beside the mixture, above which it is worth a note."""

_BLOCK = 1 << 18

Shape = tuple[int, int, int]
"""Channels, samples and sample rate."""


@dataclass(frozen=True)
class Fault:
    """A fault of a track, or something worth knowing about it.

    Attributes
    ----------
    track : str
    part : str
        Which of its parts: ``"mixture"``, ``"stem violin"``, ``"score"``, ``"f0 violin"``; empty for the track itself.
    message : str
    severity : str
        ``"broken"`` when nothing can be measured with it, ``"note"`` when it is only worth knowing.
    """

    track: str
    part: str
    message: str
    severity: Literal["broken", "note"]


def verify(dataset: Dataset, reporter: Reporter | None = None, cancel: Cancel | None = None) -> list[Fault]:
    """Read all audio, scores and F0 tracks of a dataset; a bad track does not keep the others from being read.

    Broken is what is missing or cannot be read to its end, holds NaN or nothing, or differs from the mixture in
    channels, length or rate. Notes are about silent stems, stems that do not sum to the mixture, and parts of the score
    or F0 tracks that belong to no source.

    Parameters
    ----------
    dataset : Dataset
    reporter : callable, optional
        Gets a `Progress` after every track.
    cancel : optional
        Anything with ``is_set()``, such as a `threading.Event`.

    Raises
    ------
    DatasetError
        If there is no such dataset.
    Cancelled
        Within one block of samples after `cancel` is set.
    """
    tracks = list(dataset.tracks())
    faults: list[Fault] = []
    with Run(reporter=reporter, cancel=cancel) as run:
        for index in run.steps(len(tracks), "verify"):
            faults += _faults(tracks[index], run)
    counts = Counter(track.name for track in tracks)
    twins = {name: count for name, count in counts.items() if count > 1}
    return faults + [Fault(name, "", f"{count} tracks have this name", "broken") for name, count in twins.items()]


def _faults(track: Track, run: Run) -> Iterator[Fault]:
    if not track.stems:
        alone = track.mixture is None
        yield (
            Fault(track.name, "", "it has no stems", "broken")
            if alone
            else Fault(track.name, "", "it has no stems: it can be learned from, and not be measured on", "note")
        )
    yield from _audio_faults(track, run)
    yield from _side_faults(track)


def _audio_faults(track: Track, run: Run) -> Iterator[Fault]:
    places = {f"stem {name}": stem for name, stem in track.stems.items()}
    if track.mixture is not None:
        places = {"mixture": track.mixture, **places}
    signals: dict[str, Audio | Path] = {}
    shapes: dict[str, Shape] = {}
    for part, place in places.items():
        try:
            signal = place if isinstance(place, Path) else place()
            shape, silent = _read_through(signal, run)
        except Exception as error:
            yield _broken(track, part, error)
            continue
        signals[part], shapes[part] = signal, shape
        if silent:
            yield Fault(track.name, part, "it is silent", "note")
        first, wanted = next(iter(shapes.items()))
        if shape != wanted:
            message = f"it has {_in_words(shape)}, but the {first} {_in_words(wanted)}"
            yield Fault(track.name, part, message, "broken")
    if "mixture" in places and len(signals) == len(places) > 1 and len(set(shapes.values())) == 1:
        level_db = _error_db(signals, run)
        if level_db > WORST_SUM_DB:
            message = f"the stems sum to it only but for an error of {level_db:.1f} dB"
            yield Fault(track.name, "mixture", message, "note")


def _side_faults(track: Track) -> Iterator[Fault]:
    try:
        score = track.load_score()
    except Exception as error:
        yield _broken(track, "score", error)
    else:
        for part in score.parts if score else ():
            if track.sources and part not in track.sources:
                yield Fault(track.name, "score", f"its part '{part}' is no source", "note")
    for name, place in track.f0.items():
        try:
            _ = F0Track.read(place) if isinstance(place, Path) else place()
        except Exception as error:
            yield _broken(track, f"f0 {name}", error)
        if track.sources and name not in track.sources:
            yield Fault(track.name, f"f0 {name}", "there is no such source", "note")


def _broken(track: Track, part: str, error: Exception) -> Fault:
    """What reading raised; a plugin's dataset may raise anything."""
    if isinstance(error, Cancelled):
        raise error
    message = str(error) if isinstance(error, SepkitError) else f"{type(error).__name__} {error}"
    return Fault(track.name, part, " ".join(message.split()), "broken")


def _read_through(signal: Audio | Path, run: Run) -> tuple[Shape, bool]:
    """Read to the end; the shape, and whether all is silence."""
    if isinstance(signal, Audio):
        return (signal.channels, signal.length, signal.sample_rate), not signal.samples.any()
    silent, length = True, 0
    with streamed(signal) as stream:
        for block in stream.blocks:
            run.check_cancelled()
            if not np.isfinite(block).all():
                raise AudioError(f"{signal} holds NaN or infinite values; repair it first")
            silent, length = silent and not block.any(), length + block.shape[1]
    if length == 0:
        raise AudioError(f"{signal} holds no samples")
    if stream.missing(length):
        raise AudioError(f"{signal} {stream.missing(length)}")
    shape = stream.channels, length, stream.sample_rate
    return shape, silent


def _in_words(shape: Shape) -> str:
    channels, samples, sample_rate = shape
    return f"{samples} samples in {channels} channel(s) at {sample_rate} Hz"


def _error_db(signals: Mapping[str, Audio | Path], run: Run) -> float:
    """Level of the mixture minus its stems, beside that of the mixture."""
    energy = error = 0.0
    with Stems(signals) as stems:
        for block in stems.blocks(_BLOCK):
            run.check_cancelled()
            energy += np.sum(block[0] ** 2)
            error += np.sum((block[0] - block[1:].sum(axis=0)) ** 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(10 * np.log10(np.float64(error) / energy))
