"""The prior: normalizing flows, one for every source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from sepkit.errors import WeightsError
from sepkit.neural import Checkpoint, read_by_source
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior
from sepkit_flow_sgld.bundled import bundled_weights
from sepkit_flow_sgld.density import FlowDensity, SourceFlow
from sepkit_flow_sgld.flow import Flow
from sepkit_flow_sgld.flow_options import FlowOptions, SpectralFlowOptions, WaveformFlowOptions
from sepkit_flow_sgld.spectral_flow import SpectralFlow

METHOD = "flow"
"""As which checkpoints are marked."""
_LARGEST_LOG_POWER = 80.0
"""Of a frequency, in nats: far from where exponentials leave the range of float32."""


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
        checkpoints = checkpoints_of(layout.sources, self.weights or bundled_weights(), METHOD)
        learned, rate = checkpoints[0].sample_rate, layout.mixture.sample_rate
        if learned != rate:
            raise WeightsError(f"the flows' weights are for {learned} Hz, the mixture has {rate} Hz; resample it")
        return FlowDensity([loaded_flow(checkpoint) for checkpoint in checkpoints], layout.shape(domain))


def checkpoints_of(sources: Sequence[str], folder: Path, method: str) -> list[Checkpoint]:
    """The checkpoint of every source, in order.

    Raises
    ------
    WeightsError
        If a source has none, with the names of those that have; or if one is damaged.
    """
    known = read_by_source(folder, method)
    unknown = [source for source in sources if source not in known]
    if unknown:
        raise WeightsError(
            f"there is no {method} for '{unknown[0]}', {folder} has {', '.join(known)}; name the sources like those, "
            "or give other weights"
        )
    return [known[source] for source in sources]


def flow_of(options: FlowOptions) -> SourceFlow:
    """The flow with these options, its weights still to be drawn."""
    kind = Flow if isinstance(options, WaveformFlowOptions) else SpectralFlow
    flow: SourceFlow = kind(**options.model_dump(exclude={"kind"}))
    return flow


def loaded_flow(checkpoint: Checkpoint) -> SourceFlow:
    """The flow of a checkpoint, whose weights are not to change any more.

    Raises
    ------
    WeightsError
        If there is no flow of its kind, or the weights do not fit it.
    """
    kind = checkpoint.config.get("kind", "waveform")
    if kind not in ("waveform", "spectral"):
        raise WeightsError(
            f"the weights of {', '.join(checkpoint.sources)} are of another kind of flow than waveform and spectral; "
            "update sepkit-flow-sgld"
        )
    options = checkpoint.options(WaveformFlowOptions if kind == "waveform" else SpectralFlowOptions)
    flow = checkpoint.built(lambda: flow_of(options))
    if isinstance(flow, SpectralFlow) and float(flow.log_power.abs().max()) > _LARGEST_LOG_POWER:
        raise WeightsError(
            f"the weights of {', '.join(checkpoint.sources)} have powers that no recording has; train or fetch others"
        )
    return flow
