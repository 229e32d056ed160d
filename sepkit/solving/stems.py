"""Named stems of a mixture, what is left over, and what they make when they are mixed again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sepkit import large
from sepkit.errors import ConfigError
from sepkit.music.audio import Audio
from sepkit.opening import composed
from sepkit.solving.outputs import Outputs, require_gains, require_stems


@dataclass(frozen=True, eq=False, repr=False)
class Stems(Mapping[str, Audio]):
    """Stems by name, aligned sample by sample with the mixture.

    Attributes
    ----------
    mixture : Audio
    stems : mapping of str to Audio
    """

    mixture: Audio
    stems: Mapping[str, Audio]

    def __getitem__(self, name: str) -> Audio:
        return self.stems[composed(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stems)

    def __len__(self) -> int:
        return len(self.stems)

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the stems."""
        return tuple(self.stems)

    @property
    def residual(self) -> Audio:
        """The mixture less all stems: stems and residual always sum to the mixture."""
        left_over = large.copied(self.mixture.samples)
        for stem in self.stems.values():
            for span in large.spans(stem.length):
                left_over[:, span] -= stem.samples[:, span]
        return Audio(left_over, self.mixture.sample_rate)

    def without(self, *names: str) -> Audio:
        """The mixture less some stems: what is left to play along with.

        Parameters
        ----------
        *names : str
            Of stems.

        Raises
        ------
        ConfigError
            If there is no stem of that name.
        """
        return self.remix(dict.fromkeys(names, -math.inf))

    def remix(self, gains_db: Mapping[str, float]) -> Audio:
        """The mixture with some stems louder or softer; the residual stays as it is.

        Parameters
        ----------
        gains_db : mapping of str to float
            Gain of each stem in dB: 0 leaves it, ``-inf`` takes it away. Stems that are not named stay as they are.

        Raises
        ------
        ConfigError
            If there is no stem of that name, or a gain is no number.

        Examples
        --------
        >>> separation.remix({"left": -12, "right": 3}).write("practice.wav")  # doctest: +SKIP
        """
        require_stems(gains_db, self)
        require_gains(gains_db)
        remixed = large.copied(self.mixture.samples)
        for name, gain_db in gains_db.items():
            for span in large.spans(self.mixture.length):
                remixed[:, span] += np.float32(10 ** (gain_db / 20) - 1) * self[name].samples[:, span]
        return Audio(remixed, self.mixture.sample_rate)

    def chosen(self, outputs: Outputs) -> Mapping[str, Audio]:
        """The audio to write by the name of its file.

        Raises
        ------
        ConfigError
            If there is no such stem, or a stem is called like what is made of others.
        """
        if not (outputs.only or outputs.without or outputs.gains_db):
            return self.stems
        require_stems(outputs.named, self)
        chosen = {name: self[name] for name in outputs.only}
        made = {f"without_{name}": self.without(name) for name in outputs.without}
        if outputs.gains_db:
            made["remix"] = self.remix(outputs.gains_db)
        twice = [name for name in made if name in chosen]
        if twice:
            raise ConfigError(
                f"a stem is called '{twice[0]}', as is what is made of others; write one of both at a time"
            )
        return {**chosen, **made}
