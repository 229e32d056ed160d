"""What a result depends on, as one digest, and whether the result of an equal request is there.

The digest is over contents: of the recording and of all that is known about it, the method with its options and
weights, what is declared, the seed, and which files are wanted. Versions of packages and the device do not count: what
was separated before an update stays done.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sepkit.config import parse_json
from sepkit.files import read_regular
from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.labels import Labels
from sepkit.music.origin import Origin
from sepkit.music.score import Score
from sepkit.plugin.registry import Registry
from sepkit.problem.statement import Statement
from sepkit.solving.declare import declared_constraints, declared_priors
from sepkit.solving.digests import digest, digest_file, digest_json, digest_path, digest_paths
from sepkit.solving.method import Method
from sepkit.solving.naming import FileNames
from sepkit.solving.outputs import Outputs
from sepkit.solving.writing import LARGEST_RECORD, is_written

_DECLARED = ("priors", "constraints")
_DEFAULTS = {
    name: one.default
    for name, one in inspect.signature(Method.separate).parameters.items()
    if one.default is not one.empty and name not in ("reporter", "cancel", "keep_variables")
}
_FILES = ("score", "f0", "examples", "references", "labels")


def digest_task(method: Method, problem: Mapping[str, Any], registry: Registry) -> str:
    """Of everything but the recording: the method, what is known and declared, the seed.

    Raises
    ------
    UserError
        If a file that is named cannot be read, or a statement is none.
    """
    statements = [
        *declared_priors(problem.get("priors", ()), registry),
        *declared_constraints(problem.get("constraints", ()), registry),
    ]
    return digest_json(
        {
            "method": method.spec.name,
            "config": method.config.model_dump(mode="json"),
            "weights": [used["digest"] for used in method.weights_used],
            "files": digest_paths({method.spec.name: method.config}),
            "statements": [_plain(one) for one in statements],
            "problem": {
                key: _plain(value, key in _FILES)
                for key, value in {**_DEFAULTS, **problem}.items()
                if key not in _DECLARED and not _is_empty(value)
            },
        }
    )


def digest_request(mixture: str | Audio, task: str, outputs: Outputs) -> str | None:
    """Of a whole job; None where the recording can be read only once.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    if isinstance(mixture, str) and not os.path.isfile(mixture):
        return None
    heard = digest_file(Path(mixture)) if isinstance(mixture, str) else digest(mixture)
    # Options of outputs that come to be change nothing for what was written before.
    chosen = outputs.model_dump(mode="json", exclude_defaults=True)
    return digest_json({"mixture": heard, "task": task, "outputs": chosen})


def files_of(folder: Path, names: FileNames, request: str) -> dict[str, str] | None:
    """The files of an equal request, by stem or output, if its record and all of them are there."""
    base = folder / names.folder
    try:
        told = parse_json(read_regular(base / names.record, LARGEST_RECORD))
        equal, files, listed = told["request"] == request, dict(told["files"]), set(told["digests"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    there = all(isinstance(name, str) and is_written(name, names) and (base / name).is_file() for name in listed)
    if not (equal and there and set(files.values()) <= listed):
        return None
    return {output: str(base / name) for output, name in files.items()}


def _plain(value: Any, files: bool = False) -> Any:
    """Something known or declared as plain types; in place of signals, and of `files`, stand their digests."""
    if isinstance(value, (Audio, Score, F0Track, Labels)):
        return digest(value)
    if isinstance(value, Origin):
        return [_plain(value.path, files), value.parts, value.pedal]
    if isinstance(value, Statement):
        return [value.name, value.model_dump(mode="json"), digest_paths({value.name: value})]
    if isinstance(value, Mapping):
        return {key: _plain(one, files) for key, one in value.items()}
    if isinstance(value, (str, os.PathLike)):
        return digest_path(Path(value)) if files and os.path.exists(value) else os.fspath(value)
    return [_plain(one, files) for one in value] if isinstance(value, Iterable) else value


def _is_empty(value: Any) -> bool:
    """Whether nothing was given, in whichever of the ways to say so."""
    return value is None or (isinstance(value, (str, Mapping, tuple, list)) and not value)
