"""Which weights took part in a separation, for its provenance."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sepkit.errors import WeightsError
from sepkit.plugin.registry import Registry
from sepkit.plugin.specs import SeparatorSpec, TrainableSpec
from sepkit.plugin.store import default_folder, weights_at
from sepkit.problem.prior import Prior
from sepkit.solving.digests import MOST_BYTES, digest_path, is_beyond


def weights_used(
    spec: SeparatorSpec, weights: Path | None, priors: Iterable[Prior], registry: Registry
) -> tuple[dict[str, Any], ...]:
    """What is known of the weights of a method and of its priors.

    A prior has its weights from its option ``weights``, and those that ship with its plugin when that is None.

    Parameters
    ----------
    spec : SeparatorSpec
    weights : Path or None
        The folder or file that the method loads.
    priors : iterable of Prior
    registry : Registry

    Returns
    -------
    records : tuple of dict
        ``for`` (what they belong to) and ``digest``; of published ones ``name``, ``licence`` and ``source``, else
        None; and ``files``, the URL and SHA-256 of each that was fetched.

    Raises
    ------
    ConfigError
        If they cannot be read.
    WeightsError
        If they are larger than any weights.
    """
    own = () if weights is None else (_record(spec, weights),)
    return own + weights_of_priors(priors, registry)


def weights_of_priors(priors: Iterable[Prior], registry: Registry) -> tuple[dict[str, Any], ...]:
    """What is known of the weights of priors, as of `weights_used`."""
    used: list[tuple[TrainableSpec, Path | None]] = []
    for prior in priors:
        published = registry.priors.get(prior.name)
        if published is not None and "weights" in type(prior).model_fields:
            given = getattr(prior, "weights", None)
            used.append((published, Path(given) if given else default_folder(published)))
    return tuple(_record(owner, folder) for owner, folder in used if folder is not None)


def _record(spec: TrainableSpec, folder: Path) -> dict[str, Any]:
    weights = weights_at(folder, spec)
    if is_beyond(folder, MOST_BYTES):
        raise WeightsError(
            f"{folder} holds more than the {MOST_BYTES >> 30} GiB of any weights; give the weights alone"
        )
    return {
        "for": f"{spec.kind} '{spec.name}'",
        "digest": digest_path(folder),
        "name": weights.name if weights else None,
        "licence": weights.licence if weights else None,
        "source": weights.source if weights else None,
        "files": [{"url": file.url, "sha256": file.sha256} for file in weights.files] if weights else [],
    }
