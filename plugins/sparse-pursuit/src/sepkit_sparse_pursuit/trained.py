"""Dictionaries as weights: what one separation found, for other recordings of the same instruments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from sepkit.errors import WeightsError
from sepkit.files import read_regular
from sepkit_sparse_pursuit.tones import Array

METHOD = "sparse-pursuit"
HARMONICS_OF = "harmonics of "
"""Begins the name of the curve of each instrument in the record of a separation."""

_RECORD = "separation.json"
_LARGEST_RECORD = 1 << 26

_Harmonics = Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=2, max_length=100)]


class _Record(BaseModel):
    method: Literal["sparse-pursuit"]
    sources: list[str] = Field(min_length=1, max_length=1000)
    traces: dict[str, list[float | None]]


class _Harmonic(BaseModel):
    harmonics: list[_Harmonics]


@dataclass(frozen=True, eq=False)
class Trained:
    """A dictionary and whose it is.

    Attributes
    ----------
    sources : tuple of str
    dictionary : ndarray [shape=(sources, harmonics)]
    """

    sources: tuple[str, ...]
    dictionary: Array

    @classmethod
    def read(cls, folder: Path) -> Trained:
        """Read the dictionary from the folder of a separation by this method.

        Raises
        ------
        WeightsError
            If it holds no such separation, or the record was changed into one that cannot be.
        """
        path = folder / _RECORD
        try:
            record = _Record.model_validate_json(read_regular(path, _LARGEST_RECORD))
            curves = [record.traces[HARMONICS_OF + source] for source in record.sources]
            harmonics = _Harmonic.model_validate({"harmonics": curves}).harmonics
        except OSError as error:
            reason = error.strerror or str(error)
            raise WeightsError(
                f"{folder} holds no dictionary: {_RECORD}: {reason}; give the folder of a separation by {METHOD}"
            ) from error
        except (ValidationError, LookupError) as error:
            raise WeightsError(
                f"{path} holds no dictionary of harmonics; give the folder of a separation by {METHOD}"
            ) from error
        if len({len(row) for row in harmonics}) > 1 or not all(any(row) for row in harmonics):
            raise WeightsError(f"the instruments in {path} have no or unequally many harmonics; separate once more")
        return cls(tuple(record.sources), np.array(harmonics, np.float32))
