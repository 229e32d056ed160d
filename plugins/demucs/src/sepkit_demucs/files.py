"""The files of the networks: one alone, or a bag of several that a small file in YAML puts together."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import numpy as np
import yaml
from demucs.htdemucs import HTDemucs
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from sepkit.config import Config
from sepkit.errors import WeightsError
from sepkit.files import read_regular
from sepkit.neural import Checkpoint, read_safetensors
from sepkit.neural.record import MOST_BYTES, first_fault
from sepkit_demucs.architecture import build, read_architecture

METHOD = "demucs"
_SUFFIX = ".safetensors"

Signature = Annotated[str, Field(pattern=r"^[\w-]{1,64}$")]
Weight = Annotated[float, Field(ge=0, le=1e6)]


class _BagFile(Config):
    """What the small file says: which networks, how much each counts for every source, and the longest segment."""

    models: Annotated[tuple[Signature, ...], Field(min_length=1, max_length=64)]
    weights: tuple[tuple[Weight, ...], ...] | None = None
    segment: Annotated[float, Field(gt=0, le=600)] | None = None


@dataclass(frozen=True)
class Bag:
    """Networks that separate together.

    Attributes
    ----------
    networks : tuple of HTDemucs
    weights : ndarray [shape=(networks, sources)]
        How much each counts for every source; they sum to one for each.
    segment_s : Fraction
        Seconds that all can hear at once.
    unknown : tuple of str
        Arguments of the networks that the installed package does not know.
    """

    networks: tuple[HTDemucs, ...]
    weights: NDArray[np.float32]
    segment_s: Fraction
    unknown: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self.networks[0].sources)

    @property
    def sample_rate(self) -> int:
        return int(self.networks[0].samplerate)


def read_bag(path: Path) -> Bag:
    """Read the networks of a folder, or the one of a file.

    Pickled packages (``.th``), as demucs had them before version 4.1, are not read: they run code.

    Raises
    ------
    WeightsError
        If there are none, one is missing, damaged, of another class or not what it says, or they do not fit together.
    """
    bag, files = _files(path)
    networks: list[HTDemucs] = []
    unknown: set[str] = set()
    for file in files:
        network, left_out = _network(file)
        networks.append(network)
        unknown.update(left_out)
    first = networks[0]
    for network, file in zip(networks, files, strict=True):
        if (network.sources, network.samplerate) != (first.sources, first.samplerate):
            raise WeightsError(f"{file} and {files[0]} are of other sources or rates; give networks that fit together")
    segment_s = min(network.segment for network in networks)
    if bag.segment is not None:
        segment_s = min(segment_s, Fraction(bag.segment))
    shares = _shares(bag, len(networks), len(first.sources), path)
    return Bag(tuple(networks), shares, segment_s, tuple(sorted(unknown)))


def _network(file: Path) -> tuple[HTDemucs, tuple[str, ...]]:
    """The network of a file, and the arguments that it was made without."""
    if file.suffix != _SUFFIX:
        raise WeightsError(
            f"{file} is no file of safetensors, and others are not read, for they can run code; fetch some with: "
            "sepkit fetch htdemucs"
        )
    tensors, metadata = read_safetensors(file)
    architecture = read_architecture(metadata, str(file))
    checkpoint = Checkpoint(METHOD, {}, architecture.sources, architecture.samplerate, tensors)
    return checkpoint.built(lambda: build(architecture, str(file))), architecture.unknown


def _files(path: Path) -> tuple[_BagFile, list[Path]]:
    alone = _BagFile(models=("alone",))
    if path.is_file():
        return alone, [path]
    described = sorted(path.glob("*.yaml"))
    if len(described) > 1:
        names = ", ".join(file.name for file in described)
        raise WeightsError(f"{path} describes several bags of networks: {names}; keep one of them")
    if not described:
        found = sorted(path.glob(f"*{_SUFFIX}")) or sorted(path.glob("*.th"))[:1]
        if not found:
            raise WeightsError(f"{path} holds no networks; fetch some with: sepkit fetch htdemucs")
        if len(found) > 1:
            raise WeightsError(f"{path} holds {len(found)} networks and no .yaml that tells how; give the file of one")
        return alone, found
    bag = _described(described[0])
    files = [path / f"{signature}{_SUFFIX}" for signature in bag.models]
    absent = [file.name for file in files if not file.is_file()]
    if absent:
        raise WeightsError(f"{described[0]} names {', '.join(absent)}, which is not there; copy or fetch it again")
    return bag, files


def _described(file: Path) -> _BagFile:
    try:
        return _BagFile.model_validate(yaml.safe_load(read_regular(file, MOST_BYTES)))
    except ValidationError as error:
        raise WeightsError(f"{file} describes no bag of networks: {first_fault(error)}; fetch it again") from error
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise WeightsError(f"{file} cannot be read: {' '.join(str(error).split())[:120]}; fetch it again") from error


def _shares(bag: _BagFile, networks: int, sources: int, path: Path) -> NDArray[np.float32]:
    rows = bag.weights or ((1.0,) * sources,) * networks
    if [len(row) for row in rows] != [sources] * networks:
        raise WeightsError(
            f"the bag in {path} needs {networks} rows of {sources} weights, one for each source; fetch it again"
        )
    weights = np.array(rows)
    total = weights.sum(axis=0)
    if not total.all():
        raise WeightsError(f"no network in {path} counts for one of the sources; fetch it again")
    shares: NDArray[np.float32] = (weights / total).astype(np.float32)
    return shares
