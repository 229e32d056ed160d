"""Scores: the notes of a piece in seconds, and who plays them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sepkit.errors import SideInformationError
from sepkit.music.mend import WrittenNote, mended
from sepkit.music.note import Note
from sepkit.music.origin import Origin
from sepkit.opening import as_spelt, composed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROUNDING_S = 1e-9
_MOST_NAMES, _LONGEST_NAME = 8, 20


@dataclass(frozen=True, repr=False)
class Score:
    """Notes of one piece, sorted by onset.

    Attributes
    ----------
    notes : tuple of Note
    remarks : tuple of str
        What had to be repaired on reading, one sentence each. Scores with equal notes are equal, whatever their
        remarks.
    tempi_bpm : tuple of float
        Tempi that are written in the file that was read, in order, in quarter notes a minute: for people only, times
        are seconds.
    origin : Origin or None
        The file that it was read from; None once parts or times were changed in other ways than an origin can tell.
    heard_in : str or None
        The digest of the recording in which a method heard these notes, with nothing but it to tell when they sound;
        None once they were moved.

    Examples
    --------
    >>> from sepkit import Note, Score
    >>> Score([Note(0.5, 1.0, 60, part="left"), Note(0.0, 0.5, 72, part="right")]).parts
    ('right', 'left')
    """

    notes: tuple[Note, ...]
    remarks: tuple[str, ...] = field(default=(), compare=False)
    tempi_bpm: tuple[float, ...] = field(default=(), compare=False)
    origin: Origin | None = field(default=None, compare=False)
    heard_in: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(sorted(self.notes)))
        object.__setattr__(self, "remarks", tuple(self.remarks))

    def __repr__(self) -> str:
        notes = "1 note" if len(self.notes) == 1 else f"{len(self.notes)} notes"
        names = [repr(part if len(part) <= _LONGEST_NAME else part[: _LONGEST_NAME - 1] + "…") for part in self.parts]
        parts = ", ".join(names[:_MOST_NAMES] + ["…"][: len(names) > _MOST_NAMES])
        remarks = f", {len(self.remarks)} remarks" if self.remarks else ""
        return f"Score({notes} to {self.end_s:.2f} s, {len(names)} parts: {parts}{remarks})"

    @property
    def end_s(self) -> float:
        """When the last note ends, in seconds."""
        return max((note.offset_s for note in self.notes), default=0.0)

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts, in the order in which they enter."""
        return tuple(self._notes_of)

    def part(self, name: str) -> Score:
        """The notes of one part."""
        return self._with_notes(self._notes_of.get(composed(name), ()))

    @cached_property
    def _notes_of(self) -> dict[str, list[Note]]:
        """The notes of every part, gathered once: methods ask for each part again and again."""
        notes: dict[str, list[Note]] = {}
        for note in self.notes:
            notes.setdefault(note.part, []).append(note)
        return notes

    def regroup(self, groups: Mapping[str, Iterable[str] | str]) -> Score:
        """Make new parts of the old ones.

        Parameters
        ----------
        groups : mapping of str to str or iterable of str
            The names of new parts, and the old ones that go into each: by name, or by number from ``"1"`` in the order
            of `parts`. Old parts that are not mentioned stay as they are.

        Returns
        -------
        score : Score

        Raises
        ------
        SideInformationError
            If a part does not exist, is put into two groups, or has the name of a group that it is not in.

        Examples
        --------
        >>> duet = Score([Note(0, 1, 60, part="cello"), Note(1, 2, 72, part="flute"), Note(2, 3, 40, part="bass")])
        >>> duet.regroup({"strings": ["cello", "3"]}).parts
        ('strings', 'flute')
        """
        there = self.parts
        listed = ", ".join(f"{number} '{name}'" for number, name in enumerate(there, 1))
        numbers = {str(number): name for number, name in enumerate(there, 1)}
        new: dict[str, str] = {}
        groups = {composed(group): members for group, members in groups.items()}
        for group, members in groups.items():
            for member in [members] if isinstance(members, str) else members:
                old = composed(member) if composed(member) in there else numbers.get(member)
                if old is None:
                    raise SideInformationError(f"the score has no part '{member}'; its parts are {listed}")
                if new.setdefault(old, group) != group:
                    raise SideInformationError(f"part '{old}' is put into both '{new[old]}' and '{group}'; choose one")
        for group in groups:
            if group in there and group not in new:
                raise SideInformationError(f"there is a part '{group}' already; put it into a group too: {listed}")
        return self._with_notes(replace(n, part=new.get(n.part, n.part)) for n in self.notes)

    def split_by_pitch(self, pitch: float = 60.0, low: str = "left", high: str = "right") -> Score:
        """Make two parts: the notes below `pitch`, and the others. By default, the hands of a piano meet at middle C.

        Raises
        ------
        SideInformationError
            If `pitch` is no MIDI pitch.
        """
        if not 0 <= pitch <= 127:
            raise SideInformationError(f"notes are split at a MIDI pitch from 0 to 127, given {pitch}")
        return self._with_notes(replace(n, part=low if n.pitch < pitch else high) for n in self.notes)

    def mapped(self, times: Callable[[NDArray[np.float64]], ArrayLike]) -> Score:
        """Move the notes to other times, such as those of a recording to which the score was aligned.

        Parameters
        ----------
        times : callable
            Maps seconds to seconds, both of ``[shape=(times,)]``, and never decreases. Notes that it shrinks to nothing
            last 30 ms; what it moves to before 0 s is cut off. The score's remarks tell of both.

        Returns
        -------
        score : Score

        Raises
        ------
        SideInformationError
            If `times` gives other than as many finite seconds, or decreases.

        Examples
        --------
        >>> Score([Note(1.0, 2.0, 60)]).mapped(lambda seconds: 2 * seconds + 0.5).notes[0].onset_s
        2.5
        """
        old_s = np.array([time_s for note in self.notes for time_s in (note.onset_s, note.offset_s)])
        new_s = np.asarray(times(old_s.copy()), dtype=np.float64)
        if new_s.shape != old_s.shape or not np.isfinite(new_s).all():
            raise SideInformationError(
                f"a map of times needs to give {len(old_s)} finite seconds for as many, given shape {new_s.shape}"
            )
        if (np.diff(new_s[np.argsort(old_s, kind="stable")]) < -_ROUNDING_S).any():
            raise SideInformationError("a map of times must not decrease: notes would end before they begin")
        moved = [
            WrittenNote(onset_s, max(onset_s, offset_s), note.pitch, note.velocity, note.part)
            for note, (onset_s, offset_s) in zip(self.notes, new_s.reshape(-1, 2).tolist(), strict=True)
        ]
        notes, remarks = mended(moved)
        return Score(notes, self.remarks + remarks)

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        *,
        parts: Literal["track", "instrument", "staff", "drums"] = "track",
        pedal: bool = True,
    ) -> Score:
        """Read MIDI (``.mid``, ``.midi``), MusicXML (``.musicxml``, ``.xml``, ``.mxl``) or CSV with a header row.

        A CSV has columns ``start`` and ``duration`` or ``end`` in seconds, ``pitch``, and optionally ``velocity`` and
        ``label``, ``instrument`` or ``part``, separated by ``;``, ``,`` or tabs. An onset list of drums needs but
        ``start`` and ``label``. MusicXML is read as played, with repeats.

        Parameters
        ----------
        path : path
        parts : {'track', 'instrument', 'staff', 'drums'}
            What the parts are. Of MIDI, each channel of a track, or each General MIDI instrument; of MusicXML, each
            part, instrument or staff, where the two staves of a part that is alone are ``right`` and ``left``. A CSV
            names its parts itself. With ``'drums'``, keys of MIDI's drum channel are parts by the names of General
            MIDI, ``kick``, ``snare``, ``hi-hat`` ..., and so are pitches of a CSV without labels.
        pedal : bool
            Let notes of MIDI sound for as long as the sustain pedal holds them.

        Returns
        -------
        score : Score
            Its remarks say what had to be mended: notes of zero length, twice the same note, and the like.

        Raises
        ------
        SideInformationError
            If the file is missing, damaged, of another kind or holds no notes, or a package for it is not installed.
        """
        from sepkit.music.files.reading import read_notes

        origin = Origin.of(as_spelt(Path(path)), parts=parts, pedal=pedal)
        notes, contents = read_notes(Path(path), parts, pedal=pedal)
        return cls(notes, contents.remarks, contents.tempi_bpm, origin, contents.heard_in)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write as MIDI, one track a part, atomically. Fractions of a semitone are rounded away.

        Raises
        ------
        WriteError
        """
        from sepkit.music.files.midi import write_midi

        write_midi(self.notes, Path(path), self.heard_in)

    def plot(self) -> Figure:
        """Draw the notes over time and pitch, coloured by part; needs matplotlib (``pip install "sepkit[plot]"``).

        Raises
        ------
        SepkitError
            If matplotlib is not installed.
        """
        from sepkit.plots.score import plot_score

        return plot_score(self.notes)

    def _with_notes(self, notes: Iterable[Note]) -> Score:
        return replace(self, notes=tuple(notes), origin=None)
