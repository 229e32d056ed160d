"""The prior: normalizing flows, one for every source."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from sepkit.errors import WeightsError
from sepkit.neural import Checkpoint
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Layout
from sepkit.problem.prior import Density, Prior
from sepkit_flow_sgld.bundled import bundled_weights
from sepkit_flow_sgld.density import FlowDensity, SourceFlow
from sepkit_flow_sgld.flow import Flow
from sepkit_flow_sgld.flow_options import SpectralFlowOptions, WaveformFlowOptions
from sepkit_flow_sgld.kinds import Kinds
from sepkit_flow_sgld.source_density import checkpoints_for, sample_rate_of
from sepkit_flow_sgld.spectral_flow import SpectralFlow

METHOD = "flow"
"""As which checkpoints are marked."""
FLOWS: Kinds[SourceFlow] = Kinds(
    "flow", {"waveform": (WaveformFlowOptions, Flow), "spectral": (SpectralFlowOptions, SpectralFlow)}
)
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

    @property
    def sample_rate(self) -> int:
        return sample_rate_of(self.weights or bundled_weights(), METHOD)

    def bind(self, layout: Layout, domain: Domain) -> Density:
        """The density of the stems that `layout` names; every channel of a stem counts for itself.

        Raises
        ------
        WeightsError
            If a source has no weights, or the mixture has another sample rate than they are for.
        """
        checkpoints = checkpoints_for(layout, self.weights or bundled_weights(), METHOD)
        return FlowDensity([loaded_flow(checkpoint) for checkpoint in checkpoints], layout.shape(domain))


def loaded_flow(checkpoint: Checkpoint) -> SourceFlow:
    """The flow of a checkpoint, whose weights are not to change any more.

    Raises
    ------
    WeightsError
        If there is no flow of its kind, the weights do not fit it, or they are none that a recording could give.
    """
    flow = FLOWS.loaded(checkpoint)
    if isinstance(flow, SpectralFlow) and float(flow.log_power.abs().max()) > _LARGEST_LOG_POWER:
        raise WeightsError(
            f"the weights of {', '.join(checkpoint.sources)} have powers that no recording has; train or fetch others"
        )
    return flow
