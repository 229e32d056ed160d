"""Tables in text files: CSV and its many relatives, without a guess at what their columns mean.

Columns are parted by tabs, semicolons, commas or blanks; cells may be quoted; decimals have a point, or a comma where
that does not part columns. A first row without any number is a header; a remark (``# time_s f0_hz``) is one too, if it
has a name for each column that the reader knows. Text is UTF-8, UTF-16 or UTF-32 with a byte-order mark, or else Latin.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sepkit.errors import SideInformationError, reason_of
from sepkit.opening import articled, opened

_LARGEST_BYTES = 1 << 28
_REMARKS = ("#", "%")
_DELIMITERS = ("\t", ";", ",")
_SAMPLE_ROWS = 50
_SHOWN = 60
_MISSING = frozenset(
    ["", "-", "--", "?", "nan", "na", "n/a", "#n/a", "null", "none", "nil", "undefined", "--undefined--", "unvoiced"]
)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_NUMBERS_AND_BLANKS = re.compile(r'["+-]*\d[\d.,eE"+-]*(?:\s+["+-]*\d[\d.,eE"+-]*)+')
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Table:
    """Cells of a text file.

    Attributes
    ----------
    header : tuple of str or None
        Names of the columns in small letters, or None where the file has no header.
    rows : tuple of tuple of str
        The cells of each row; rows may differ in length.
    lines : tuple of int
        On which line of the file each row is, from 1.
    first : str
        The first line, shortened, for messages.
    """

    header: tuple[str, ...] | None
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    first: str


def read_table(path: Path, what: str, is_name: Callable[[str], bool]) -> Table:
    """Read a table.

    Parameters
    ----------
    path : Path
    what : str
        What is wanted of it, for messages: ``"score"``.
    is_name : callable
        Whether the reader knows a column of this name. Decides about remarks only.

    Raises
    ------
    SideInformationError
        If the file cannot be read, is no text, or has no line with anything in it.
    """
    try:
        with opened(path, what, SideInformationError) as file:
            content = file.read(_LARGEST_BYTES + 1)
        text = _decoded(content)
        lines = [
            (number, line.strip("\ufeff"))
            for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1)
            if line.strip()
        ]
        filled = [(number, line) for number, line in lines if not line.lstrip().startswith(_REMARKS)]
        if not filled:
            raise ValueError("it is empty")
        delimiter = _delimiter([line for _, line in filled[:_SAMPLE_ROWS]])
        # A spreadsheet leaves delimiters alone where rows were.
        rows = [(number, cells) for number, line in filled if any(cells := _cells(line, delimiter))]
        if not rows:
            raise ValueError("it is empty")
    except (OSError, ValueError, csv.Error) as error:
        raise SideInformationError(f"cannot read {path} as {articled(what)}: {reason_of(error)}") from error
    first = filled[0][1].strip()
    header = rows.pop(0)[1] if _is_header(rows[0][1]) else _remarked(lines, rows, delimiter, is_name)
    return Table(
        header=None if header is None else tuple(name.casefold() for name in header),
        rows=tuple(cells for _, cells in rows),
        lines=tuple(number for number, _ in rows),
        first=first if len(first) <= _SHOWN else f"{first[:_SHOWN]} ...",
    )


def number(cell: str) -> float:
    """The number in a cell, NaN where it says that there is none.

    Raises
    ------
    ValueError
        If it holds anything else.
    """
    if is_missing(cell):
        return float("nan")
    if "_" in cell:
        # Python reads 1_0 as 10; in a table it is nothing anybody means.
        raise ValueError(f"'{cell[:_SHOWN]}' is no number")
    try:
        return float(cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell)
    except ValueError:
        raise ValueError(f"'{cell[:_SHOWN]}' is no number") from None


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no number."""
    return cell.casefold() in _MISSING


def _decoded(content: bytes) -> str:
    if len(content) > _LARGEST_BYTES:
        raise ValueError(f"it is larger than {_LARGEST_BYTES >> 20} MiB")
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if encoding is None:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
    else:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            raise ValueError(f"it begins like {encoding.upper()} text and is none") from None
    if "\0" in text:
        raise ValueError("it is no text")
    return text


def _delimiter(lines: list[str]) -> str | None:
    """What parts the columns of most lines; None for blanks."""
    parted = {delimiter: [_cells(line, delimiter) for line in lines] for delimiter in (*_DELIMITERS, None)}
    # Commas that are decimal leave cells like 01 220 between them, or 01 "220 where cells are quoted.
    if any(_NUMBERS_AND_BLANKS.fullmatch(cell) for cells in parted[","] for cell in cells if len(cells) > 1):
        del parted[","]
    return max(parted, key=lambda delimiter: sum(len(cells) > 1 for cells in parted[delimiter]))


def _cells(line: str, delimiter: str | None) -> tuple[str, ...]:
    if delimiter is None:
        line, delimiter = " ".join(line.split()), " "
    (cells,) = csv.reader([line], delimiter=delimiter, skipinitialspace=True)
    return tuple(cell.strip() for cell in cells)


def _is_header(cells: tuple[str, ...]) -> bool:
    return not any(map(_is_number, cells)) and not all(map(is_missing, cells))


def _is_number(cell: str) -> bool:
    try:
        return not is_missing(cell) and number(cell) is not None
    except ValueError:
        return False


def _remarked(
    lines: list[tuple[int, str]],
    rows: list[tuple[int, tuple[str, ...]]],
    delimiter: str | None,
    is_name: Callable[[str], bool],
) -> tuple[str, ...] | None:
    """The header in the last remark before the first row."""
    remarks = [line for number, line in lines if number < rows[0][0]]
    if not remarks:
        return None
    text = remarks[-1].lstrip().lstrip("".join(_REMARKS)).strip()
    columns = len(rows[0][1])
    for candidate in (delimiter, *_DELIMITERS, None):
        try:
            cells = _cells(text, candidate)
        except csv.Error:
            continue
        if len(cells) == columns and any(is_name(cell.casefold()) for cell in cells):
            return cells
    return None
