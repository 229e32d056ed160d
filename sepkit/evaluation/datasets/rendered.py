"""MIDI files made audible: as many tracks with exact scores as there are MIDI files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from pydantic import Field

from sepkit.errors import AudioError, DatasetError, SideInformationError, reason_of
from sepkit.evaluation.dataset import Dataset, Track
from sepkit.evaluation.datasets.layout import dataset_folder, files_below, is_file, numbered
from sepkit.example import render
from sepkit.music.audio import Audio, fit_length
from sepkit.music.note import Note
from sepkit.music.score import Score

if TYPE_CHECKING:
    import pretty_midi

SOUNDFONTS = ("/usr/share/sounds/sf2", "/usr/share/sounds/sf3", "/usr/share/soundfonts", "/usr/local/share/soundfonts")
"""Folders in which systems keep soundfonts."""

_INSTALL = "install the packages fluidsynth and fluid-soundfont-gm"


class Rendered(Dataset):
    """Every MIDI file a track and every part of it a stem, rendered by FluidSynth when it is loaded.

    A part is named after its track in the MIDI file, or where that has no name after its instrument in General MIDI;
    equal names are numbered. Stems are dry, have one channel and one length, and keep the balance of the MIDI file.
    Loud ones go beyond ±1; samples are floating-point, so nothing is clipped. The mixture is their sum. The score is
    exact.

    Equal files and soundfonts give equal samples; another soundfont or version of FluidSynth sounds another way.
    """

    path: Path
    """Folder with MIDI files, which may lie further down."""
    soundfont: Path | None = None
    """File in SF2 or SF3 format, for General MIDI; by default the first that the system has."""
    sample_rate: int = Field(default=render.SAMPLE_RATE, ge=4000, le=384_000)
    """In Hz."""

    def tracks(self) -> Iterator[Track]:
        """Yield the MIDI files, sorted by name; one that cannot be read is a track without stems."""
        root = dataset_folder(self.path)
        files = [file for file in files_below(root) if file.suffix.lower() in (".mid", ".midi")]
        if not files:
            raise DatasetError(f"no MIDI files in {self.path}: their names need to end in .mid or .midi")
        if shutil.which("fluidsynth") is None:
            raise DatasetError(f"the program fluidsynth, which renders MIDI files, is missing; {_INSTALL}")
        soundfont = default_soundfont() if self.soundfont is None else self.soundfont.expanduser()
        if not is_file(soundfont):
            raise DatasetError(f"no such soundfont: {soundfont}; give a file in SF2 or SF3 format")
        for file in files:
            yield Track(
                name=file.relative_to(root).with_suffix("").as_posix(),
                stems={name: partial(self._render, file, name, soundfont) for name in _names_of_parts(file)},
                score=partial(read_score, file),
            )

    def _render(self, file: Path, name: str, soundfont: Path) -> Audio:
        import pretty_midi

        midi, parts = _read(file)
        end_s = midi.get_end_time()
        # Something at the end of the piece, so that parts that end earlier are rendered to there as well.
        parts[name].control_changes.append(pretty_midi.ControlChange(number=64, value=0, time=end_s))
        midi.instruments = [parts[name]]
        try:
            signal = render.synthesize(midi, soundfont)
        except click.ClickException as error:
            raise AudioError(f"cannot render '{name}' of {file}: {error.message}") from error
        length = round((end_s + render.TAIL_SECONDS) * render.SAMPLE_RATE)
        samples = fit_length(signal[np.newaxis].astype(np.float32), length)
        return Audio(samples, render.SAMPLE_RATE).resample(self.sample_rate)


def default_soundfont() -> Path:
    """The first soundfont in the folders where systems keep them.

    Raises
    ------
    DatasetError
        If there is none.
    """
    for folder in map(Path, SOUNDFONTS):
        for soundfont in sorted([*folder.glob("*.sf2"), *folder.glob("*.sf3")]):
            return soundfont
    raise DatasetError(f"no soundfont in {', '.join(SOUNDFONTS)}; {_INSTALL}, or give a file as soundfont")


def read_score(path: Path) -> Score:
    """The notes of a MIDI file, in parts named like the stems.

    Raises
    ------
    SideInformationError
        If the file is damaged or holds no notes.
    """
    _, parts = _read(path)
    return Score(
        tuple(
            Note(float(note.start), float(note.end), float(note.pitch), max(1, int(note.velocity)), name)
            for name, part in parts.items()
            for note in part.notes
            if note.end > note.start
        )
    )


def _read(path: Path) -> tuple[pretty_midi.PrettyMIDI, dict[str, pretty_midi.Instrument]]:
    """A MIDI file, and its parts that have notes by their names as sources."""
    import pretty_midi

    try:
        midi = pretty_midi.PrettyMIDI(str(path))
    # The parser has no error of its own: a damaged file ends in whatever its bytes lead to.
    except Exception as error:
        raise SideInformationError(f"cannot read {path} as MIDI: {reason_of(error)}") from error
    parts = [part for part in midi.instruments if any(note.end > note.start for note in part.notes)]
    if not parts:
        raise SideInformationError(f"{path} holds no notes")
    return midi, dict(zip(numbered(map(_name, parts)), parts, strict=True))


def _name(part: pretty_midi.Instrument) -> str:
    """A name that is mostly written as UTF-8, which the parser has read as Latin-1; or else that of the instrument."""
    import pretty_midi

    try:
        name = str(part.name.encode("latin-1").decode())
    except UnicodeError:
        name = str(part.name)
    program = "drums" if part.is_drum else str(pretty_midi.program_to_instrument_name(part.program)).lower()
    return name.strip() or program


def _names_of_parts(path: Path) -> list[str]:
    try:
        return list(_read(path)[1])
    except SideInformationError:
        return []
