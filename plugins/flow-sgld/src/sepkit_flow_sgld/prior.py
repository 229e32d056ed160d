"""The prior: normalizing flows, one for every source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from sepkit.errors import WeightsError
from sepkit.neural import Checkpoint
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior
from sepkit_flow_sgld.bundled import bundled_weights
from sepkit_flow_sgld.density import FlowDensity, SourceFlow
from sepkit_flow_sgld.flow import Flow
from sepkit_flow_sgld.spectral_flow import SpectralFlow

METHOD = "flow"
"""As which checkpoints are marked."""
_KINDS: dict[str, type[SourceFlow]] = {"waveform": Flow, "spectral": SpectralFlow}


class FlowPrior(Prior):
    """Waveforms of every source are as likely as a normalizing flow says that was trained on that source alone.

    References
    ----------
    Frank and Ilse, "Problems using deep generative models for probabilistic audio source separation", 2020.
    """

    domains: ClassVar[frozenset[Domain]] = frozenset({Domain.WAVEFORMS})

    weights: Path | None = Field(
        default=None,
        description="Folder that holds one folder of weights for every source, as `sepkit train flow` writes it; by "
        "default that of the toy waveforms sine, square, saw and triangle.",
    )

    @property
    def name(self) -> str:
        return METHOD

    def bind(self, layout: Layout, domain: Domain) -> Density:
        """The density of the stems that `layout` names; every channel of a stem counts for itself.

        Raises
        ------
        WeightsError
            If a source has no weights, or the mixture has another sample rate than they are for.
        """
        checkpoints = checkpoints_of(layout.sources, self.weights or bundled_weights())
        rates = {checkpoint.sample_rate for checkpoint in checkpoints}
        rate = layout.mixture.sample_rate
        if rates != {rate}:
            wanted = " and ".join(f"{one} Hz" for one in sorted(rates))
            raise WeightsError(f"the flows' weights are for {wanted}, the mixture has {rate} Hz; resample it")
        return FlowDensity([loaded_flow(checkpoint) for checkpoint in checkpoints], layout.shape(domain))


def checkpoints_in(folder: Path) -> dict[str, Checkpoint]:
    """All checkpoints of flows in the folders of `folder`, by source.

    Raises
    ------
    WeightsError
        If there is none, or one is damaged.
    """
    found = [Checkpoint.read(place.parent, METHOD) for place in sorted(folder.glob("*/model.json"))]
    if not found:
        raise WeightsError(f"{folder} holds no folders with weights of flows; train some with: sepkit train flow")
    return {source: checkpoint for checkpoint in found for source in checkpoint.sources}


def checkpoints_of(sources: Sequence[str], folder: Path) -> list[Checkpoint]:
    """The checkpoint of every source, in order.

    Raises
    ------
    WeightsError
        If a source has none, with the names of those that have; or if one is damaged.
    """
    known = checkpoints_in(folder)
    unknown = [source for source in sources if source not in known]
    if unknown:
        raise WeightsError(
            f"there is no flow for '{unknown[0]}', {folder} has {', '.join(known)}; name the sources like those, or "
            "give other weights"
        )
    return [known[source] for source in sources]


def flow_of(config: Mapping[str, Any]) -> SourceFlow:
    """The flow that a checkpoint's `config` describes: its kind, by default a waveform flow, and that one's options.

    Raises
    ------
    WeightsError
        If there is no such kind.
    """
    options = dict(config)
    kind = options.pop("kind", "waveform")
    if kind not in _KINDS:
        raise WeightsError(f"there is no flow of kind '{kind}', only {', '.join(_KINDS)}; update sepkit-flow-sgld")
    return _KINDS[kind](**options)


def loaded_flow(checkpoint: Checkpoint) -> SourceFlow:
    """The flow of a checkpoint, whose weights are not to change any more."""
    flow = flow_of(checkpoint.config)
    checkpoint.load_into(flow)
    return flow.float().requires_grad_(False).eval()
