"""The kinds that the networks of a prior come in, and which of them a checkpoint is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from torch import nn

from sepkit.config import Config
from sepkit.errors import WeightsError
from sepkit.neural import Checkpoint

N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True)
class Kinds(Generic[N]):
    """What a source's network may be.

    Attributes
    ----------
    noun : str
        What all of them are, such as ``"flow"``.
    of : mapping of str to type and callable
        By the name of each kind its options, whose field ``kind`` is that name, and the network that is made with the
        others. A checkpoint that names none is of the first.
    """

    noun: str
    of: Mapping[str, tuple[type[Config], Any]]

    def drawn(self, options: Config) -> N:
        """The network with these options, its weights still to be drawn."""
        given = options.model_dump()
        _, network = self.of[given.pop("kind")]
        made: N = network(**given)
        return made

    def loaded(self, checkpoint: Checkpoint) -> N:
        """The network of a checkpoint, whose weights are not to change any more.

        Raises
        ------
        WeightsError
            If there is none of its kind, or the weights do not fit it.
        """
        kind = checkpoint.config.get("kind", next(iter(self.of)))
        if kind not in tuple(self.of):
            raise WeightsError(
                f"the weights of {', '.join(checkpoint.sources)} are of another kind of {self.noun} than "
                f"{' and '.join(self.of)}; update sepkit-flow-sgld"
            )
        with_options, _ = self.of[kind]
        options = checkpoint.options(with_options)
        return checkpoint.built(lambda: self.drawn(options))
