"""The separator: train a network on the mixture, let it find the tones of every frame, share the mixture out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.neural import choose_device
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run
from sepkit.solving.adaptation import Adaptation
from sepkit_policy_unet.config import PolicyUNetConfig
from sepkit_policy_unet.frames import Frames
from sepkit_policy_unet.learning import learn, named
from sepkit_policy_unet.prediction import Prediction, predict, tone_model
from sepkit_policy_unet.sizes import sized
from sepkit_policy_unet.trained import Trained
from sepkit_sparse_pursuit.dictionary_separator import DictionarySeparator, silence
from sepkit_sparse_pursuit.piano_roll import piano_roll
from sepkit_sparse_pursuit.tones import Array
from sepkit_sparse_pursuit.trained import HARMONICS_OF
from sepkit_sparse_pursuit.transform import Transform


class PolicyUNet(DictionarySeparator[PolicyUNetConfig]):
    """Blind separation by a network that is trained on the one recording.

    In every frame a U-Net chooses tones, one after the other: which instrument, at which frequency, how inharmonic, and
    whether at all. Choices are trained by policy gradients; amplitudes, exact frequencies, and a spectrum with phases
    of each tone, by backpropagation; and with them the dictionary of the instruments' harmonics. Training starts from
    the dictionary of sparse pursuit, and by imitating its tones.

    References
    ----------
    Schulze, Leuschner and King, "Blind source separation in polyphonic music recordings using deep neural networks
    trained via policy gradients", Signals 2(4), 2021.
    """

    network: Trained | None = None

    def load(self, weights: Path | None, run: Run) -> None:
        """Take the network that an earlier separation trained."""
        self.network = None if weights is None else Trained.read(weights, choose_device(run))

    @property
    def parameters(self) -> int:
        return 0 if self.network is None else sum(one.numel() for one in self.network.model.parameters())

    @property
    def sources(self) -> tuple[str, ...]:
        return () if self.network is None else self.network.sources

    def separate(self, problem: Problem, run: Run) -> Mapping[str, Audio]:
        choose_device(run)
        examples = problem.side_information.examples
        size = sized(self.config.size, self.config.harmonics) if self.network is None else self.network.model.size
        names = problem.sources or tuple(examples) or self._numbered()
        adaptation = Adaptation.between(problem.mixture, size.sample_rate, 1)
        frames = Frames.of(size, adaptation.adapted().samples[0], run)
        if not len(frames.heard):
            return silence(problem, names, run)
        for remark in adaptation.remarks:
            run.remark(remark)
        trained = self.network
        if trained is None:
            known = self._known(examples, problem.mixture.sample_rate, run)
            model = learn(self.config, problem.mixture, frames, len(names), run)
            found = predict(model, frames, self.config.resynthesis, run)
            trained = named(model, found, names, known)
            run.identify(known)
            run.keep_learned(trained.checkpoint({"seed": run.seed}))
        else:
            run.identify(trained.sources)
            if examples:
                run.remark("the weights' dictionary was used as it is: the examples had nothing to add")
            found = predict(trained.model, frames, self.config.resynthesis, run)
        self._report(problem, trained, found, names, frames, run)
        stems = {name: Audio(found.stems[trained.instruments[name]][np.newaxis], size.sample_rate) for name in names}
        return adaptation.restored(stems, run)

    def _numbered(self) -> tuple[str, ...]:
        return tuple(f"instrument{number}" for number in range(1, self.config.instruments + 1))

    def _known(self, examples: Mapping[str, Sequence[Audio]], sample_rate: int, run: Run) -> dict[str, Array]:
        """The harmonics of instruments of which there are examples."""
        if not examples:
            return {}
        transform = Transform.of(self.config, sample_rate)
        return {name: self.learn_example(transform, name, examples[name], run) for name in examples}

    def _report(
        self, problem: Problem, trained: Trained, found: Prediction, names: tuple[str, ...], frames: Frames, run: Run
    ) -> None:
        """Dictionary and tones, in the order of the names."""
        rows = [trained.instruments[name] for name in names]
        dictionary: NDArray[np.floating] = trained.model.dictionary[0].detach().cpu().numpy()[rows]
        tones = replace(found.tones, instrument=np.argsort(rows)[found.tones.instrument])
        for name, harmonics in zip(names, dictionary, strict=True):
            run.trace(HARMONICS_OF + name, harmonics)
        rate = frames.size.sample_rate
        shown = tone_model(rate)
        atoms, templates, activations = piano_roll(shown, tones, dictionary, names)
        frames_s = frames.stft.frames_s(len(frames.samples), rate)
        layout = problem.layout(sources=names, bins_hz=shown.axis.bins_hz, frames_s=frames_s, atoms=atoms)
        run.keep(layout, {Domain.TEMPLATES: templates, Domain.ACTIVATIONS: activations})
