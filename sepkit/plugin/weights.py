"""What a spec says of trained weights: those that ship with the plugin, and those that can be fetched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sepkit.errors import PluginError, fault_of
from sepkit.plugin.naming import import_object, require_import_string, require_name

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Trained weights of a method or prior, either in a folder of the plugin or to be fetched from a URL.

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
    url : str
        Of weights to be fetched: where they are. ``.zip``, ``.tar``, ``.tar.gz`` and their kin are unpacked.
    sha256 : str
        Digest of the file at `url`, in hexadecimal.
    size : int
        Of that file, in bytes.
    file : str
        Its name, for a `url` that does not end in one.

    Examples
    --------
    >>> Weights(
    ...     name="choir-voices",
    ...     licence="CC-BY-4.0",
    ...     source="trained on the Choral Singing Dataset (Cuesta et al., 2018) by A. Author",
    ...     url="https://zenodo.org/records/1/files/choir-voices.zip",
    ...     sha256="0" * 64,
    ...     size=12_400_000,
    ... ).file
    'choir-voices.zip'
    """

    name: str
    licence: str
    source: str
    folder: str = ""
    url: str = ""
    sha256: str = ""
    size: int = 0
    file: str = ""

    def __post_init__(self) -> None:
        require_name(self._label, self.name)
        for field_name in ("licence", "source"):
            text = getattr(self, field_name)
            if not isinstance(text, str) or not text.strip() or not text.isprintable():
                raise PluginError(f"{self._label}: the {field_name} needs to be one line of text, given {text!r}")
        if bool(self.folder) == bool(self.url):
            raise PluginError(
                f"{self._label}: give either the folder that ships with the plugin or a url to fetch from"
            )
        if self.folder:
            self._check_shipped()
        else:
            self._check_fetched()

    @property
    def ships(self) -> bool:
        """Whether they come with the plugin, so that there is nothing to fetch."""
        return bool(self.folder)

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

    def _check_shipped(self) -> None:
        require_import_string(self._label, "folder", self.folder, "function")
        superfluous = [name for name in ("sha256", "size", "file") if getattr(self, name)]
        if superfluous:
            raise PluginError(f"{self._label}: {', '.join(superfluous)} is for weights with a url; leave it out")

    def _check_fetched(self) -> None:
        from urllib.parse import unquote, urlsplit

        address = urlsplit(self.url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise PluginError(f"{self._label}: the url needs to begin with https://, given {self.url!r}")
        if not _SHA256.fullmatch(self.sha256):
            raise PluginError(f"{self._label}: sha256 needs to be 64 digits of 0-9 and a-f, given {self.sha256!r}")
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size <= 0:
            raise PluginError(f"{self._label}: size needs to be the number of bytes at the url, given {self.size!r}")
        if not self.file:
            object.__setattr__(self, "file", unquote(address.path.rpartition("/")[2]))
        if not re.fullmatch(r"[\w-][\w.+-]*", self.file):
            raise PluginError(
                f"{self._label}: file needs to be the name of a file, as in weights.zip, given {self.file!r}"
            )
