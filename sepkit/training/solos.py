"""Passages that sources play alone, and the mixtures that can be made of them.

References
----------
Özer and Müller, "Source separation of piano concertos with test-time adaptation", ISMIR 2022.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from sepkit.errors import SideInformationError
from sepkit.evaluation.dataset import Track
from sepkit.music.audio import Audio, fit_length
from sepkit.training.trainer import TrainingData

Passages = Mapping[str, Sequence[Audio]]

MIXTURES, JUDGED = 40, 8
"""How many mixtures are learned from, and by how many is chosen."""
EXCERPT_S = 6.0
"""Length of a mixture; what is shorter is followed by silence."""
GAIN_DB = 6.0
HELD_BACK = 0.2
"""The part of every passage, at its end, that is chosen by."""
LEAST_S = 2.0
"""Of a source, all its passages together."""
_SILENT_DB = -60.0


def solo_passages(mixture: Audio, solos: Mapping[str, Iterable[tuple[float, float]]]) -> dict[str, list[Audio]]:
    """Cut from a recording where sources play alone.

    Parameters
    ----------
    mixture : Audio
    solos : mapping of str to iterable of (float, float)
        Start and end of every passage in seconds, by source.

    Returns
    -------
    passages : dict of str to list of Audio

    Raises
    ------
    SideInformationError
        If a passage is empty, silent, goes beyond the recording or overlaps another.
    """
    loudness = np.sqrt(np.mean(np.square(mixture.samples, dtype=np.float64)))
    passages: dict[str, list[Audio]] = {}
    before = (0.0, 0.0, "")
    for start_s, end_s, source in _in_order(solos):
        label = f"the solo {source}={clock(start_s)}-{clock(end_s)}"
        start, end = (round(time_s * mixture.sample_rate) for time_s in (start_s, end_s))
        if not 0 <= start < end:
            raise SideInformationError(f"{label} is empty; give its start and then its end, in seconds")
        if end_s > mixture.duration_s:
            raise SideInformationError(
                f"{label} goes beyond the end of the recording, {clock(mixture.duration_s)}; give an earlier one"
            )
        if start_s < before[1]:
            other = f"{before[2]}={clock(before[0])}-{clock(before[1])}"
            raise SideInformationError(f"{label} overlaps {other}; give passages in which one source plays alone")
        samples = mixture.samples[:, start:end]
        if _level_db(samples) < 20 * np.log10(max(loudness, 1e-12)) + _SILENT_DB:
            raise SideInformationError(f"{label} is silent; give a passage in which '{source}' is heard")
        passages.setdefault(source, []).append(Audio(samples, mixture.sample_rate))
        before = (start_s, end_s, source)
    return passages


def like(recording: Audio, mixture: Audio) -> Audio:
    """A recording at the rate and with the channels of the mixture."""
    if recording.channels != mixture.channels:
        mono = recording.mixdown()
        recording = Audio(np.repeat(mono.samples, mixture.channels, axis=0), mono.sample_rate)
    return recording.resample(mixture.sample_rate)


def mixtures_of(passages: Passages, seed: int) -> TrainingData:
    """Random mixtures: every source from anywhere in its passages, at any gain up to `GAIN_DB`.

    The end of every passage is held back from those that are learned from; those by which is chosen are made of it.

    Parameters
    ----------
    passages : mapping of str to sequence of Audio
        Of equal rate and channels.
    seed : int

    Returns
    -------
    data : TrainingData

    Raises
    ------
    SideInformationError
        If they are of fewer than two sources, or those of one are too short.
    """
    if len(passages) < 2:
        raise SideInformationError(
            f"mixtures take solos of two sources or more, given those of '{', '.join(passages)}'; give more, with "
            "--solo from the mixture or with --example from other recordings"
        )
    for source, own in passages.items():
        total_s = sum(passage.duration_s for passage in own)
        if total_s < LEAST_S:
            raise SideInformationError(
                f"the solos of '{source}' last {total_s:.3g} s in all; give at least {LEAST_S:g} s"
            )
    name = f"solos-{_digest(passages)}"
    parted = {source: [_parted(passage) for passage in own] for source, own in passages.items()}
    learned = {source: [before for before, _ in own] for source, own in parted.items()}
    held = {source: [after for _, after in own] for source, own in parted.items()}
    return TrainingData(
        train=tuple(_mixtures(learned, f"{name}/train", MIXTURES, (seed, 0))),
        valid=tuple(_mixtures(held, f"{name}/valid", JUDGED, (seed, 1))),
        sources=tuple(passages),
    )


def clock(seconds: float) -> str:
    """Seconds as people say them: ``"1:05.3"``."""
    minutes, rest = divmod(round(seconds, 3), 60)
    whole, _, decimals = f"{rest:.3f}".partition(".")
    return f"{minutes:.0f}:{int(whole):02d}" + (f".{decimals.rstrip('0')}" if decimals.strip("0") else "")


def _in_order(solos: Mapping[str, Iterable[tuple[float, float]]]) -> list[tuple[float, float, str]]:
    if not isinstance(solos, Mapping):
        raise SideInformationError(
            f"solos needs to map names of sources to passages, given {type(solos).__name__}; write "
            "{'piano': [(12.5, 30)]}"
        )
    found = []
    for source, ranges in solos.items():
        for given in ranges if isinstance(ranges, Iterable) else (ranges,):
            numbers: Any = tuple(given) if isinstance(given, (tuple, list)) else ()
            if len(numbers) != 2 or not all(isinstance(one, (int, float)) and math.isfinite(one) for one in numbers):
                raise SideInformationError(
                    f"a solo of '{source}' needs to be (start, end) in seconds, given {given!r}; write [(12.5, 30)]"
                )
            found.append((float(numbers[0]), float(numbers[1]), source))
    return sorted(found)


def _parted(passage: Audio) -> tuple[Audio, Audio]:
    cut = round((1 - HELD_BACK) * passage.length)
    return (
        Audio(passage.samples[:, :cut], passage.sample_rate),
        Audio(passage.samples[:, cut:], passage.sample_rate),
    )


def _mixtures(passages: Passages, name: str, count: int, seed: tuple[int, int]) -> Iterator[Track]:
    longest_s = max(passage.duration_s for own in passages.values() for passage in own)
    seconds = min(EXCERPT_S, longest_s)
    for number in range(count):
        stems = {
            source: partial(_drawn, own, seconds, (*seed, number, position))
            for position, (source, own) in enumerate(passages.items())
        }
        yield Track(name=f"{name}/{number:02d}", stems=stems, group=name)


def _drawn(passages: Sequence[Audio], seconds: float, seed: tuple[int, ...]) -> Audio:
    """Some seconds from anywhere, longer passages more often, at a random gain."""
    rng = np.random.default_rng(seed)
    lengths = np.array([passage.length for passage in passages])
    passage = passages[int(rng.choice(len(passages), p=lengths / lengths.sum()))]
    length = round(seconds * passage.sample_rate)
    start = int(rng.integers(0, max(1, passage.length - length + 1)))
    gain = np.float32(10 ** (rng.uniform(-GAIN_DB, GAIN_DB) / 20))
    return Audio(fit_length(gain * passage.samples[:, start : start + length], length), passage.sample_rate)


def _level_db(samples: np.ndarray[Any, np.dtype[np.float32]]) -> float:
    return float(10 * np.log10(max(float(np.mean(np.square(samples, dtype=np.float64))), 1e-30)))


def _digest(passages: Passages) -> str:
    digest = hashlib.sha256()
    for source, own in passages.items():
        digest.update(source.encode(errors="surrogatepass") + b"\0")
        for passage in own:
            digest.update(f"{passage.samples.shape} {passage.sample_rate}".encode())
            digest.update(np.ascontiguousarray(passage.samples).tobytes())
    return digest.hexdigest()[:12]
