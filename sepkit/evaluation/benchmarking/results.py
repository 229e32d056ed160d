"""Results of a benchmark, one line of strict JSON for each, in a file that survives being cut off anywhere."""

from __future__ import annotations

import functools
import json
import math
import os
import threading
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from sepkit.errors import OutputError, WriteError

_INFINITE = {"inf": math.inf, "-inf": -math.inf}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one entry on one track.

    Attributes
    ----------
    track, entry : str
        Labels.
    fingerprint : str
        Of everything that it depends on: a result counts as long as that is the same.
    status : str
        ``"done"``; ``"unfit"`` when the method does not take such a track; ``"failed"``.
    reason : str
        Why it is not done.
    figures : dict of str to dict of str to float
        By name of the figure and of the source; NaN where it is not defined.
    seconds : float
        Wall-clock time of the separation alone.
    duration_s : float
        Of the track.
    real_time_factor : float
        The one over the other.
    peak_memory_bytes, bare_memory_bytes : int or None
        What the process held at most while it separated, and before it read the mixture.
    parameters : int
        Trained numbers in the method.
    assignment : dict of str to str
        The stem that is measured against each reference.
    notes : list of str
    failed_metrics : dict of str to str
        By name of a metric that failed, why; its figures are NaN.
    provenance : dict
    excerpts : dict
        Paths of what is kept to listen to, within the folder of the benchmark.
    """

    track: str
    entry: str
    fingerprint: str
    status: str
    reason: str = ""
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: float = math.nan
    duration_s: float = math.nan
    real_time_factor: float = math.nan
    peak_memory_bytes: int | None = None
    bare_memory_bytes: int | None = None
    parameters: int = 0
    assignment: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failed_metrics: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    excerpts: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Labels of track and entry."""
        return self.track, self.entry

    @property
    def done(self) -> bool:
        """Whether it was separated and measured."""
        return self.status == "done"

    def to_json(self) -> str:
        """As one line of strict JSON: null stands for NaN, text for what is infinite."""
        return json.dumps(_strict(asdict(self)), allow_nan=False)

    @classmethod
    def from_json(cls, line: bytes) -> Result:
        """From what `to_json` gave; raises ValueError for anything else."""
        try:
            given = json.loads(line)
            known = {name.name: given[name.name] for name in fields(cls)}
            for name in ("seconds", "duration_s", "real_time_factor"):
                known[name] = _number(known[name])
            known["figures"] = {
                figure: {source: _number(value) for source, value in values.items()}
                for figure, values in known["figures"].items()
            }
            result: Result = _checked().validate_python(known)
        except (LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("no result of a benchmark") from error
        return result


@functools.cache
def _checked() -> TypeAdapter[Result]:
    return TypeAdapter(Result)


class ResultsFile:
    """The results of a benchmark, as they come.

    Parameters
    ----------
    path : Path
        Made with the first result.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def read(self) -> tuple[dict[tuple[str, str], Result], int]:
        """The latest result of every track and entry; a last line that was cut off is removed from the file.

        Returns
        -------
        results : dict of (str, str) to Result
        unreadable : int
            Number of lines that hold no result.

        Raises
        ------
        OutputError
            If something other than a regular file is at the path.
        WriteError
        """
        results, unreadable = {}, 0
        if os.path.lexists(self.path) and not os.path.isfile(self.path):
            raise OutputError(f"{self.path} is no file; choose another folder with -o")
        try:
            content = self.path.read_bytes() if os.path.lexists(self.path) else b""
            complete = content[: content.rfind(b"\n") + 1]
            if complete != content:
                os.truncate(self.path, len(complete))
        except OSError as error:
            raise WriteError(str(self.path), f"{error.strerror}; choose another folder") from error
        for line in complete.split(b"\n")[:-1]:
            result = _result(line)
            if result is None:
                unreadable += 1
            else:
                results[result.key] = result
        return results, unreadable

    def append(self, result: Result) -> None:
        """Add a line; it is on the disk when this returns, and whole or not at all.

        Raises
        ------
        WriteError
        """
        line = result.to_json().encode() + b"\n"
        try:
            with self._lock, open(self.path, "ab", buffering=0) as file:
                before = file.tell()
                try:
                    if file.write(line) < len(line):
                        raise OSError(0, "the disk did not take all of it")
                    os.fsync(file.fileno())
                except BaseException:
                    file.truncate(before)
                    raise
        except OSError as error:
            raise WriteError(str(self.path), f"{error.strerror}; free some space") from error


def _result(line: bytes) -> Result | None:
    """None for a line that is not as sepkit writes it: that job is done again."""
    try:
        return Result.from_json(line)
    except ValueError:
        return None


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    return value


def _number(value: Any) -> float:
    return math.nan if value is None else _INFINITE[value] if isinstance(value, str) else float(value)
