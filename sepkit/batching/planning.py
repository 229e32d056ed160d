"""Which recordings are meant, and where the result of each goes."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from sepkit.errors import AudioError, ConfigError
from sepkit.files import file_names
from sepkit.music.audio import SUFFIXES
from sepkit.opening import as_spelt
from sepkit.solving.naming import PLAIN, FileNames, checked_pattern

BY_TRACK = f"{{track}}/{PLAIN}"
STDIN = "/dev/stdin"

_FIELDS = {"parent", "track", "source", "ext"}


def recordings(given: Iterable[str | os.PathLike[str]], output: str | os.PathLike[str]) -> list[Path]:
    """The files that are meant by files, folders, patterns and ``-``, each once.

    Of a folder all files are meant, in it and below, whose names end like those of recordings, but for hidden ones and
    for what lies in `output`; they are sorted by their paths.

    Parameters
    ----------
    given : iterable of path
        ``-`` is standard input.
    output : path
        Folder of results.

    Raises
    ------
    AudioError
        If there is no such file, or a folder or pattern has none.
    """
    found: dict[Path, None] = {}
    for one in given:
        found |= dict.fromkeys(_meant(os.fspath(one), os.path.abspath(output)))
    if not found:
        raise AudioError("no recordings were given; name files, folders or patterns such as '*.flac'")
    return list(found)


def names_of_files(
    paths: Iterable[Path], pattern: str = BY_TRACK, output: str | os.PathLike[str] = "."
) -> dict[Path, str]:
    """The pattern of the names of every recording's files, with ``{source}`` and ``{ext}``.

    Parameters
    ----------
    paths : iterable of Path
    pattern : str
        With ``{track}`` (the name of the recording without its ending), ``{parent}`` (of the folder that it lies in),
        ``{source}`` and ``{ext}``.
    output : path
        Folder of results, for messages.

    Raises
    ------
    ConfigError
        If there is no such pattern, or two recordings would share their files.
    """
    checked_pattern(pattern, _FIELDS)
    paths = list(paths)
    tracks = file_names(dict.fromkeys(path.stem for path in paths))
    parents = file_names(dict.fromkeys(_parent(path) for path in paths))
    names = {}
    for path in paths:
        fields = {"track": _literal(tracks[path.stem]), "parent": _literal(parents[_parent(path)])}
        names[path] = pattern.format(**fields, source="{source}", ext="{ext}")
    of_records = {path: FileNames(name).of_record for path, name in names.items()}
    counts = Counter(record.casefold() for record in of_records.values())
    twins = [path for path, record in of_records.items() if counts[record.casefold()] > 1]
    if twins:
        record = of_records[twins[0]]
        alike = [path for path in twins if of_records[path].casefold() == record.casefold()]
        where = f"the folder {Path(output, record).parent}" if pattern.endswith("/" + PLAIN) else f"files in {output}"
        raise ConfigError(
            f"{' and '.join(map(str, alike[:3]))}{' ...' * (len(alike) > 3)} would share {where}; run them apart, or "
            f"tell them apart by their folders with --name '{{parent}}/{BY_TRACK}'"
        )
    return names


def shard(paths: list[Path], number: int, count: int) -> list[Path]:
    """Every `count`-th of them, from the `number`-th on.

    Raises
    ------
    ConfigError
        Unless `number` is from 1 to `count`.
    """
    if not 1 <= number <= count:
        raise ConfigError(f"a shard needs a number from 1 to the count of shards, given {number} of {count}")
    return paths[number - 1 :: count]


def _meant(given: str, output: str) -> list[Path]:
    if given == "-":
        return [Path(STDIN)]
    path = as_spelt(Path(given))
    if os.path.isdir(path):
        found = sorted(_below(path, output))
        if not found:
            raise AudioError(
                f"the folder {path} holds no recordings: no file in it ends in .wav, .flac, .mp3 or the like"
            )
        return found
    if not os.path.lexists(path) and glob.has_magic(given):
        matches = [Path(match) for match in sorted(glob.glob(given, recursive=True))]
        found = [match for match in matches if match.is_file() and not _is_under(match, output)]
        if not found:
            raise AudioError(f"no file is named like {given}")
        return found
    if not os.path.exists(path):
        raise AudioError(f"no such audio file: {path}")
    return [path]


def _below(folder: Path, output: str) -> Iterable[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if not _is_under(Path(place), output):
            yield from (
                Path(place, name)
                for name in names
                if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES
            )


def _is_under(path: Path, output: str) -> bool:
    absolute = os.path.abspath(path)
    return absolute == output or absolute.startswith(os.path.join(output, ""))


def _parent(path: Path) -> str:
    return os.path.basename(os.path.dirname(os.path.abspath(path))) or "root"


def _literal(name: str) -> str:
    return name.replace("{", "{{").replace("}", "}}")
