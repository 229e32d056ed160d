"""MIDI files made audible: as many tracks with exact scores as there are MIDI files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
import numpy as np
from pydantic import Field

from sepkit.errors import AudioError, DatasetError, SideInformationError
from sepkit.evaluation.dataset import Dataset, Track
from sepkit.evaluation.datasets.layout import dataset_folder, files_below, is_file, numbered
from sepkit.example import render
from sepkit.music.audio import Audio, fit_length
from sepkit.music.files.names import general_midi_name
from sepkit.music.files.voices import Voice, read_voices, write_voice
from sepkit.music.score import Score

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
        end_s = read_score(file).end_s + render.TAIL_SECONDS
        try:
            with tempfile.TemporaryDirectory() as folder:
                alone = Path(folder, "alone.mid")
                write_voice(_voices(file)[name], alone, end_s)
                signal = render.synthesize_file(alone, soundfont)
        except click.ClickException as error:
            raise AudioError(f"cannot render '{name}' of {file}: {error.message}") from error
        samples = fit_length(signal[np.newaxis].astype(np.float32), round(end_s * render.SAMPLE_RATE))
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
    return Score.read(path).regroup({new: [voice.name] for new, voice in _voices(path).items()})


def _voices(path: Path) -> dict[str, Voice]:
    """The channels of a MIDI file that have notes, by their names as sources."""
    there = set(Score.read(path).parts)
    voices = [voice for voice in read_voices(path) if voice.name in there]
    return dict(zip(numbered(voice.title or _instrument(voice) for voice in voices), voices, strict=True))


def _instrument(voice: Voice) -> str:
    return general_midi_name(voice.notes[0].program, drums=voice.is_drums).lower()


def _names_of_parts(path: Path) -> list[str]:
    try:
        return list(_voices(path))
    except SideInformationError:
        return []
