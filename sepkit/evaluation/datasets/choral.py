"""The Choral Singing Dataset: a choir of sixteen, every singer with a microphone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

from sepkit.errors import DatasetError
from sepkit.evaluation.dataset import Dataset, Track
from sepkit.evaluation.datasets.layout import dataset_folder, files_below, read_f0
from sepkit.music.score import Score

PIECES = {"ER": "El Rossinyol", "LI": "Locus Iste", "ND": "Niño Dios"}
VOICES = ("soprano", "alto", "tenor", "bass")
SINGERS = (1, 2, 3, 4)
"""In each voice."""


class ChoralSinging(Dataset):
    """Quartets of the singers 1, 2, 3 and 4 of every voice, in three pieces; the mixture is the sum of the four.

    The F0 tracks are those of the dataset. Its MIDI files, one a voice, are what the choir sang to: the score has their
    notes, which no singer keeps to exactly.

    A group is a piece: its four quartets sing the same notes and words to one beat, and are nearly copies of each
    other. The same singers sing all pieces, so a split does not separate singers: a method that has learned from one
    part knows the voices of the others. No split could keep both pieces and singers apart.
    """

    path: Path
    """Folder that holds ``CSD_ER_soprano_1.wav`` and the others, itself or further down."""

    def tracks(self) -> Iterator[Track]:
        """Yield four quartets of every piece."""
        files = {file.name: file for file in files_below(dataset_folder(self.path)) if file.name.startswith("CSD_")}
        found = False
        for piece, singer in product(PIECES, SINGERS):
            names = {voice: f"CSD_{piece}_{voice}_{singer}" for voice in VOICES}
            there = [files[f"{name}.wav"] for name in names.values() if f"{name}.wav" in files]
            if there:
                found = True
                midi = {voice: file for voice in VOICES for file in _midi(files, f"CSD_{piece}_{voice}")}
                f0 = {voice: files[f"{name}.f0"] for voice, name in names.items() if f"{name}.f0" in files}
                yield Track(
                    name=f"{piece}-{singer}",
                    stems={voice: there[0].with_name(f"{name}.wav") for voice, name in names.items()},
                    score=partial(read_scores, midi) if len(midi) == len(VOICES) else None,
                    f0={voice: partial(read_f0, file) for voice, file in f0.items()},
                    group=PIECES[piece],
                )
        if not found:
            raise DatasetError(f"no singers in {self.path}: it needs files named like CSD_ER_soprano_1.wav")


def read_scores(files: Mapping[str, Path]) -> Score:
    """Read one MIDI file a voice into one score, whose parts are the voices.

    Raises
    ------
    SideInformationError
    """
    notes = [replace(note, part=voice) for voice, file in files.items() for note in Score.read(file).notes]
    return Score(tuple(notes))


def _midi(files: Mapping[str, Path], start: str) -> list[Path]:
    """The MIDI file of a voice, if there is one; what stands before its suffix is not the same in all copies."""
    return [file for name, file in files.items() if name.startswith(start) and file.suffix in (".mid", ".midi")][:1]
