"""What installed distributions say of their plugins, read one by one: damage to one says nothing of the others.

Distributions of the same name are resolved as importlib does: the first one on the path counts. The format is that of
https://packaging.python.org/en/latest/specifications/entry-points/.

Folders on the path are read here, because to import `importlib.metadata` takes longer than to import all plugins; it is
asked where distributions lie in archives, or where somebody's importer has them.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any

from sepkit.errors import one_line, reason_of

GROUP = "sepkit"
_FILE = "entry_points.txt"
_HEADERS = ("METADATA", "PKG-INFO", "")
"""Files with the name and version; the last one is for a distribution whose metadata are one file."""
_LARGEST = 1 << 20


class EntryPoint:
    """A plugin as its distribution declares it.

    Parameters
    ----------
    name : str
    value : str
        The module, and perhaps something in it: ``"package.plugin"``, ``"package.plugin:attribute"``.
    """

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value
        # Extras in brackets are from an older form and mean nothing any more.
        module, _, self._attributes = (part.strip() for part in value.partition("[")[0].partition(":"))
        self.module = module if re.fullmatch(r"[\w.]+", module) else ""

    def load(self) -> Any:
        """Import it."""
        found = import_module(self.module)
        for attribute in filter(None, self._attributes.split(".")):
            found = getattr(found, attribute)
        return found


@dataclass(frozen=True, eq=False)
class Package:
    """An installed distribution, whose own metadata may be missing or damaged.

    Attributes
    ----------
    place : str
        Its folder of metadata; empty when its importer does not say, and when whoever searched for it failed.
    read : callable
        Gives the text of one of its files of metadata by name, None where there is none.
    """

    place: str
    read: Callable[[str], str | None]

    @property
    def name(self) -> str:
        """As the metadata has it, or else as its folder is called."""
        return self._header("name") or self._stem.partition("-")[0] or "unnamed"

    @property
    def version(self) -> str | None:
        """As the metadata has it, or else as its folder is called; None where neither says."""
        return self._header("version") or self._stem.partition("-")[2] or None

    @property
    def key(self) -> str:
        """Equal for distributions of the same name."""
        # Reading all metadata would take longer than all else; the name of the folder tells the same.
        in_place = self._stem.partition("-")[0] if self.place.endswith("-info") else ""
        return re.sub(r"[-_.]+", "-", in_place or self.name).lower()

    @property
    def is_empty(self) -> bool:
        """Whether there is a folder of metadata and nothing in it: what an installer left behind."""
        try:
            return not os.listdir(self.place)
        except OSError:
            return False

    @property
    def _stem(self) -> str:
        return re.split(r"[\\/]", self.place.rstrip("\\/"))[-1].rpartition(".")[0]

    def _header(self, field: str) -> str | None:
        for file in _HEADERS:
            try:
                text = self.read(file)
            except Exception:
                continue
            for line in (text or "").splitlines():
                key, colon, value = line.partition(":")
                if not colon:
                    break
                if key.strip().lower() == field:
                    return one_line(value) or None
        return None


@dataclass(frozen=True, eq=False)
class Found:
    """What one distribution declares for sepkit, or why it cannot be told.

    Attributes
    ----------
    package : Package
    points : tuple of EntryPoint
        In the order of the file.
    fault : str
        In one line; empty when all is well.
    """

    package: Package
    points: tuple[EntryPoint, ...] = ()
    fault: str = ""


def installed() -> Iterator[Found]:
    """What the installed distributions declare for sepkit; those that have nothing to do with it are left out."""
    first_of: dict[str, Found] = {}
    for package in _packages():
        if isinstance(package, Found):
            yield package
            continue
        found = _read(package)
        first = first_of.setdefault(package.key, found)
        if first is not found and found.points and first.package.is_empty:
            hidden = f"is hidden by the empty folder {first.package.place}, a left-over; remove that folder"
            first_of[package.key] = found  # One hint is enough, however many more there are.
            yield Found(package, fault=f"{package.place} {hidden}")
        elif first is found and (found.points or found.fault):
            yield found


def _packages() -> Iterator[Package | Found]:
    """All installed distributions, in the order in which they are found, and why some could not be searched for."""
    for finder in sys.meta_path:
        yield from _packages_of(finder)


def _packages_of(finder: Any) -> Iterator[Package | Found]:
    try:
        if finder is PathFinder:
            for place in sys.path:
                yield from _packages_at(os.fspath(place) or ".")
        elif hasattr(finder, "find_distributions"):
            from importlib.metadata import DistributionFinder

            yield from map(_of_importer, finder.find_distributions(DistributionFinder.Context()))
    except Exception as error:
        fault = f"a search for installed packages failed: {reason_of(error)}"
        yield Found(Package("", lambda file: None), fault=fault)


def _packages_at(place: str) -> Iterator[Package]:
    if os.path.isfile(place):
        from importlib.metadata import distributions

        yield from map(_of_importer, distributions(path=[place]))
        return
    try:
        names = os.listdir(place)
    except OSError:
        return
    for name in names:
        lower = name.lower()
        if lower.endswith((".dist-info", ".egg-info")) or (lower == "egg-info" and place.lower().endswith(".egg")):
            folder = os.path.join(place, name)
            yield Package(folder, partial(_read_text, folder))


def _of_importer(distribution: Any) -> Package:
    # importlib keeps the place to itself; importers of another kind may have none.
    return Package(str(getattr(distribution, "_path", "")), distribution.read_text)


def _read_text(folder: str, file: str) -> str | None:
    try:
        with open(os.path.join(folder, file) if file else folder, encoding="utf-8") as stream:
            return stream.read()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
        return None


def _read(package: Package) -> Found:
    try:
        lines = [line for line in map(str.strip, _text(package).splitlines()) if line and not line.startswith("#")]
        _check(lines)
    except Exception as error:
        remedy = f"install {package.name} again, or remove {package.place or 'it'}"
        return Found(package, fault=f"its {_FILE} cannot be used: {reason_of(error)}; {remedy}")
    section, points = "", []
    for line in lines:
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif section == GROUP:
            name, _, value = line.partition("=")
            points.append(EntryPoint(name.strip(), value.strip()))
    return Found(package, tuple(points))


def _text(package: Package) -> str:
    try:
        status = os.stat(os.path.join(package.place, _FILE))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        # In an archive, or not at a place at all: the distribution itself knows.
        return package.read(_FILE) or ""
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
        raise ValueError(f"it is no regular file of at most {_LARGEST} bytes")
    text = package.read(_FILE)
    if text is None:
        raise ValueError("it may not be read")
    return text


def _check(lines: list[str]) -> None:
    """Say in plain words what readers of this format would stumble over, or pass over in silence."""
    in_section = False
    for line in lines:
        if line.startswith("[") and line.endswith("]"):
            in_section = True
        elif line.startswith("\ufeff"):
            raise ValueError("it begins with a byte-order mark, which hides its first section")
        elif not in_section:
            raise ValueError(f"{one_line(line, 60)!r} stands before the first [section], where nobody reads it")
        elif "=" not in line:
            raise ValueError(f"{one_line(line, 60)!r} is not of the form 'name = module'")
