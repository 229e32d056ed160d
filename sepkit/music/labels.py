"""Labels: what a listener says of a recording, when a source sounds and where in the spectrum."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sepkit.errors import SideInformationError, one_line
from sepkit.files import atomic_path
from sepkit.music.files.label_table import Marked, read_labels
from sepkit.music.origin import Origin
from sepkit.opening import as_spelt, composed

_TEXT = re.compile(r"(?P<absent>!?)\s*(?P<source>.*?)(?:\s+(?P<percent>\d+(?:[.,]\d+)?)\s*%)?", re.DOTALL)
_UNDEFINED_HZ = -1.0


@dataclass(frozen=True)
class Label:
    """One statement of a listener: a span of time, or a box of time and frequency.

    Parameters
    ----------
    start_s, end_s : float
        In seconds.
    source : str
        Whom it is about.
    low_hz, high_hz : float, optional
        The band, in Hz; None where it is open.
    absent : bool
        Whether it says that the source does not sound there.
    strength : float
        How much of what sounds there is the source's, at least, above 0 up to 1; of one that is absent, how much is
        not.

    Raises
    ------
    SideInformationError
        If it holds impossible values.
    """

    start_s: float
    end_s: float
    source: str
    low_hz: float | None = None
    high_hz: float | None = None
    absent: bool = False
    strength: float = 1.0

    def __post_init__(self) -> None:
        for name in ("start_s", "end_s", "low_hz", "high_hz", "strength"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else float(value))
        named = f"the label '{self.text}'"
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s < self.end_s):
            raise SideInformationError(
                f"{named} needs to end after it starts, given {self.start_s:g} s to {self.end_s:g} s"
            )
        low_hz, high_hz = self.low_hz or 0.0, math.inf if self.high_hz is None else self.high_hz
        if not 0 <= low_hz < high_hz or low_hz == math.inf:
            raise SideInformationError(f"{named} needs a band from 0 Hz upwards, given {low_hz:g} Hz to {high_hz:g} Hz")
        if not 0 < self.strength <= 1:
            raise SideInformationError(
                f"{named} needs a strength above 0 % up to 100 %, given {100 * self.strength:g} %"
            )
        is_plain = self.source and not set("\t\r\n") & set(self.source)
        if not is_plain or parsed_text(self.text)[:2] != (self.source, self.absent):
            raise SideInformationError(f"'{self.source}' cannot be the source of a label; give it a plain name")

    @property
    def is_span(self) -> bool:
        """Whether it is about all frequencies and leaves no doubt: the source sounds then, or it does not."""
        return self.low_hz is None and self.high_hz is None and self.strength == 1

    @property
    def text(self) -> str:
        """As it is written: ``sax``, ``!sax``, ``sax 80%``."""
        percent = "" if self.strength == 1 else f" {100 * self.strength:g}%"
        return f"{'!' * self.absent}{self.source}{percent}"


@dataclass(frozen=True)
class Labels:
    """What a file of labels says.

    Parameters
    ----------
    labels : iterable of Label
    remarks : tuple of str
        What the file holds and could not be used, one sentence each.
    origin : Origin, optional
        The file that it was read from.

    Examples
    --------
    >>> from sepkit.music import Label, Labels
    >>> Labels([Label(12, 31, "sax"), Label(5, 6.5, "whistle", 2000, 4000)]).sources
    ('sax', 'whistle')
    """

    labels: tuple[Label, ...]
    remarks: tuple[str, ...] = ()
    origin: Origin | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        labels: Iterable[Label] = self.labels
        object.__setattr__(self, "labels", tuple(labels))
        if not self.labels or not all(isinstance(label, Label) for label in self.labels):
            raise SideInformationError("labels need to be some of sepkit.music.Label; give at least one")

    @property
    def sources(self) -> tuple[str, ...]:
        """Whom they are about, in the order in which they first appear."""
        return tuple(dict.fromkeys(label.source for label in self.labels))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Labels:
        """Read labels as Audacity and Sonic Visualiser export them, or a table with columns of other names.

        The text of a label is the name of its source, ``!`` before it if the source does not sound there, and a
        percentage behind it if it is not all: ``sax``, ``!sax``, ``sax 80%``. See ``sepkit.music.files.label_table``.

        Raises
        ------
        SideInformationError
            If the file cannot be read, or understood without doubt.
        """
        try:
            marked, remarks = read_labels(Path(path))
            return cls(tuple(map(_label, marked)), remarks, origin=Origin.of(as_spelt(Path(path))))
        except SideInformationError as error:
            raise SideInformationError(
                str(error) if one_line(str(path)) in str(error) else f"{path}: {error}"
            ) from error

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a label track for Audacity, atomically; bands as its spectral selections.

        Raises
        ------
        WriteError
        """
        lines = []
        for label in self.labels:
            lines.append(f"{label.start_s:.6f}\t{label.end_s:.6f}\t{label.text}")
            if (label.low_hz, label.high_hz) != (None, None):
                low, high = (_UNDEFINED_HZ if hz is None else hz for hz in (label.low_hz, label.high_hz))
                lines.append(f"\\\t{low:.6f}\t{high:.6f}")
        with atomic_path(Path(path)) as temporary:
            temporary.write_text("\n".join((*lines, "")), encoding="utf-8")


def parsed_text(text: str) -> tuple[str, bool, float]:
    """Source, whether it is absent, and strength, out of the text of a label.

    Examples
    --------
    >>> [parsed_text(text) for text in ("sax", "!sax", "violin 2 80%")]
    [('sax', False, 1.0), ('sax', True, 1.0), ('violin 2', False, 0.8)]
    """
    found = _TEXT.fullmatch(text.strip())
    assert found is not None
    strength = 1.0 if found["percent"] is None else float(found["percent"].replace(",", ".")) / 100
    return composed(found["source"].strip()), bool(found["absent"]), strength


def _label(marked: Marked) -> Label:
    source, absent, strength = parsed_text(marked.text)
    strength = strength if marked.strength is None else marked.strength
    try:
        return Label(marked.start_s, marked.end_s, source, marked.low_hz, marked.high_hz, absent, strength)
    except SideInformationError as error:
        raise SideInformationError(f"line {marked.line}: {error}") from error


def all_labels(given: Iterable[Labels]) -> tuple[Label, ...]:
    """The labels of several files, each once."""
    return tuple(dict.fromkeys(label for one in given for label in one.labels))
