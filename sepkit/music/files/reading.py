"""Reading a file into notes, whatever its format."""

from __future__ import annotations

from pathlib import Path

from sepkit.errors import SideInformationError
from sepkit.music.files.contents import Contents
from sepkit.music.mend import mended, overlaps
from sepkit.music.note import Note

_MIDI = (".mid", ".midi")
_MUSICXML = (".musicxml", ".xml", ".mxl")
_CSV = (".csv",)
_PARTS = ("track", "instrument", "staff", "drums")
_MOST_REASONS = 3


def read_notes(path: Path, parts: str, *, pedal: bool) -> tuple[tuple[Note, ...], Contents]:
    """Read the notes of a file and mend them; the parameters are those of `Score.read`.

    Returns
    -------
    notes : tuple of Note
    contents : Contents
        Those of the file; its remarks also say what had to be mended.

    Raises
    ------
    SideInformationError
    """
    contents = _contents(path, parts, pedal)
    try:
        notes, mends = mended(contents.written)
    except SideInformationError as error:
        raise SideInformationError(f"{path}: {error}") from error
    if not notes:
        reasons = [f"{path} holds no notes", *contents.remarks, *mends]
        raise SideInformationError("; ".join(reasons[:_MOST_REASONS]))
    return notes, contents._replace(remarks=contents.remarks + mends + overlaps(notes))


def _contents(path: Path, parts: str, pedal: bool) -> Contents:
    if parts not in _PARTS:
        raise SideInformationError(f"the parts of a score are its {', '.join(_PARTS)}, given '{parts}'")
    suffix = path.suffix.lower()
    if suffix not in _MIDI + _CSV + _MUSICXML:
        known = ", ".join(_MIDI + _CSV + _MUSICXML[:-1])
        raise SideInformationError(f"cannot read {path} as a score: give a {known} or {_MUSICXML[-1]} file")
    if suffix in _MUSICXML:
        if parts == "drums":
            raise SideInformationError(f"drums are told apart in MIDI and CSV; save {path.name} as MIDI")
        from sepkit.music.files.musicxml import read_musicxml

        return read_musicxml(path, parts)
    if parts == "staff":
        raise SideInformationError(f"{path.name} has no staves, only MusicXML has; take 'track' or 'instrument'")
    if suffix in _MIDI:
        from sepkit.music.files.midi import read_midi

        return read_midi(path, parts, pedal=pedal)
    from sepkit.music.files.note_list import read_note_list

    return read_note_list(path, name_drums=parts == "drums")
