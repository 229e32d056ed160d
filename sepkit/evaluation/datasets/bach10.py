"""Bach10: ten chorales in four parts, each part recorded alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import DatasetError, SideInformationError, reason_of
from sepkit.evaluation.dataset import Dataset, Track
from sepkit.evaluation.datasets.layout import dataset_folder, entries
from sepkit.informed.harmonics import midi_to_hz
from sepkit.music.f0 import F0Track
from sepkit.music.note import Note
from sepkit.music.score import Score

INSTRUMENTS = ("violin", "clarinet", "saxophone", "bassoon")
"""Soprano to bass: the order of the annotations."""
FIRST_FRAME_S = 0.023
"""Centre of the first frame of the annotations: half of their windows of 46 ms."""
HOP_S = 0.01


class Bach10(Dataset):
    """Chorales played by violin, clarinet, saxophone and bassoon, with notes and F0.

    The score is made from ``GTNotes``, the notes that the dataset's authors marked in the recording, so it is aligned
    to within a frame of 10 ms; a pitch is the median of its note, rounded to a semitone. The MIDI file of the dataset
    is not: it has the tempo of no performance.
    """

    path: Path
    """Folder that holds ``01-AchGottundHerr`` and the others."""

    def tracks(self) -> Iterator[Track]:
        """Yield the chorales."""
        pieces = [folder for folder in entries(dataset_folder(self.path)) if _is_piece(folder)]
        if not pieces:
            raise DatasetError(f"no chorales in {self.path}: it needs folders named like 01-AchGottundHerr")
        for folder in pieces:
            notes, f0 = (folder / f"{folder.name}-{kind}.mat" for kind in ("GTNotes", "GTF0s"))
            yield Track(
                name=folder.name,
                stems={instrument: _stem(folder, instrument) for instrument in INSTRUMENTS},
                mixture=folder / f"{folder.name}.wav",
                score=partial(read_notes, notes) if notes.is_file() else None,
                f0={name: partial(read_f0, f0, row) for row, name in enumerate(INSTRUMENTS) if f0.is_file()},
            )


def read_notes(path: Path) -> Score:
    """Read ``GTNotes``: of every part its notes, each a row of frames counted from 1 and a row of MIDI pitches.

    A note lasts from half a frame before the centre of its first frame to half a frame after that of its last one.

    Raises
    ------
    SideInformationError
    """
    try:
        notes = [
            Note(
                onset_s=FIRST_FRAME_S + HOP_S * (frames[0] - 1.5),
                offset_s=FIRST_FRAME_S + HOP_S * (frames[-1] - 0.5),
                pitch=float(round(np.median(pitches))),
                part=instrument,
            )
            for instrument, part in zip(INSTRUMENTS, _read(path, "GTNotes").ravel(), strict=True)
            for frames, pitches in np.ravel(part)
        ]
    except (ValueError, TypeError, IndexError) as error:
        raise SideInformationError(f"{path} does not hold the notes of four parts: {error}") from error
    except SideInformationError as error:
        raise SideInformationError(f"{path}: {error}") from error
    return Score(tuple(notes))


def read_f0(path: Path, row: int) -> F0Track:
    """Read one row of ``GTF0s``, the MIDI pitch of every frame, 0 where the part is silent.

    Raises
    ------
    SideInformationError
    """
    pitches = _read(path, "GTF0s")
    if pitches.ndim != 2 or len(pitches) != len(INSTRUMENTS) or not np.issubdtype(pitches.dtype, np.number):
        raise SideInformationError(f"{path} needs a row of pitches for each of {', '.join(INSTRUMENTS)}")
    pitch = np.asarray(pitches[row], np.float64)
    times_s = FIRST_FRAME_S + HOP_S * np.arange(len(pitch), dtype=np.float64)
    return F0Track(times_s, np.where(pitch > 0, midi_to_hz(pitch), np.nan))


def _read(path: Path, variable: str) -> NDArray[np.generic]:
    from scipy.io import loadmat

    try:
        value: NDArray[np.generic] = loadmat(path)[variable]
    # The reader has no error of its own: a damaged file ends in whatever its bytes lead to.
    except Exception as error:
        raise SideInformationError(f"cannot read {variable} from {path}: {reason_of(error)}") from error
    return value


def _is_piece(folder: Path) -> bool:
    return folder.is_dir() and re.fullmatch(r"\d\d-\w+", folder.name) is not None


def _stem(folder: Path, instrument: str) -> Path:
    stem = folder / f"{folder.name}-{instrument}.wav"
    as_published = stem.with_name(f"{folder.name}-saxphone.wav")
    return as_published if instrument == "saxophone" and not stem.is_file() else stem
