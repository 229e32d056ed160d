"""Sources as their models sound, at their own F0 or at another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sepkit.errors import ConfigError
from sepkit.informed.f0_known import TRACK_TOLERANCE_S, f0_at
from sepkit.music.f0 import F0Track
from sepkit.problem.spans import Span
from sepkit_source_filter.block import Block
from sepkit_source_filter.config import SourceFilterConfig
from sepkit_source_filter.synthesis import harmonic_sound, noise_sound, window_of


class Resynthesis:
    """Synthesises block after block; phases go on from one to the next.

    Parameters
    ----------
    config : SourceFilterConfig
    sources : tuple of str

    Raises
    ------
    ConfigError, SideInformationError
        If a source is to be changed that is none of them, or the new F0 cannot be read.
    """

    def __init__(self, config: SourceFilterConfig, sources: tuple[str, ...]) -> None:
        self.config, self.sources = config, sources
        self._new: dict[str, F0Track] = {}
        if config.new_f0 is not None:
            self._new = {path.stem: F0Track.read(path) for path in sorted(config.new_f0.glob("*.csv"))}
            if not self._new:
                raise ConfigError(f"the folder {config.new_f0} of new_f0 holds no F0 tracks named <source>.csv")
        strange = [name for name in (*config.transpose, *self._new) if name not in sources]
        if strange:
            raise ConfigError(f"'{strange[0]}' is to sound at another F0, and the sources are {', '.join(sources)}")
        self._phases = np.zeros(len(sources))

    def sound(
        self, block: Block, span: Span, masked: NDArray[np.floating], rng: np.random.Generator
    ) -> NDArray[np.floating]:
        """All sources in one block, each spread over the channels as its masked stem is.

        Parameters
        ----------
        block : Block
        span : Span
        masked : ndarray [shape=(sources, channels, samples)]
        rng : numpy.random.Generator
            For the noise.

        Returns
        -------
        sound : ndarray [shape=(sources, channels, samples)]
        """
        rate, length = block.problem.mixture.sample_rate, masked.shape[-1]
        tracking = block.tracking
        # A partial of amplitude 1 has the magnitude of half the window's sum at its peak.
        amplitude = 2 * tracking.level / window_of(block.stft).sum()
        sound = np.empty_like(masked)
        for index, name in enumerate(self.sources):
            times_s = tracking.follower.times_s
            mono, phases = harmonic_sound(
                times_s,
                self._f0_of(name, tracking.follower.f0_hz[index], times_s + span.start / rate),
                tracking.frames_s,
                tracking.bins_hz,
                block.envelopes[index] * amplitude,
                block.strengths[index],
                length,
                rate,
                self._phases[index],
            )
            self._phases[index] = phases[min(length - span.fall, length - 1)]
            mono += noise_sound(block.noise[index] * tracking.level, block.stft, length, rng)
            sound[index] = levels(masked[index])[:, np.newaxis] * mono
        return sound

    def _f0_of(self, name: str, f0_hz: NDArray[np.float64], times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        if name in self._new:
            f0_hz = f0_at(self._new[name], times_s, TRACK_TOLERANCE_S)
        return np.asarray(f0_hz * 2 ** (self.config.transpose.get(name, 0.0) / 12))


def levels(channels: NDArray[np.floating]) -> NDArray[np.float64]:
    """Levels of channels beside the root of their mean power [shape=(channels,)]; 1 where all is silent."""
    power = np.mean(np.square(channels, dtype=np.float64), axis=-1)
    mean = power.mean()
    return np.sqrt(power / mean) if mean > 0 else np.ones(len(channels))
