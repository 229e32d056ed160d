"""What a spec says of trained weights: those that ship with the plugin, and those that can be fetched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sepkit.errors import PluginError, fault_of
from sepkit.plugin.naming import import_object, require_import_string, require_name

_ARCHIVE = re.compile(r"\.zip$|\.tar(\.\w+)?$|\.t(gz|bz2|xz)$", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A file of weights that can be fetched.

    Attributes
    ----------
    url : str
        Where it is. ``.zip``, ``.tar``, ``.tar.gz`` and their kin are unpacked.
    sha256 : str
        Its digest, in hexadecimal; of a file whose publisher tells no more of it, the first digits, 8 at least.
    size : int
        In bytes; rounded up for a file whose publisher tells no more.
    name : str
        For a `url` that does not end in one.

    Examples
    --------
    >>> WeightsFile(url="https://zenodo.org/records/1/files/choir.zip", sha256="0" * 64, size=12_400_000).name
    'choir.zip'
    """

    url: str
    sha256: str
    size: int
    name: str = ""

    def __post_init__(self) -> None:
        from urllib.parse import unquote, urlsplit

        address = urlsplit(self.url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise PluginError(f"the url of weights needs to begin with https://, given {self.url!r}")
        if not _SHA256.fullmatch(self.sha256):
            raise PluginError(f"{self.url}: sha256 needs to be 64 digits of 0-9 and a-f, given {self.sha256!r}")
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size <= 0:
            raise PluginError(f"{self.url}: size needs to be the number of bytes there, given {self.size!r}")
        if not self.name:
            object.__setattr__(self, "name", unquote(address.path.rpartition("/")[2]))
        if not re.fullmatch(r"[\w-][\w.+-]*", self.name):
            raise PluginError(f"{self.url}: name needs to be that of a file, as in weights.zip, given {self.name!r}")

    @property
    def is_archive(self) -> bool:
        """Whether it is unpacked."""
        return _ARCHIVE.search(self.name) is not None


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Trained weights of a method or prior, either in a folder of the plugin or to be fetched.

    Attributes
    ----------
    name : str
        In kebab-case; what ``sepkit fetch NAME`` and ``--weights NAME`` take.
    licence : str
        Its SPDX identifier where it has one (``"CC-BY-4.0"``), else what is allowed, in one line.
    source : str
        Whose they are and what they were trained on: whom to credit, in one line.
    folder : str
        Of weights that ship with the plugin: import string of a function that gives their folder.
    files : tuple of WeightsFile
        Of weights to be fetched: all that come to lie in their folder.

    Examples
    --------
    >>> Weights(
    ...     name="choir-voices",
    ...     licence="CC-BY-4.0",
    ...     source="trained on the Choral Singing Dataset (Cuesta et al., 2018) by A. Author",
    ...     files=(WeightsFile(url="https://zenodo.org/records/1/files/choir.zip", sha256="0" * 64, size=12_400_000),),
    ... ).size
    12400000
    """

    name: str
    licence: str
    source: str
    folder: str = ""
    files: tuple[WeightsFile, ...] = ()

    def __post_init__(self) -> None:
        require_name(self._label, self.name)
        for field_name in ("licence", "source"):
            text = getattr(self, field_name)
            if not isinstance(text, str) or not text.strip() or not text.isprintable():
                raise PluginError(f"{self._label}: the {field_name} needs to be one line of text, given {text!r}")
        if bool(self.folder) == bool(self.files):
            raise PluginError(f"{self._label}: give either the folder that ships with the plugin or files to fetch")
        if self.folder:
            require_import_string(self._label, "folder", self.folder, "function")
        if not isinstance(self.files, tuple) or not all(isinstance(file, WeightsFile) for file in self.files):
            raise PluginError(f"{self._label}: files needs to be a tuple of sepkit.plugin.WeightsFile")
        if len({file.name.casefold() for file in self.files}) < len(self.files):
            names = ", ".join(file.name for file in self.files)
            raise PluginError(f"{self._label}: files need distinct names, given {names}")

    @property
    def ships(self) -> bool:
        """Whether they come with the plugin, so that there is nothing to fetch."""
        return bool(self.folder)

    @property
    def size(self) -> int:
        """Bytes to be fetched."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """SHA-256 over names and digests of the files to be fetched: other files are other weights."""
        import hashlib

        return hashlib.sha256("".join(f"{file.name} {file.sha256}\n" for file in self.files).encode()).hexdigest()

    def shipped_folder(self) -> Path:
        """The folder of weights that ship with the plugin.

        Raises
        ------
        PluginError
            If the function that gives it cannot be imported, or fails.
        """
        give = import_object(self._label, self.folder)
        try:
            return Path(give())
        except (Exception, SystemExit) as error:
            raise PluginError(f"{self._label}: {self.folder} fails with {fault_of(error)}") from error

    @property
    def _label(self) -> str:
        return f"weights '{self.name}'"
