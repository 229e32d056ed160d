"""The files of a separation: its stems, what else was asked for, and the record of them all."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sepkit import large
from sepkit.errors import AudioError, ConfigError
from sepkit.files import file_names, read_regular, sha256, staged_folder
from sepkit.music.audio import Audio
from sepkit.music.encoding import FORMATS, Encoding, encode
from sepkit.music.score import Score
from sepkit.plots.canvas import write_figure
from sepkit.problem.found_f0 import found_f0
from sepkit.problem.run import Writable
from sepkit.problem.variables import Variables
from sepkit.problem.variables_file import write_variables
from sepkit.solving.naming import FileNames

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RECORD = "separation.json"
FORMAT = 1
"""Of the record: it grows when a reader of older ones would misunderstand new ones."""
LARGEST_RECORD = 1 << 26
_LEARNED = ("model.json", "model.safetensors")


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written.

    Attributes
    ----------
    files : dict of str to Path
        The file of every stem, or of every output.
    record : Path
    remarks : tuple of str
        What was done to the sound on the way.
    """

    files: dict[str, Path]
    record: Path
    remarks: tuple[str, ...]


def write_result(
    folder: Path,
    names: FileNames,
    outputs: Mapping[str, Audio],
    *,
    encoding: Encoding,
    scales: bool,
    tags: Mapping[str, str],
    uncertainty: Mapping[str, Audio],
    variables: Variables | None,
    score: Score | None,
    picture: Figure | None,
    learned: Writable | None,
    record: Mapping[str, Any],
) -> Written:
    """Write a file for each output, ``uncertainty/<source>.wav``, variables, notes, picture, learned weights, record.

    All or nothing. Where `scales` says so, outputs above full scale make all of them softer alike in formats that end
    there.

    Raises
    ------
    AudioError
        If an output is above full scale otherwise, or its format does not know such sound.
    WriteError
    """
    gain, remarks = _gain(outputs, encoding, scales)
    base = folder / names.folder
    files = {output: names.of(stem, encoding.format) for output, stem in file_names(outputs).items()}
    shares = not names.owned and names.folder == "."
    before = files_of_record(base, names)
    if not names.owned:
        _require_free(base, names, set(files.values()) - set(before))
    with staged_folder(base, names.record, before, within=shares) as staging:
        for output, audio in outputs.items():
            dither = np.random.default_rng([zlib.crc32(output.encode(errors="replace")), record["seed"]])
            samples = audio.samples if gain == 1 else audio.samples * np.float32(gain)
            place = _placed(staging, files[output])
            encode(samples, audio.sample_rate, place, encoding, tags=tags, dither=dither)
        for source, stem in file_names(uncertainty).items():
            uncertainty[source].write(_placed(staging, names.of(f"uncertainty/{stem}", "wav")))
        if variables is not None:
            write_variables(_placed(staging, names.of("variables", "npz")), variables)
            tracks = found_f0(variables)
            for source, stem in file_names(tracks).items():
                tracks[source].write(_placed(staging, names.of(f"f0/{stem}", "csv")))
        if score is not None:
            score.write(_placed(staging, names.of("score", "mid")))
        if picture is not None:
            write_figure(_placed(staging, names.picture), picture)
        if learned is not None:
            place = staging / names.folder_of("model")
            place.mkdir(parents=True, exist_ok=True)
            learned.write(place)
        digests = {
            path.relative_to(staging).as_posix(): sha256(path) for path in sorted(staging.rglob("*")) if path.is_file()
        }
        whole = {"format": FORMAT, **record, "folder": os.path.abspath(base), "files": files, "digests": digests}
        whole |= {"remarks": [*record.get("remarks", ()), *remarks]}
        text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
        place = _placed(staging, names.record)
        place.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    return Written(
        files={output: base / name for output, name in files.items()}, record=base / names.record, remarks=remarks
    )


def files_of_record(base: Path, names: FileNames) -> list[str]:
    """What the record in a folder, if there is one, lists of the files there.

    A record may come from a stranger: nothing counts but files that a separation with these names writes.
    """
    try:
        record = json.loads(read_regular(base / names.record, LARGEST_RECORD))
        listed = [*record.get("digests", ()), *record["files"].values()]
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return []
    return sorted({name for name in listed if isinstance(name, str) and is_written(name, names)})


def is_written(name: str, names: FileNames) -> bool:
    """Whether a separation with these names can write a file of this name."""
    inside = names.folder_of("model")
    learned = [one if inside == "." else f"{inside}/{one}" for one in _LEARNED]
    of_all = (names.of("variables", "npz"), names.of("score", "mid"), names.picture, *learned)
    return name in of_all or names.is_stem(name, FORMATS) or names.is_stem(name, ("csv",), within=("f0/",))


def _require_free(base: Path, names: FileNames, files: set[str]) -> None:
    """No other separation has files of these names: ``a_{source}`` and ``a_b_{source}`` can mean the same one."""
    taken = [name for name in sorted(files) if (base / name).exists()]
    if not taken:
        return
    depth = len(Path(names.record).parts)
    for record in sorted(base.glob("/".join(["*"] * (depth - 1) + ["*.json"]))):
        try:
            listed = set(json.loads(read_regular(record, LARGEST_RECORD))["files"].values())
        except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
            continue
        if record != base / names.record and not listed.isdisjoint(taken):
            name = next(one for one in taken if one in listed)
            raise ConfigError(f"{base / name} is a file of {record}; give files other names, or folders of their own")


def _placed(staging: Path, name: str) -> Path:
    place = staging / name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _gain(outputs: Mapping[str, Audio], encoding: Encoding, scales: bool) -> tuple[float, tuple[str, ...]]:
    """By what all outputs are made softer, and what to tell of it."""
    if not encoding.ends_at_full_scale:
        return 1.0, ()
    peaks = {output: large.peak(audio.samples) for output, audio in outputs.items()}
    loudest = max(peaks, key=lambda output: peaks[output])
    if peaks[loudest] <= 1:
        return 1.0, ()
    over_db = 20 * np.log10(peaks[loudest])
    if not scales:
        raise AudioError(
            f"'{loudest}' peaks {over_db:.1f} dB above full scale, where {encoding.format} ({encoding.subtype}) ends; "
            "write wav (FLOAT), or make all stems softer alike with too_loud='scale' (--too-loud scale)"
        )
    return 1 / peaks[loudest], (
        f"all files are {over_db:.1f} dB softer than the separation: '{loudest}' was that much above full scale",
    )
