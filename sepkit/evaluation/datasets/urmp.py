"""URMP: classical chamber music, every player recorded alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import numpy as np

from sepkit.errors import DatasetError, SideInformationError, reason_of
from sepkit.evaluation.dataset import Dataset, Track
from sepkit.evaluation.datasets.layout import (
    dataset_folder,
    entries,
    is_file,
    is_folder,
    numbered,
    read_f0,
    read_table,
)
from sepkit.music.note import Note
from sepkit.music.score import Score

INSTRUMENTS = {
    "vn": "violin",
    "va": "viola",
    "vc": "cello",
    "db": "bass",
    "fl": "flute",
    "ob": "oboe",
    "cl": "clarinet",
    "sax": "saxophone",
    "bn": "bassoon",
    "tpt": "trumpet",
    "hn": "horn",
    "tbn": "trombone",
    "tba": "tuba",
}
"""What the codes in the names of files stand for."""


class URMP(Dataset):
    """Duets to quintets for strings, woodwinds and brass, with notes and F0.

    Sources are named after their instruments, and numbered when there are several of one: ``violin1``, ``violin2``. The
    score is made from the notes that the dataset's authors marked in the recordings, so it is aligned; pitches are
    rounded to semitones. Arrangements of one piece share recordings, and so are one group.
    """

    path: Path
    """Folder that holds ``01_Jupiter_vn_vc`` and the others."""

    def tracks(self) -> Iterator[Track]:
        """Yield the pieces."""
        pieces = [folder for folder in entries(dataset_folder(self.path)) if is_folder(folder) and _codes(folder)]
        if not pieces:
            raise DatasetError(f"no pieces in {self.path}: it needs folders named like 01_Jupiter_vn_vc")
        for folder in pieces:
            stems = [_stem(folder, number, code) for number, code in enumerate(_codes(folder), 1)]
            sources = numbered(INSTRUMENTS.get(stem.name.split("_")[2], stem.stem) for stem in stems)
            notes, f0 = (
                {source: _beside(stem, kind) for source, stem in zip(sources, stems, strict=True)}
                for kind in ("Notes", "F0s")
            )
            yield Track(
                name=folder.name,
                stems=dict(zip(sources, stems, strict=True)),
                mixture=folder / f"AuMix_{folder.name}.wav",
                score=partial(read_notes, notes) if all(map(is_file, notes.values())) else None,
                f0={source: partial(read_f0, file) for source, file in f0.items() if is_file(file)},
                group=folder.name.split("_")[1],
            )


def read_notes(files: Mapping[str, Path]) -> Score:
    """Read the notes of every source: rows of onset in seconds, frequency in Hz and duration in seconds.

    Raises
    ------
    SideInformationError
    """
    return Score(tuple(note for source, file in files.items() for note in _notes(source, file)))


def _notes(source: str, file: Path) -> list[Note]:
    onsets_s, frequencies_hz, durations_s = read_table(file, 3).T
    pitches = np.rint(69 + 12 * np.log2(np.maximum(frequencies_hz, 1e-9) / 440))
    rows = np.stack([onsets_s, onsets_s + durations_s, pitches], axis=1).tolist()
    try:
        return [Note(onset_s, offset_s, pitch, part=source) for onset_s, offset_s, pitch in rows]
    except SideInformationError as error:
        raise SideInformationError(f"{file}: {reason_of(error)}") from error


def _codes(folder: Path) -> list[str]:
    """The codes of the instruments in a folder's name; none when it is no piece."""
    number, *rest = folder.name.split("_")
    codes = rest[1:]
    return codes if number.isdigit() and set(codes) <= INSTRUMENTS.keys() else []


def _stem(folder: Path, number: int, code: str) -> Path:
    """The stem of a player; its own name tells the instrument, where that of the folder is mistaken."""
    index, title = folder.name.split("_")[:2]
    there = [file for file in entries(folder) if fnmatchcase(file.name, f"AuSep_{number}_*_{index}_{title}.wav")]
    return there[0] if there else folder / f"AuSep_{number}_{code}_{index}_{title}.wav"


def _beside(stem: Path, kind: str) -> Path:
    return stem.with_name(f"{kind}{stem.stem.removeprefix('AuSep')}.txt")
