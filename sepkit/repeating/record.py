"""``separation.json`` as it is read: what a run needs to be repeated."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sepkit.config import parse_json
from sepkit.errors import ConfigError, reason_of
from sepkit.files import read_regular
from sepkit.music.origin import Origin
from sepkit.solving.outputs import Outputs
from sepkit.solving.writing import FORMAT, LARGEST_RECORD, RECORD

_REMEDY = "separate anew to have one that can be repeated"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class ScoreGiven(_Part):
    """The file of a score and the rule for its parts."""

    path: str | None
    parts: str
    pedal: bool


class Given(_Part):
    """Where all came from; None for what was made in memory."""

    sources: tuple[str, ...]
    align: str
    start_s: float = 0.0
    end_s: float | None = None
    keep_length: bool = False
    mixture: str | None
    score: ScoreGiven | None
    f0: dict[str, str | None]
    examples: dict[str, tuple[str | None, ...]]
    references: dict[str, str | None]
    labels: tuple[str | None, ...] = ()
    weights: str | None
    options: dict[str, str]


class WeightsUsed(_Part):
    """What some weights are for, their digest, and the name of published ones."""

    belong_to: str = Field(alias="for")
    digest: str
    name: str | None


class StatementUsed(_Part):
    """A prior or constraint as it was declared, or as the method assumes it."""

    label: str = Field(alias="name")
    statement: str
    options: dict[str, Any]
    default: bool = False


def _number(given: Any) -> Any:
    if isinstance(given, bool) or not isinstance(given, int):
        raise ValueError("a whole number is wanted")
    return given


class Record(_Part):
    """What a record says of its separation, as `Provenance` describes it.

    Attributes
    ----------
    found_in : str
        The folder that it was read from.
    folder : str
        The folder that it was written to.
    outputs : Outputs
        Which files were asked for.
    digests : dict of str to str
        SHA-256 of every file, by name.
    """

    format: Literal[1]
    found_in: str
    folder: str
    method: str
    config: dict[str, Any]
    seed: Annotated[int, BeforeValidator(_number), Field(ge=0)]
    device: str
    versions: dict[str, str]
    inputs: dict[str, str]
    given: Given
    weights: tuple[WeightsUsed, ...]
    priors: tuple[StatementUsed, ...]
    constraints: tuple[StatementUsed, ...]
    outputs: Outputs
    digests: dict[str, str]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Record:
        """Read the record in a folder, or the file itself.

        Raises
        ------
        ConfigError
            If there is none, it is damaged, or of a form that cannot be repeated.
        """
        file = Path(path) / RECORD if os.path.isdir(path) else Path(path)
        try:
            told = parse_json(read_regular(file, LARGEST_RECORD))
        except OSError as error:
            raise ConfigError(f"cannot read a record from {file}: {error.strerror}; give a {RECORD}") from error
        except ValueError as error:
            raise ConfigError(f"{file} is no record of a separation: {reason_of(error)}; {_REMEDY}") from error
        if not isinstance(told, dict) or "method" not in told:
            raise ConfigError(f"{file} is no record of a separation; give a {RECORD} that sepkit has written")
        form = told.get("format", "an older")
        if form != FORMAT:
            raise ConfigError(f"{file} is a record of form {form!r:.20}, and form {FORMAT} is wanted; {_REMEDY}")
        try:
            return cls.model_validate({**told, "found_in": os.path.abspath(file.parent)})
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, fault["loc"]))
            raise ConfigError(f"{file} is a damaged record: {where}: {fault['msg'][:120]}; {_REMEDY}") from error

    @property
    def mixture(self) -> str:
        """The file of the mixture.

        Raises
        ------
        ConfigError
            If it was no file.
        """
        if self.given.mixture is None:
            raise ConfigError("the record's 'mixture' was no file and cannot be read again; give one")
        places = self.places(self.given.mixture)
        return str(next(filter(os.path.exists, places), places[0]))

    @property
    def score(self) -> Origin | None:
        """The file of the score and how it was read."""
        told = self.given.score
        if told is None:
            return None
        path = None if told.path is None else Path(told.path)
        return Origin(path=path, parts=told.parts, pedal=told.pedal)

    def places(self, path: str) -> list[Path]:
        """Where a file may be: at its old place, and as far from the record as it was."""
        moved = os.path.normpath(os.path.join(self.found_in, os.path.relpath(path, self.folder)))
        return list(dict.fromkeys((Path(path), Path(moved))))
