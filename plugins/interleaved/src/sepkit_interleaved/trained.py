"""Weights as files: a folder for every encoder and decoder, and which encoder a decoder was trained on.

References
----------
Doire and Okubadejo, "Interleaved multitask learning for audio source separation with independent databases",
arXiv:1908.05182, 2019.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sepkit.errors import WeightsError
from sepkit.files import file_names
from sepkit.neural import Checkpoint
from sepkit_interleaved.config import DecoderOptions, NetworkOptions
from sepkit_interleaved.network import Decoder, SharedEncoder, count
from sepkit_interleaved.sizes import Plan
from sepkit_interleaved.training_config import InterleavedTraining

METHOD = "interleaved"


@dataclass(frozen=True, eq=False)
class Branch:
    """An encoder, and the decoders that were trained on it.

    Attributes
    ----------
    encoder : SharedEncoder
    decoders : dict of str to Decoder
        By target.
    about : dict of str to dict
        How each decoder came about; the encoder's is under the empty name.
    """

    encoder: SharedEncoder
    decoders: dict[str, Decoder]
    about: dict[str, dict[str, Any]]

    @torch.no_grad()
    def masks(self, heard: Tensor, targets: Collection[str]) -> dict[str, Tensor]:
        """Masks of those of its targets that are wanted; the encoder is applied once, or not at all for none."""
        wanted = {target: decoder for target, decoder in self.decoders.items() if target in targets}
        found = self.encoder(heard) if wanted else heard
        return {target: decoder(found) for target, decoder in wanted.items()}


@dataclass(frozen=True, eq=False)
class Trained:
    """Trained weights.

    Attributes
    ----------
    options : NetworkOptions
    sample_rate : int
        In Hz.
    branches : tuple of Branch
        One, unless decoders were trained independently.
    """

    options: NetworkOptions
    sample_rate: int
    branches: tuple[Branch, ...]

    @property
    def plan(self) -> Plan:
        """What the shapes of the networks follow from."""
        return Plan.of(self.options, self.sample_rate)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of all stems."""
        return tuple(target for branch in self.branches for target in branch.decoders)

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(count(module) for branch in self.branches for module in (branch.encoder, *branch.decoders.values()))

    def masks(self, heard: Tensor, targets: Sequence[str]) -> list[Tensor]:
        """Masks of some targets, in the order asked for; no encoder is applied twice, and no other decoder at all."""
        masks = {target: mask for branch in self.branches for target, mask in branch.masks(heard, targets).items()}
        return [masks[target] for target in targets]

    def tuned(self, given: InterleavedTraining) -> InterleavedTraining:
        """The options of a training that goes on from these weights.

        Raises
        ------
        ConfigError
            If those that describe the network, or its rate, are given as something else.
        """
        own = {**self.options.model_dump(mode="json"), "sample_rate": self.sample_rate}
        tuned = Checkpoint(METHOD, own, self.targets, self.sample_rate, {}).tuned_options(given, own.keys())
        # At a small rate encoder and decoders stay together: decoders need no steps of their own to catch up.
        return tuned if "decoder_steps" in given.model_fields_set else tuned.model_copy(update={"decoder_steps": 0})

    def write(self, folder: Path) -> None:
        """Write a folder for every module.

        Raises
        ------
        WriteError
        """
        names = file_names(self.targets)
        for row, branch in enumerate(self.branches):
            config = self.options.model_dump(mode="json")
            encoder = Checkpoint(
                METHOD,
                config,
                tuple(branch.decoders),
                self.sample_rate,
                branch.encoder.state_dict(),
                branch.about.get("", {}),
            )
            for target, decoder in branch.decoders.items():
                own = {**config, "encoder": digest_of(encoder)}
                about = branch.about.get(target, {})
                checkpoint = Checkpoint(METHOD, own, (target,), self.sample_rate, decoder.state_dict(), about)
                checkpoint.write(folder / f"decoder.{names[target]}")
            encoder.write(folder / ("encoder" if row == 0 else f"encoder.{row + 1}"))

    @classmethod
    def read(cls, folder: Path, device: torch.device) -> Trained:
        """Read what `write` wrote.

        Raises
        ------
        WeightsError
            If an encoder or decoder is missing, damaged, of another method or format, or does not fit the others.
        """
        encoders, decoders = _checkpoints(folder)
        digests = {digest_of(encoder): encoder for encoder in encoders}
        branches: dict[str, Branch] = {}
        seen: set[str] = set()
        for place, checkpoint in decoders.items():
            options, target = checkpoint.options(DecoderOptions), checkpoint.sources[0]
            encoder = digests.get(options.encoder)
            if encoder is None:
                raise WeightsError(
                    f"{place} was trained on another encoder than {folder} holds; put decoders together only with "
                    "theirs"
                )
            if target in seen:
                raise WeightsError(f"two folders in {folder} hold decoders of '{target}'; keep one of them")
            seen.add(target)
            plan = Plan.of(options, checkpoint.sample_rate)
            if options.encoder not in branches:
                built = encoder.built(partial(SharedEncoder, plan)).to(device)
                branches[options.encoder] = Branch(built, {}, {"": encoder.about})
            branches[options.encoder].decoders[target] = checkpoint.built(partial(Decoder, plan)).to(device)
            branches[options.encoder].about[target] = checkpoint.about
        shape = encoders[0].options(NetworkOptions)
        return cls(shape, encoders[0].sample_rate, tuple(branches.values()))


def digest_of(encoder: Checkpoint) -> str:
    """SHA-256 of an encoder: of its options, rate and weights, and of nothing that it is only known by."""
    digest = hashlib.sha256(json.dumps([encoder.config, encoder.sample_rate], sort_keys=True).encode())
    for name in sorted(encoder.tensors):
        values = encoder.tensors[name].detach().cpu().contiguous()
        digest.update(json.dumps([name, str(values.dtype), list(values.shape)]).encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()


def _checkpoints(folder: Path) -> tuple[list[Checkpoint], Mapping[Path, Checkpoint]]:
    """Encoders and decoders in the folders of `folder`, the decoders in the order of the encoders' targets."""
    encoders = [Checkpoint.read(place, METHOD) for place in _places(folder, "encoder")]
    decoders = {place: Checkpoint.read(place, METHOD) for place in _places(folder, "decoder")}
    if not encoders or not decoders:
        missing = "decoder" if encoders else "encoder"
        raise WeightsError(f"{folder} holds no {missing} of '{METHOD}'; train some with: sepkit train {METHOD}")
    for place, decoder in decoders.items():
        if len(decoder.sources) > 1:
            raise WeightsError(f"{place} claims to be of {', '.join(decoder.sources)}; a decoder is of one target")
    shapes = {(str(_shape(one)), one.sample_rate) for one in (*encoders, *decoders.values())}
    if len(shapes) > 1:
        raise WeightsError(f"{folder} holds networks of different sizes or sample rates; keep those of one training")
    order = [target for encoder in encoders for target in encoder.sources]

    def place_of(entry: tuple[Path, Checkpoint]) -> tuple[int, str]:
        target = entry[1].sources[0]
        return (order.index(target) if target in order else len(order), target)

    return encoders, dict(sorted(decoders.items(), key=place_of))


def _shape(checkpoint: Checkpoint) -> dict[str, Any]:
    return {key: value for key, value in checkpoint.config.items() if key != "encoder"}


def _places(folder: Path, kind: str) -> Iterator[Path]:
    for record in sorted(folder.glob("*/model.json")):
        if record.parent.name == kind or record.parent.name.startswith(f"{kind}."):
            yield record.parent
