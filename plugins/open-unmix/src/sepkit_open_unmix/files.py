"""The files of the networks: those that the authors published, and those that their training writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError
from torch import Tensor

from sepkit.config import Config
from sepkit.errors import WeightsError
from sepkit.files import read_regular, sha256
from sepkit.neural import Checkpoint, read_state_dict
from sepkit.neural.record import MOST_BYTES, first_fault
from sepkit_open_unmix.network import Sizes, TargetNetwork

METHOD = "open-unmix"
CHANNELS = 2
_SETTINGS = "separator.json"
_NAME = re.compile(r"(?P<target>.+?)(?:[-_](?P<digest>[0-9a-f]{8}))?\.pth")
_NOT_THE_NETWORKS = ("stft.window", "transform.0.window", "sample_rate")
"""What older files hold beside the network: the window of the transform, and the rate."""
_SAMPLE_RATE = 44100
_FIRST = ("vocals", "drums", "bass", "other")


class Settings(Config, extra="ignore"):
    """What the training of Open-Unmix writes down beside its networks."""

    sample_rate: float = Field(default=_SAMPLE_RATE, ge=1000, le=768_000)
    nfft: int | None = Field(default=None, ge=2, le=1 << 20)
    nhop: int | None = Field(default=None, ge=1, le=1 << 20)


@dataclass(frozen=True)
class Ensemble:
    """Networks of some sources that work on one transform.

    Attributes
    ----------
    networks : dict of str to TargetNetwork
        By source.
    sample_rate : int
        In Hz.
    window_length, hop : int
        Of the transform, in samples.
    """

    networks: dict[str, TargetNetwork]
    sample_rate: int
    window_length: int
    hop: int


def read_ensemble(path: Path) -> Ensemble:
    """Read the networks of a folder, or the one of a file.

    A file is named after its source, and after the first digits of its digest, as in ``vocals-b62c91ce.pth``, or
    not, as in ``vocals.pth``.

    Raises
    ------
    WeightsError
        If there are none, two are of one source, one is damaged or has another digest than its name says, or
        they do not fit together.
    """
    files = [path] if path.is_file() else sorted(path.glob("*.pth"), key=_in_order)
    settings = _settings(path / _SETTINGS)
    networks: dict[str, TargetNetwork] = {}
    rates, lengths = {}, {}
    for file in files:
        source = _source_of(file)
        if source in networks:
            raise WeightsError(f"two files in {path} hold networks of source '{source}'; keep one of them")
        tensors = read_state_dict(file)
        networks[source] = network = _network(file, tensors, source)
        rates[source] = _rate(file, tensors, settings)
        lengths[source] = 2 * (network.sizes.bins - 1)
    if not networks:
        raise WeightsError(f"{path} holds no networks such as vocals.pth; fetch some with: sepkit fetch umxhq")
    for what, values in (("rates in Hz", rates), ("windows", lengths)):
        if len(set(values.values())) > 1:
            told = ", ".join(f"{source} {value}" for source, value in values.items())
            raise WeightsError(f"the networks in {path} work at different {what}: {told}; give those of one")
    rate, length = next(iter(rates.values())), next(iter(lengths.values()))
    if settings.nfft not in (None, length):
        raise WeightsError(f"{path / _SETTINGS} tells a window of {settings.nfft}, the networks one of {length}")
    return Ensemble(networks, rate, length, settings.nhop or length // 4)


def _in_order(file: Path) -> tuple[int, str]:
    """The four that the authors separate first, in their order."""
    first = [file.name.startswith(source) for source in _FIRST]
    return first.index(True) if any(first) else len(first), file.name


def _source_of(file: Path) -> str:
    matched = _NAME.fullmatch(file.name)
    if matched is None:
        raise WeightsError(f"{file.name} is not named like a network, such as vocals.pth; rename it or give another")
    digest = matched["digest"]
    if digest is not None and not sha256(file).startswith(digest):
        raise WeightsError(
            f"{file} has another digest than its name says; it was changed or renamed: copy or fetch it again"
        )
    return matched["target"]


def _network(file: Path, tensors: dict[str, Tensor], source: str) -> TargetNetwork:
    of_network = {name: tensor for name, tensor in tensors.items() if name not in _NOT_THE_NETWORKS}
    checkpoint = Checkpoint(METHOD, {}, (source,), _SAMPLE_RATE, of_network)
    try:
        sizes = _sizes(of_network)
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise WeightsError(f"{file} holds no network of Open-Unmix; give another") from error
    if sizes.channels != CHANNELS:
        raise WeightsError(f"the network in {file} takes {sizes.channels} channels, and {CHANNELS} are wanted")
    return checkpoint.built(lambda: TargetNetwork(sizes))


def _sizes(tensors: dict[str, Tensor]) -> Sizes:
    """Those of the network that tensors are of, if they are of one."""
    (bins,), (heard,) = tensors["output_mean"].shape, tensors["input_mean"].shape
    hidden, inputs = tensors["fc1.weight"].shape
    layers = sum(name.startswith("lstm.weight_ih_l") and not name.endswith("_reverse") for name in tensors)
    if not (1 <= heard <= bins and bins >= 2 and inputs % heard == 0 and layers >= 1 and hidden % 2 == 0):
        raise ValueError("sizes that cannot be")
    return Sizes(bins=bins, heard=heard, channels=inputs // heard, hidden=hidden, layers=layers)


def _rate(file: Path, tensors: dict[str, Tensor], settings: Settings) -> int:
    """What older files hold, else what stands beside them, else that of compact discs."""
    told = tensors.get("sample_rate")
    rate = settings.sample_rate if told is None else float(told) if told.numel() == 1 else 0.0
    if rate != int(rate) or rate < 1000:
        raise WeightsError(f"{file} holds a sample rate that cannot be; give another")
    return int(rate)


def _settings(file: Path) -> Settings:
    if not file.exists():
        return Settings()
    try:
        return Settings.model_validate_json(read_regular(file, MOST_BYTES))
    except ValidationError as error:
        raise WeightsError(f"{file} cannot be: {first_fault(error)}; mend or remove it") from error
    except (OSError, ValueError) as error:
        raise WeightsError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error
