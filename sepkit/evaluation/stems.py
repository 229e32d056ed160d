"""Signals of one length, rate and channel count, read piece by piece: what metrics are measured on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import AudioError, fault_of, reason_of
from sepkit.files import read_regular
from sepkit.music.audio import SUFFIXES, Audio
from sepkit.music.recordings.sound import Sound, opened_sound
from sepkit.opening import composed
from sepkit.solving.writing import LARGEST_RECORD, RECORD


class Stems:
    """Named signals of one shape and rate, in memory or in files, of which no more is read at a time than asked for.

    Use it within ``with``, which closes the files.

    Parameters
    ----------
    signals : mapping of str to Audio or Path
    length : int, optional
        In samples; longer signals are cut and shorter ones go on with zeros. By default that of the longest.

    Attributes
    ----------
    names : tuple of str
    length, channels, sample_rate : int

    Raises
    ------
    AudioError
        If a file cannot be read or holds no samples, or rates or channels differ.
    """

    def __init__(self, signals: Mapping[str, Audio | Path], length: int | None = None) -> None:
        with ExitStack() as files:
            self._open = {name: _opened(signal, files) for name, signal in signals.items()}
            self._places = {name: signal if isinstance(signal, Path) else name for name, signal in signals.items()}
            shapes = {name: (one.channels, one.length, one.sample_rate) for name, one in self._open.items()}
            (first, (self.channels, _, self.sample_rate)), *others = shapes.items()
            for name, (channels, _, rate) in others:
                if (channels, rate) != (self.channels, self.sample_rate):
                    given = f"'{name}' has {channels} channel(s) at {rate} Hz, '{first}' {self.channels}"
                    raise AudioError(f"stems need one rate and number of channels: {given} at {self.sample_rate} Hz")
            self.names = tuple(signals)
            self.lengths = {name: shape[1] for name, shape in shapes.items()}
            for name, own_length in self.lengths.items():
                if own_length == 0:
                    raise AudioError(f"{self._places[name]} holds no samples")
            self.length = max(self.lengths.values()) if length is None else length
            self._files = files.pop_all()

    def read(self, start: int, stop: int) -> NDArray[np.float64]:
        """Samples from `start` to before `stop` [shape=(sources, channels, samples)]; zeros beyond an end."""
        pieces = np.zeros((len(self.names), self.channels, max(0, stop - start)))
        stop = min(stop, self.length)
        for name, piece in zip(self.names, pieces, strict=True):
            found = self._piece(name, start, min(stop, self.lengths[name]))
            piece[:, : found.shape[1]] = found
        return pieces

    def blocks(self, length: int) -> Iterator[NDArray[np.float64]]:
        """All samples in blocks of `length`, the last one shorter [shape=(sources, channels, samples)]."""
        for start in range(0, self.length, length):
            yield self.read(start, min(start + length, self.length))

    def select(self, names: tuple[str, ...]) -> Stems:
        """The same signals in another order or fewer of them; they share the open files."""
        chosen = object.__new__(Stems)
        chosen.__dict__ = {**self.__dict__, "names": names}
        return chosen

    def __enter__(self) -> Stems:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def _piece(self, name: str, start: int, stop: int) -> NDArray[np.floating]:
        if stop <= start:
            return np.zeros((self.channels, 0))
        signal = self._open[name]
        if isinstance(signal, Audio):
            return signal.samples[:, start:stop]
        try:
            piece = signal.read(start, stop)
        except AudioError as error:
            raise AudioError(f"cannot read {self._places[name]} as audio: {reason_of(error)}") from error
        if not np.isfinite(piece).all():
            raise AudioError(f"{self._places[name]} holds NaN or infinite values; repair it first")
        return piece


def stem_files(folder: Path) -> dict[str, Path]:
    """The file of every stem in a folder, by its name.

    A record of a separation in it tells which they are. Without one they are all files of audio but ``mixture.*``, each
    named after its stem; where the folder itself holds none, those in ``stems/`` within it.

    Raises
    ------
    AudioError
        If there is no such folder, no stem in it, or more than one of a name.
    """
    if not os.path.isdir(folder):
        raise AudioError(f"no such folder of stems: {folder}")
    recorded = _recorded_files(folder)
    if recorded is not None:
        return recorded
    files = _audio_files(folder) or _audio_files(folder / "stems")
    if not files:
        raise AudioError(f"{folder} holds no stems: name them <source>.wav, .flac ..., there or in stems/ within it")
    names = [composed(file.stem) for file in files]
    twins = [file.name for file in files if names.count(file.stem) > 1]
    if twins:
        raise AudioError(f"{files[0].parent} holds the same stem more than once: {', '.join(twins)}; keep one")
    return dict(zip(names, files, strict=True))


def unlisted_files(folder: Path, listed: Iterable[Audio | Path]) -> list[Path]:
    """Files of audio beside a record that does not list them, such as those that an earlier run has left."""
    if not os.path.isfile(folder / RECORD):
        return []
    return sorted(set(_audio_files(folder)).difference(path for path in listed if isinstance(path, Path)))


def _recorded_files(folder: Path) -> dict[str, Path] | None:
    """What the record of a separation in `folder` lists; None where there is no record."""
    record = folder / RECORD
    if not os.path.isfile(record):
        return None
    try:
        files = json.loads(read_regular(record, LARGEST_RECORD))["files"]
        places = {name: folder / file for name, file in files.items() if file == Path(file).name}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = fault_of(error)
        raise AudioError(f"{record} is no record of a separation ({reason}); separate anew, or remove it") from error
    outside = [name for name in files if name not in places]
    missing = [name for name, place in places.items() if not os.path.isfile(place)]
    if not files or outside or missing:
        fault = "no file at all" if not files else f"for '{(outside + missing)[0]}' a file that is not there"
        raise AudioError(f"{record} lists {fault}; separate anew, or remove it")
    return places


def _audio_files(folder: Path) -> list[Path]:
    """Files of audio that are not hidden and not the mixture, sorted by name."""
    try:
        inside = sorted(folder.iterdir()) if os.path.isdir(folder) else []
    except OSError as error:
        raise AudioError(f"cannot look into {folder}: {error.strerror}") from error
    audio = [path for path in inside if path.suffix.lower() in SUFFIXES and os.path.isfile(path)]
    return [path for path in audio if not path.name.startswith(".") and path.stem.casefold() != "mixture"]


def _opened(signal: Audio | Path, files: ExitStack) -> Audio | Sound:
    return signal if isinstance(signal, Audio) else files.enter_context(opened_sound(signal))
