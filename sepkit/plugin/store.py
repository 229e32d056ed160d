"""Where weights lie, which are published, and which of them a caller means."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sepkit.errors import PluginError, UnknownNameError, WeightsError
from sepkit.files import sha256
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import TrainableSpec
from sepkit.plugin.weights import Weights

HOME = "SEPKIT_HOME"
"""Environment variable that names the folder for what is fetched; the platform's cache if it is not set."""


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """Weights that installed plugins publish.

    Attributes
    ----------
    weights : Weights
    specs : tuple of TrainableSpec
        The methods and priors that they are for.
    folder : Path or None
        Where they lie; None when they have not been fetched.
    fault : str
        Why those that ship with a plugin cannot be found, in one line; mostly empty.
    """

    weights: Weights
    specs: tuple[TrainableSpec, ...]
    folder: Path | None
    fault: str = ""


def home() -> Path:
    """The folder for what is fetched: that of ``SEPKIT_HOME``, or sepkit's in the platform's cache."""
    named = os.environ.get(HOME, "")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("sepkit", appauthor=False)


def place_of(weights: Weights) -> Path:
    """Where weights that are to be fetched will lie: weights of another digest have another place."""
    return home() / "weights" / f"{weights.name}-{weights.digest[:16]}"


def folder_of(weights: Weights) -> Path | None:
    """Where weights lie; None when they have not been fetched.

    Raises
    ------
    PluginError
        If they ship with a plugin that cannot say where.
    """
    if weights.ships:
        return weights.shipped_folder()
    place = place_of(weights)
    return place if place.is_dir() else None


def published_weights(registry: Registry | None = None) -> tuple[PublishedWeights, ...]:
    """All weights that installed methods and priors publish, sorted by name.

    Parameters
    ----------
    registry : Registry, optional
        By default one with all installed plugins.
    """
    registry = registry or Registry.discover()
    specs: tuple[TrainableSpec, ...] = (*registry.separators.values(), *registry.priors.values())
    having: dict[Weights, list[TrainableSpec]] = {}
    for spec in specs:
        for weights in spec.weights:
            having.setdefault(weights, []).append(spec)
    return tuple(_published(weights, tuple(having[weights])) for weights in sorted(having, key=lambda one: one.name))


def find_weights(name: str, registry: Registry) -> PublishedWeights:
    """The published weights of a name.

    Raises
    ------
    UnknownNameError
        If there are none, with the nearest names; or if several plugins publish different ones under it.
    """
    published = published_weights(registry)
    found = [one for one in published if one.weights.name == name]
    if not found:
        names = [one.weights.name for one in published]
        import difflib

        near = difflib.get_close_matches(name, names, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names) or 'none'}"
        raise UnknownNameError(f"no installed method or prior publishes weights '{name}'; {hint}")
    if len(found) > 1:
        rivals = " and ".join(f"{one.specs[0].kind} '{one.specs[0].name}'" for one in found)
        raise UnknownNameError(
            f"{rivals} publish different weights under the name '{name}'; leave the plugin of one out with "
            "SEPKIT_DISABLE_PLUGINS"
        )
    return found[0]


def default_folder(spec: TrainableSpec) -> Path | None:
    """The folder of the weights that are taken when the caller gives none, if there are such and they are there.

    Raises
    ------
    PluginError
        If they ship with a plugin that cannot say where.
    """
    return None if spec.default_weights is None else folder_of(spec.default_weights)


def chosen_weights(given: str | os.PathLike[str] | None, spec: TrainableSpec) -> Path | None:
    """Where the weights lie that a caller means.

    Parameters
    ----------
    given : path or str, optional
        A folder, a file, or the name of weights that `spec` publishes; what lies there goes over a name.
    spec : TrainableSpec

    Returns
    -------
    path : Path or None
        None when none were given and the method can do without.

    Raises
    ------
    WeightsError
        If there is no such folder or file, or the weights have not been fetched.
    PluginError
        If weights ship with a plugin that cannot say where.
    """
    if given is None:
        default = spec.default_weights
        return None if default is None else _present(default, spec)
    path = Path(given)
    if os.path.isdir(path) or os.path.isfile(path):
        return path
    names = {weights.name: weights for weights in spec.weights}
    if str(given) in names:
        return _present(names[str(given)], spec)
    hint = f"; {spec.kind} '{spec.name}' publishes {', '.join(names)}" if names else ""
    raise WeightsError(f"no such folder or file of weights: {path}{hint}")


def weights_at(folder: Path, spec: TrainableSpec) -> Weights | None:
    """The published weights of `spec` that lie in `folder`; None for weights of the caller's own."""
    for weights in spec.weights:
        place = folder_of(weights)
        if place is not None and place.resolve() == folder.resolve():
            return weights
    return None


def require_unchanged(folder: Path | None, spec: TrainableSpec) -> None:
    """See to it that published weights are what was fetched; of what an archive held nothing is known.

    Raises
    ------
    WeightsError
        If a file is not there, or has not the digest that was announced.
    """
    weights = None if folder is None else weights_at(folder, spec)
    if folder is None or weights is None:
        return
    for file in weights.files:
        if file.is_archive:
            continue
        try:
            changed = not sha256(folder / file.name).startswith(file.sha256)
        except OSError:
            changed = True
        if changed:
            raise WeightsError(
                f"weights '{weights.name}' in {folder} were changed since they were fetched: {file.name}; remove that "
                f"folder and fetch them again with: sepkit fetch {weights.name}"
            )


def _published(weights: Weights, specs: tuple[TrainableSpec, ...]) -> PublishedWeights:
    try:
        return PublishedWeights(weights=weights, specs=specs, folder=folder_of(weights))
    except PluginError as error:
        return PublishedWeights(weights=weights, specs=specs, folder=None, fault=str(error))


def _present(weights: Weights, spec: TrainableSpec) -> Path:
    folder = folder_of(weights)
    if folder is None:
        from rich.filesize import decimal

        raise WeightsError(
            f"{spec.kind} '{spec.name}' wants weights '{weights.name}', which have not been fetched ("
            f"{decimal(weights.size)}; {weights.source}; licence: {weights.licence}): fetch them with: "
            f"sepkit fetch {weights.name}; or give yours with weights=... or --weights"
        )
    if not os.path.isdir(folder):
        raise WeightsError(f"no such folder of weights: {folder}")
    return folder
