"""What installed distributions say of their plugins, read one by one: damage to one says nothing of the others.

Distributions of the same name are resolved as importlib does: the first one on the path counts. The format is that of
https://packaging.python.org/en/latest/specifications/entry-points/.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint

from sepkit.errors import one_line, reason_of

GROUP = "sepkit"
_FILE = "entry_points.txt"
_LARGEST = 1 << 20


@dataclass(frozen=True)
class Package:
    """An installed distribution, whose own metadata may be missing or damaged.

    Attributes
    ----------
    dist : importlib.metadata.Distribution or None
        None when whoever searched for it failed.
    place : str
        Its folder of metadata; empty when its importer does not say.
    """

    dist: Distribution | None
    place: str

    @property
    def name(self) -> str:
        """As the metadata has it, or else as its folder is called."""
        return self._header("Name") or self._stem.partition("-")[0] or "unnamed"

    @property
    def version(self) -> str | None:
        """As the metadata has it, or else as its folder is called; None where neither says."""
        return self._header("Version") or self._stem.partition("-")[2] or None

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
        try:
            # Asked for by items, because a missing header that is asked for by its name is deprecated.
            headers = {key.title(): str(value) for key, value in self.dist.metadata.items()}  # type: ignore[union-attr]
        except Exception:
            return None
        return one_line(headers.get(field, "")) or None


@dataclass(frozen=True)
class Found:
    """What one distribution declares for sepkit, or why it cannot be told.

    Attributes
    ----------
    package : Package
    points : tuple of importlib.metadata.EntryPoint
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
    distributions: Iterator[Distribution] | None = None
    while True:
        try:
            distributions = distributions or iter(importlib.metadata.distributions())
            dist = next(distributions, None)
        except Exception as error:
            yield Found(Package(None, ""), fault=f"the search for installed packages failed: {reason_of(error)}")
            return
        if dist is None:
            return
        # importlib keeps the place to itself; importers of another kind may have none.
        package = Package(dist, str(getattr(dist, "_path", "")))
        found = _read(package, dist)
        first = first_of.setdefault(package.key, found)
        if first is not found and found.points and first.package.is_empty:
            hidden = f"is hidden by the empty folder {first.package.place}, a left-over; remove that folder"
            first_of[package.key] = found  # One hint is enough, however many more there are.
            yield Found(package, fault=f"{package.place} {hidden}")
        elif first is found and (found.points or found.fault):
            yield found


def _read(package: Package, dist: Distribution) -> Found:
    try:
        text = _text(package, dist)
        lines = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
        _check(lines)
        points = tuple(dist.entry_points.select(group=GROUP)) if f"[{GROUP}]" in lines else ()
    except Exception as error:
        remedy = f"install {package.name} again, or remove {package.place or 'it'}"
        return Found(package, fault=f"its {_FILE} cannot be used: {reason_of(error)}; {remedy}")
    return Found(package, points)


def _text(package: Package, dist: Distribution) -> str:
    try:
        status = os.stat(os.path.join(package.place, _FILE))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        # In an archive, or not at a place at all: the distribution itself knows.
        return dist.read_text(_FILE) or ""
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
        raise ValueError(f"it is no regular file of at most {_LARGEST} bytes")
    text = dist.read_text(_FILE)
    if text is None:
        raise ValueError("it may not be read")
    return text


def _check(lines: list[str]) -> None:
    """Say in plain words what importlib would stumble over, or pass over in silence."""
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
