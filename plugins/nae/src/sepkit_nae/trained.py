"""The trained form: one nonnegative decoder for every source, and one encoder that finds them all in a mixture.

References
----------
Smaragdis and Venkataramani, "A neural network alternative to non-negative audio models", ICASSP 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sepkit.errors import ConfigError, WeightsError
from sepkit.music.audio import Audio
from sepkit.neural import Checkpoint
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom, Layout
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.spectral import STFT, soft_masks
from sepkit_nae.config import NAEConfig
from sepkit_nae.model import Autoencoder, stacked_frames
from sepkit_nae.statements import FactorStatements
from sepkit_nae.training_config import NAETraining
from sepkit_nmf import factorize, normalized
from sepkit_nmf.config import fastest_solver

METHOD = "nae"
# Activations that the encoder silences start a fit at this share of the mean: multiplied, a zero stays zero.
LEAST_START = 1e-2
# Beyond what any recording leads to; sums of products of two such numbers are still within float32.
_LARGEST = 1e15


class SourceAutoencoder(Autoencoder):
    """An autoencoder whose atoms belong to sources, equally many to each, in their order.

    Without biases it is positively homogeneous: a louder mixture gives equally larger activations.

    Parameters
    ----------
    bins, sources, rank : int
        `rank` atoms for each source.
    context_frames, encoder_hidden
        As of `Autoencoder`.
    """

    def __init__(
        self, bins: int, sources: int, rank: int, *, context_frames: int = 0, encoder_hidden: Sequence[int] = ()
    ) -> None:
        super().__init__(bins, sources * rank, context_frames=context_frames, encoder_hidden=encoder_hidden)
        self.rank = rank

    def forward(self, X: Tensor) -> Tensor:
        """Magnitudes of all sources from frames of a mixture.

        Parameters
        ----------
        X : Tensor [shape=((2 * context_frames + 1) * bins, frames)]

        Returns
        -------
        Y : Tensor [shape=(sources, bins, frames)]
        """
        return source_magnitudes(self.decoder, self.encode(X), self.rank)


@dataclass(frozen=True, eq=False)
class TrainedAutoencoder:
    """A trained model and what belongs to it.

    Attributes
    ----------
    model : SourceAutoencoder
    stft : STFT
        The transform of the spectrograms that it was trained on.
    sources : tuple of str
    sample_rate : int
        In Hz.
    """

    model: SourceAutoencoder
    stft: STFT
    sources: tuple[str, ...]
    sample_rate: int

    @classmethod
    def read(cls, folder: Path, device: torch.device) -> TrainedAutoencoder:
        """Read a checkpoint of `sepkit train nae`.

        Raises
        ------
        WeightsError
            If it is missing, damaged, or of another method.
        """
        checkpoint = Checkpoint.read(folder, METHOD)
        config = checkpoint.options(NAETraining)
        stft = STFT.of_duration(config.window_s, config.overlap, checkpoint.sample_rate)
        model = checkpoint.built(lambda: build(config, stft, len(checkpoint.sources)))
        if bool((model.decoder < 0).any()):
            raise WeightsError(f"the weights in {folder} have templates below zero; train or fetch others")
        return cls(model.to(device), stft, checkpoint.sources, checkpoint.sample_rate)

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """Whose every atom is; of their pitches nothing is known."""
        return tuple(Atom(source) for source in self.sources for _ in range(self.model.rank))

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(weights.numel() for weights in self.model.parameters())

    def separate(self, problem: Problem, config: NAEConfig, run: Run) -> Mapping[str, Audio]:
        """Separate one mixture: encode it, or fit activations to it, and share it out by soft masks.

        Raises
        ------
        ConfigError
            If a prior has no say.
        """
        mixture = problem.mixture
        samples, rate = mixture.samples[0], mixture.sample_rate
        stft, model = self.stft, self.model
        layout = problem.layout(
            bins_hz=stft.bins_hz(rate), frames_s=stft.frames_s(len(samples), rate), atoms=self.atoms
        )
        statements = FactorStatements.of(problem, layout, model.decoder.device)
        refuse_priors(statements, config)
        W = statements.templates.project(model.decoder)
        whole = self._at_once(samples, W, statements, config, run)
        found = []

        def masked(block: slice) -> NDArray[np.complexfloating]:
            if whole is None:
                spectrum, H = self.encode(samples, block)
                H = statements.activations.within_support(H, block)
            else:
                spectrum, H = stft.forward(samples, block), whole[:, block]
            found.append(H)
            magnitudes = source_magnitudes(W, H, model.rank).cpu().numpy()
            require_bounded(magnitudes)
            shared: NDArray[np.complexfloating] = soft_masks(magnitudes, config.mask_exponent) * spectrum
            return shared

        stems = stft.synthesize(masked, (len(self.sources), len(samples)), steps=partial(run.steps, stage="filter"))
        report(layout, statements, W, torch.cat(found, dim=1), run)
        return {name: Audio(stem[np.newaxis], rate) for name, stem in zip(self.sources, stems, strict=True)}

    def _at_once(
        self, samples: NDArray[np.float32], W: Tensor, statements: FactorStatements, config: NAEConfig, run: Run
    ) -> Tensor | None:
        """Activations for which all frames are needed: fitted or projected ones. None where it takes the encoder alone,
        which can do with one pass over the mixture.
        """
        refit = config.inference == "refit"
        if not refit and not statements.activations.projects:
            return None
        H = statements.activations.project(self.activations(samples, run))
        return refitted(self.stft.magnitude(samples), W, H, statements, config, run) if refit else H

    def activations(self, samples: NDArray[np.float32], run: Run) -> Tensor:
        """Those of all frames, as the encoder finds them [shape=(atoms, frames)]."""
        blocks = list(self.stft.blocks(len(samples)))
        steps = run.steps(len(blocks), "encode")
        return torch.cat([self.encode(samples, blocks[index])[1] for index in steps], dim=1)

    @torch.no_grad()
    def encode(self, samples: NDArray[np.float32], block: slice) -> tuple[NDArray[np.complexfloating], Tensor]:
        """The spectrum of some frames of a mixture, and what the encoder finds in them.

        Parameters
        ----------
        samples : ndarray [shape=(samples,)]
        block : slice
            Of frames.

        Returns
        -------
        spectrum : ndarray [shape=(bins, frames of the block)]
        H : Tensor [shape=(atoms, frames of the block)]
        """
        context = self.model.context_frames
        seen = slice(max(0, block.start - context), min(self.stft.frames(len(samples)), block.stop + context))
        within = slice(block.start - seen.start, block.stop - seen.start)
        spectrum = self.stft.forward(samples, seen)
        V = torch.from_numpy(np.abs(spectrum)).to(self.model.decoder.device)
        return spectrum[:, within], self.model.encode(stacked_frames(V, within, context))


def build(config: NAETraining, stft: STFT, sources: int) -> SourceAutoencoder:
    """The model that `config` describes, its weights still to be filled."""
    return SourceAutoencoder(
        stft.bins,
        sources,
        config.rank,
        context_frames=config.context_frames,
        encoder_hidden=config.encoder_hidden,
    )


def source_magnitudes(W: Tensor, H: Tensor, rank: int) -> Tensor:
    """What the decoder of every source makes of its activations.

    Parameters
    ----------
    W : Tensor [shape=(bins, sources * rank)]
    H : Tensor [shape=(sources * rank, frames)]
    rank : int
        Number of atoms of each source.

    Returns
    -------
    Y : Tensor [shape=(sources, bins, frames)]
    """
    # Transposed, so that it lies in memory as the spectrum does.
    Y = H.reshape(-1, rank, H.shape[1]).mT @ W.reshape(len(W), -1, rank).permute(1, 2, 0)
    return Y.mT


def refitted(
    V: NDArray[np.floating], W: Tensor, H: Tensor, statements: FactorStatements, config: NAEConfig, run: Run
) -> Tensor:
    """Fit activations to a spectrogram, which is overwritten, by multiplicative updates from those of the encoder.

    The decoders stay as they are, which is how Smaragdis and Venkataramani (2017) separate.
    """
    on_activations = statements.activations
    scale = float(V.mean(dtype=np.float64))
    if scale == 0:
        return H
    start = (H / scale).cpu().numpy()
    require_bounded(start)
    require_bounded(W.cpu().numpy())
    fit = factorize(
        normalized(V),
        W.cpu().numpy(),
        np.maximum(start, LEAST_START * (start.mean() or 1.0)),
        beta=config.beta,
        solver=fastest_solver(config.beta),
        max_iterations=config.iterations,
        tolerance=config.tolerance,
        free_w=False,
        support_h=on_activations.constraints.support(),
        densities_h=on_activations.densities,
        project_h=on_activations.constraints.beyond_support().project if on_activations.projects else None,
        steps=partial(run.steps, stage="fit"),
    )
    run.trace("cost", fit.costs)
    fitted: Tensor = torch.from_numpy(fit.H).to(H)
    return fitted * scale


def require_bounded(values: NDArray[np.floating]) -> None:
    """Refuse weights that give what is no number, or so large that products of it are none.

    Raises
    ------
    WeightsError
    """
    if not float(np.max(values, initial=0)) < _LARGEST:
        raise WeightsError("the weights of 'nae' find no usable numbers in this mixture; train or fetch others")


def refuse_priors(statements: FactorStatements, config: NAEConfig) -> None:
    """Trained templates are not weighed against priors any more, and an encoder weighs none.

    Raises
    ------
    ConfigError
    """
    if statements.templates.densities:
        raise ConfigError("trained templates stay as they are: priors on templates have no say; leave them out")
    if statements.activations.densities and config.inference == "encoder":
        raise ConfigError("a trained encoder weighs no priors on activations; leave them out, or set inference=refit")


def report(layout: Layout, statements: FactorStatements, W: Tensor, H: Tensor, run: Run) -> None:
    """Tell the host the final values, and how far constraints are from being met."""
    templates, activations = W.cpu().numpy(), H.cpu().numpy()
    run.keep(layout, {Domain.TEMPLATES: templates, Domain.ACTIVATIONS: activations})
    violations = statements.templates.constraints.violations(templates)
    run.report_violations({**violations, **statements.activations.constraints.violations(activations)})
