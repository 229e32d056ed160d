"""The elements of a MusicXML file, within bounds: files come from strangers."""

from __future__ import annotations

import xml.parsers.expat as expat
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO
from xml.etree.ElementTree import Element, TreeBuilder

from sepkit.errors import SideInformationError, reason_of
from sepkit.opening import opened

_MOST_BYTES = 64_000_000
_MOST_TAGS = 3_000_000
"""About as many as a hundred thousand notes have."""
_DEEPEST = 64

_HEARD = frozenset(
    """
    score-partwise score-timewise part-list score-part part-name midi-instrument midi-channel midi-program
    midi-unpitched part measure attributes divisions time beats beat-type transpose chromatic octave-change double
    measure-style measure-repeat note pitch step alter octave unpitched display-step display-octave rest cue grace
    chord duration type dot staff instrument tie notations tied backup forward direction direction-type words
    metronome beat-unit beat-unit-dot per-minute offset sound barline repeat ending container rootfiles rootfile
    """.split()  # noqa: SIM905
)
"""What says how a score sounds, and where it lies in an archive. Most of a file is about how it looks."""


class DocumentError(Exception):
    """Why a document cannot be read, in words for the user."""


def parsed(path: Path) -> Element:
    """The root of ``.musicxml``, ``.xml`` or ``.mxl``, with what is heard and without namespaces.

    Raises
    ------
    SideInformationError
        If the file cannot be opened.
    DocumentError
        If it is damaged, or larger than any score.
    """
    with opened(path, "score", SideInformationError) as file:
        return _document(file)


def _document(file: BinaryIO) -> Element:
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                return _tree(_score_of(archive))
        file.seek(0)
        return _tree(_bounded(file.read(_MOST_BYTES + 1)))
    # What archives raise that are damaged, encrypted or packed in ways that zipfile does not know.
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        raise DocumentError(f"the file is damaged: {reason_of(error)}") from error


def _score_of(archive: zipfile.ZipFile) -> bytes:
    """The score that the container names, or else the first document."""
    files = {info.filename.replace("\\", "/"): info for info in archive.infolist()}
    scores = [name for name in files if _is_score(name) and not name.startswith("META-INF/")]
    if "META-INF/container.xml" in files:
        root = _tree(_unpacked(archive, files["META-INF/container.xml"]))
        named = [(file.get("full-path") or "").replace("\\", "/") for file in root.iter("rootfile")]
        scores = [name for name in named if name in files and _is_score(name)] + scores
    if not scores:
        raise DocumentError("its archive holds no .xml or .musicxml file")
    return _unpacked(archive, files[scores[0]])


def _is_score(name: str) -> bool:
    return name.lower().endswith((".xml", ".musicxml"))


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as file:
        return _bounded(file.read(_MOST_BYTES + 1))


def _bounded(data: bytes) -> bytes:
    if len(data) > _MOST_BYTES:
        raise DocumentError(f"it is larger than {_MOST_BYTES // 1_000_000} MB")
    if data.count(b"<") > _MOST_TAGS:
        raise DocumentError(f"it has more than {_MOST_TAGS:,} tags")
    return data


def _tree(data: bytes) -> Element:
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    # Nothing is expanded and nothing fetched.
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(data.lstrip(b" \t\r\n"), True)
    except expat.ExpatError as error:
        place = f"line {error.lineno}, column {error.offset + 1}"
        raise DocumentError(f"it is no XML: {expat.ErrorString(error.code)} at {place}") from error
    except (ValueError, LookupError) as error:
        raise DocumentError(f"its encoding is not known: {error}") from error
    return builder.root()


def _refuse_entity(name: str, *_: object) -> None:
    raise DocumentError(f"it declares an entity, &{name[:40]};, which no score needs")


class _Builder:
    """Builds a tree of the elements that are heard."""

    def __init__(self) -> None:
        self._tree, self._depth, self._deaf = TreeBuilder(), 0, 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise DocumentError(f"its elements are nested deeper than {_DEEPEST}")
        name = tag.rpartition(":")[2]
        # An unknown root stays, to be named.
        if self._deaf or (name not in _HEARD and self._depth > 1):
            self._deaf += 1
        else:
            self._tree.start(name, dict(attributes))

    def end(self, tag: str) -> None:
        self._depth -= 1
        if self._deaf:
            self._deaf -= 1
        else:
            self._tree.end(tag.rpartition(":")[2])

    def data(self, text: str) -> None:
        if not self._deaf:
            self._tree.data(text)

    def root(self) -> Element:
        return self._tree.close()
