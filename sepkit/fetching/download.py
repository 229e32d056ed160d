"""Fetching: consent, download, digest, a folder that is there as a whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from sepkit.errors import OutputError, WeightsError, WriteError
from sepkit.fetching.archive import unpack
from sepkit.files import new_folder
from sepkit.plugin.registry import Registry
from sepkit.plugin.store import HOME, find_weights, place_of
from sepkit.plugin.weights import Weights, WeightsFile
from sepkit.problem.run import Cancel, Reporter, Run

_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 16
_TICK_BYTES = 1 << 20
_AS_STORED = {"Accept-Encoding": "identity"}
"""Compressed on the way, a file would have another length than announced."""
_ELSEWHERE = f"name another folder with {HOME}"


def fetch(
    name: str,
    *,
    accept_licence: bool = False,
    reporter: Reporter | None = None,
    cancel: Cancel | None = None,
    registry: Registry | None = None,
) -> Path:
    """The folder of published weights, which are downloaded if they are not there yet.

    They come into the folder that the environment variable ``SEPKIT_HOME`` names, or into the platform's cache.

    Parameters
    ----------
    name : str
        ``sepkit weights`` shows which there are.
    accept_licence : bool
        Whether you accept their licence. Nothing is downloaded if not; weights that are there need no consent.
    reporter : callable, optional
        Gets a `Progress` for every MiB.
    cancel : optional
        Anything with ``is_set()``, such as a `threading.Event`.
    registry : Registry, optional
        By default one with all installed plugins.

    Returns
    -------
    folder : Path
        For ``weights=``.

    Raises
    ------
    UnknownNameError
        If no installed method or prior publishes weights of this name.
    WeightsError
        If the licence is not accepted, the server cannot be reached or does not have them, or what it gives is not what
        the plugin announced.
    OutputError, WriteError
        If they cannot be written: no right to, the disk is full.
    PluginError
        If they ship with a plugin that cannot say where.
    Cancelled
        Nothing is left then.

    Examples
    --------
    >>> folder = sepkit.fetch("choir-voices", accept_licence=True)  # doctest: +SKIP
    """
    published = find_weights(name, registry or Registry.discover())
    weights = published.weights
    if weights.ships:
        return weights.shipped_folder()
    place = place_of(weights)
    if place.is_dir():
        return place
    if not accept_licence:
        from rich.filesize import decimal

        raise WeightsError(
            f"weights '{name}' ({decimal(weights.size)}; {weights.source}) come under the licence {weights.licence}; "
            "to accept it, fetch them with --accept-licence or accept_licence=True"
        )
    _require_room(weights, place)
    try:
        with (
            Run(reporter=reporter, cancel=cancel) as run,
            new_folder(place, _ELSEWHERE) as folder,
            tempfile.TemporaryDirectory(dir=folder) as aside,
        ):
            meter = _Meter(weights, run)
            for file in weights.files:
                got = Path(aside) / file.name
                _download(weights, file, got, meter)
                if file.is_archive:
                    unpack(got, folder)
                else:
                    os.replace(got, folder / file.name)
            meter.finish()
    except (OutputError, WriteError):
        # Another process may have been faster; its weights are the same.
        if not place.is_dir():
            raise
    return place


def _require_room(weights: Weights, place: Path) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        free_bytes = shutil.disk_usage(place.parent).free
    except OSError as error:
        raise OutputError(f"cannot write to folder {place.parent}: {error.strerror}; {_ELSEWHERE}") from error
    if free_bytes < weights.size:
        lacking = f"{weights.size} bytes are needed and {free_bytes} are free"
        raise WriteError(str(place), f"{lacking}; free some space or {_ELSEWHERE}")


def _download(weights: Weights, file: WeightsFile, target: Path, meter: _Meter) -> None:
    """Write the file at the URL to `target`, with its size and digest checked."""
    try:
        import requests
    except ImportError as error:
        raise WeightsError("fetching needs requests: pip install 'sepkit[fetch]'") from error

    digest, left_bytes = hashlib.sha256(), file.size
    host = urlsplit(file.url).netloc
    try:
        with (
            requests.get(file.url, stream=True, timeout=_TIMEOUT_S, headers=_AS_STORED) as response,
            open(target, "wb") as stream,
        ):
            response.raise_for_status()
            for chunk in response.iter_content(_CHUNK_BYTES):
                left_bytes -= len(chunk)
                if left_bytes < 0:
                    raise _unannounced(weights, file, f"more than the {file.size} bytes")
                meter.count(len(chunk))
                digest.update(chunk)
                stream.write(chunk)
    except requests.HTTPError as error:
        raise _failed(weights, f"the server answers {error}; try later, or update the plugin") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise _failed(weights, f"{host} broke off in the middle; try again") from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _failed(
            weights, f"cannot reach {host} ({type(error).__name__}); check the network and try again"
        ) from error
    except requests.RequestException as error:
        raise _failed(weights, f"{type(error).__name__} at {file.url}: {error}") from error
    if not digest.hexdigest().startswith(file.sha256):
        raise _unannounced(weights, file, f"a digest other than {file.sha256}")


class _Meter:
    """Counts bytes of all files, reports them, and stops when cancelled."""

    def __init__(self, weights: Weights, run: Run) -> None:
        self._run = run
        self._counted = self._ticked = 0
        self._ticks = run.steps(-(-weights.size // _TICK_BYTES), "download, MiB")
        next(self._ticks)

    def count(self, new: int) -> None:
        """Count bytes that have come; raises `Cancelled`."""
        self._run.check_cancelled()
        self._counted += new
        while self._ticked < self._counted // _TICK_BYTES:
            next(self._ticks, None)
            self._ticked += 1

    def finish(self) -> None:
        """Report that all is there."""
        for _ in self._ticks:
            pass


def _failed(weights: Weights, reason: str) -> WeightsError:
    return WeightsError(f"weights '{weights.name}' were not fetched: {reason}")


def _unannounced(weights: Weights, file: WeightsFile, what: str) -> WeightsError:
    return _failed(weights, f"{file.url} gives {what} that the plugin announces; nothing was kept, update the plugin")
