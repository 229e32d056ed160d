"""The files of a separation: its stems, what else was asked for, and the record of them all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sepkit.files import file_names, read_regular, sha256, staged_folder
from sepkit.music.audio import Audio
from sepkit.music.score import Score
from sepkit.problem.run import Writable
from sepkit.problem.variables import Variables
from sepkit.problem.variables_file import write_variables

RECORD = "separation.json"
FORMAT = 1
"""Of the record: it grows when a reader of older ones would misunderstand new ones."""
LARGEST_RECORD = 1 << 26
VARIABLES = "variables.npz"
_SCORE = "score.mid"
_LEARNED = ("model.json", "model.safetensors")
_WRITTEN = re.compile(
    r"(uncertainty/)?(?!\.)[^/\\:\0]+\.wav|" + "|".join(map(re.escape, (VARIABLES, _SCORE, *_LEARNED)))
)


def write_result(
    folder: Path,
    outputs: Mapping[str, Audio],
    uncertainty: Mapping[str, Audio],
    variables: Variables | None,
    score: Score | None,
    learned: Writable | None,
    record: Mapping[str, Any],
) -> dict[str, Path]:
    """Write ``<output>.wav`` for each, ``uncertainty/<source>.wav``, variables, notes, learned weights and the record.

    All or nothing.

    Returns
    -------
    files : dict of str to Path
        The file of every output.

    Raises
    ------
    WriteError
    """
    names = {output: f"{stem}.wav" for output, stem in file_names(outputs).items()}
    with staged_folder(folder, RECORD, files_of_record(folder)) as staging:
        for output, audio in outputs.items():
            audio.write(staging / names[output])
        if uncertainty:
            (staging / "uncertainty").mkdir()
        for source, stem in file_names(uncertainty).items():
            uncertainty[source].write(staging / "uncertainty" / f"{stem}.wav")
        if variables is not None:
            write_variables(staging / VARIABLES, variables)
        if score is not None:
            score.write(staging / _SCORE)
        if learned is not None:
            learned.write(staging)
        digests = {path.relative_to(staging).as_posix(): sha256(path) for path in sorted(staging.rglob("*.*"))}
        whole = {"format": FORMAT, **record, "folder": os.path.abspath(folder), "files": names, "digests": digests}
        text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
        (staging / RECORD).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    return {output: folder / name for output, name in names.items()}


def files_of_record(folder: Path) -> list[str]:
    """What the record in `folder`, if there is one, lists of the files there.

    A record may come from a stranger: nothing counts but WAV files in this folder and its ``uncertainty/``,
    ``variables.npz``, ``score.mid`` and the two files of learned weights.
    """
    try:
        record = json.loads(read_regular(folder / RECORD, LARGEST_RECORD))
        listed = [*record.get("digests", ()), *record["files"].values()]
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return []
    return sorted({name for name in listed if isinstance(name, str) and _WRITTEN.fullmatch(name)})
