"""Labels from text files.

Audacity's label tracks have a start, an end and a text a line, parted by tabs; a spectral selection follows on a line
of its own that begins with a backslash: its low and its high frequency, -1 where it is open. Sonic Visualiser exports
regions as ``time,value,duration,label`` and boxes as ``start,end,extent start,extent end,label``, with or without such
a header. Other tables are read by the names of their columns: start, end or duration, source, and if they like low_hz,
high_hz and strength. What might mean two things is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sepkit.errors import SideInformationError
from sepkit.music.files.table import Table, is_missing, number, read_table
from sepkit.music.labels import Label, parsed_text

_COLUMNS = {
    "start": ("start_s", "start", "time", "time_s", "onset", "onset_s", "begin", "from"),
    "end": ("end_s", "end", "stop", "offset", "offset_s", "to"),
    "duration": ("duration_s", "duration"),
    "source": ("source", "label", "name", "part", "instrument", "text"),
    "low": ("low_hz", "low", "min_hz", "extent start", "min freq"),
    "high": ("high_hz", "high", "max_hz", "extent end", "max freq"),
    "strength": ("strength",),
}
_BAND = "\\"
_REMEDY = "name the columns start, end, source, and low_hz, high_hz, strength if there are such"

Row = Mapping[str, str]


def read_labels(path: Path) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    """Read the labels in a file.

    Returns
    -------
    labels : tuple of Label
    remarks : tuple of str
        What was left out, one sentence each.

    Raises
    ------
    SideInformationError
        If it cannot be read, or understood without doubt: then with the line.
    """
    known = {name for names in _COLUMNS.values() for name in names}
    table = read_table(path, "label track", known.__contains__)
    labels: list[Label] = []
    points = 0
    try:
        for line, row in _rows(table):
            try:
                label = _label(row)
            except (ValueError, SideInformationError) as error:
                raise ValueError(f"line {line}: {error}") from error
            points += label is None
            labels += () if label is None else (label,)
        if not labels:
            raise ValueError(f"it has no label with a length{', points alone' if points else ''}; mark spans of time")
    except ValueError as error:
        raise SideInformationError(f"cannot read {path} as a label track: {error}") from error
    if not points:
        return tuple(labels), ()
    are = "label has no length or no width and was" if points == 1 else "labels have no length or no width and were"
    return tuple(labels), (f"{points} {are} left out: mark spans of time in {path.name}",)


def _rows(table: Table) -> Iterator[tuple[int, Row]]:
    """The cells of every label by what they are, with the number of its line."""
    columns = {} if table.rows and table.rows[0][0] == _BAND else _columns(table)
    row: dict[str, str] | None = None
    line = 0
    for number_, cells in zip(table.lines, table.rows, strict=True):
        if cells[0] == _BAND:
            if row is None or "low" in row or len(cells) < 3:
                raise ValueError(f"line {number_} begins with a backslash and is no band of the label before it")
            row |= {"low": cells[1], "high": cells[2]}
            continue
        if row is not None:
            yield line, row
        line, row = number_, {ours: cells[at] for ours, at in columns.items() if at < len(cells) and cells[at]}
    if row is not None:
        yield line, row


def _columns(table: Table) -> dict[str, int]:
    """Where each of a label's values is."""
    if table.header is None:
        return _columns_without_names(table)
    found = {
        ours: next((table.header.index(name) for name in theirs if name in table.header), None)
        for ours, theirs in _COLUMNS.items()
    }
    columns = {ours: at for ours, at in found.items() if at is not None}
    if not {"start", "source"} <= set(columns) or not {"end", "duration"} & set(columns):
        raise ValueError(f"its columns are {', '.join(map(repr, table.header[:12]))}; {_REMEDY}")
    return columns


def _columns_without_names(table: Table) -> dict[str, int]:
    cells = next((cells for cells in table.rows if cells[0] != _BAND), ())
    numbers = [_is_number(cell) for cell in cells]
    if len(cells) == 2 and all(numbers):
        # Audacity leaves out a text that is empty; without one nobody knows whom the label is about.
        raise ValueError(f"line {table.lines[0]} has no text; write the name of a source into every label")
    known = {
        (True, True, False): ("start", "end", "source"),
        (True, True, True, False): ("start", "", "duration", "source"),
        (True, True, True, True, False): ("start", "end", "low", "high", "source"),
    }
    names = known.get(tuple(numbers))
    if names is None:
        raise ValueError(f"its first line is '{table.first}', and its columns have no names; {_REMEDY}")
    return {name: at for at, name in enumerate(names) if name}


def _is_number(cell: str) -> bool:
    try:
        return number(cell) == number(cell)
    except ValueError:
        return False


def _label(row: Row) -> Label | None:
    """The label in a row; None for one that has no length, or no width."""
    for needed in ("start", "source"):
        if not row.get(needed):
            raise ValueError(f"it has no {needed}; write the name of a source into every label")
    start_s = _finite(row, "start")
    end_s = _finite(row, "end") if "end" in row else start_s + _finite(row, "duration")
    low_hz, high_hz = (_frequency(row.get(which, "")) for which in ("low", "high"))
    source, absent, strength = parsed_text(row["source"])
    if row.get("strength"):
        strength = float(number(row["strength"].rstrip(" %"))) / (100 if row["strength"].endswith("%") else 1)
    if end_s == start_s or (low_hz is not None and low_hz == high_hz):
        return None
    return Label(start_s, end_s, source, low_hz, high_hz, absent, strength)


def _finite(row: Row, name: str) -> float:
    value = number(row.get(name, ""))
    if value != value:
        raise ValueError(f"it has no {name}")
    return value


def _frequency(cell: str) -> float | None:
    """A frequency in Hz; None where it is not defined, which Audacity writes as -1."""
    value = number(cell) if not is_missing(cell) else -1.0
    return None if value < 0 else value
