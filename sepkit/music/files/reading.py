"""Reading a file into notes, whatever its format."""

from __future__ import annotations

from pathlib import Path

from sepkit.errors import SideInformationError
from sepkit.music.mend import WrittenNote, mended, overlaps
from sepkit.music.note import Note

_MIDI = (".mid", ".midi")
_MUSICXML = (".musicxml", ".xml", ".mxl")
_CSV = (".csv",)
_PARTS = ("track", "instrument", "staff")


def read_notes(path: Path, parts: str, *, pedal: bool) -> tuple[tuple[Note, ...], tuple[str, ...]]:
    """Read the notes of a file and mend them; the parameters are those of `Score.read`.

    Returns
    -------
    notes : tuple of Note
    remarks : tuple of str
        What had to be mended.

    Raises
    ------
    SideInformationError
    """
    if parts not in _PARTS:
        raise SideInformationError(f"the parts of a score are its {', '.join(_PARTS)}, given '{parts}'")
    if not path.is_file():
        raise SideInformationError(f"no such score: {path}")
    written, remarks = _written(path, parts, pedal)
    try:
        notes, mends = mended(written)
    except SideInformationError as error:
        raise SideInformationError(f"{path}: {error}") from error
    if not notes:
        raise SideInformationError("; ".join([f"{path} holds no notes", *mends]))
    return notes, remarks + mends + overlaps(notes)


def _written(path: Path, parts: str, pedal: bool) -> tuple[list[WrittenNote], tuple[str, ...]]:
    suffix = path.suffix.lower()
    if suffix not in _MIDI + _CSV + _MUSICXML:
        known = ", ".join(_MIDI + _CSV + _MUSICXML[:-1])
        raise SideInformationError(f"cannot read {path.name} as a score: give a {known} or {_MUSICXML[-1]} file")
    if suffix in _MUSICXML:
        from sepkit.music.files.musicxml import read_musicxml

        return read_musicxml(path, parts)
    if parts == "staff":
        raise SideInformationError(f"{path.name} has no staves, only MusicXML has; take 'track' or 'instrument'")
    if suffix in _MIDI:
        from sepkit.music.files.midi import read_midi

        return read_midi(path, by_instrument=parts == "instrument", pedal=pedal)
    from sepkit.music.files.note_list import read_note_list

    return read_note_list(path), ()
