"""The comfortable side for one recording: `separate`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sepkit.alignment.fitting import Aligning
from sepkit.config import Config
from sepkit.music.audio import Audio
from sepkit.music.examples import Example
from sepkit.music.f0 import F0Track
from sepkit.music.score import Score
from sepkit.plugin.registry import Registry
from sepkit.problem.constraint import Constraint
from sepkit.problem.prior import Prior
from sepkit.problem.run import Cancel
from sepkit.solving.given import Pathlike
from sepkit.solving.labelled import GivenLabels
from sepkit.solving.method import Method
from sepkit.solving.notebook import Reporting
from sepkit.solving.separation import Separation


def separate(
    mixture: Audio | Pathlike,
    method: str,
    *,
    sources: Iterable[str] = (),
    config: Config | Mapping[str, Any] | None = None,
    score: Score | Pathlike | None = None,
    f0: Mapping[str, F0Track | Pathlike] | None = None,
    examples: Mapping[str, Example | Iterable[Example]] | None = None,
    references: Mapping[str, Audio | Pathlike] | None = None,
    labels: GivenLabels | Iterable[GivenLabels] = (),
    priors: Iterable[Prior | str] = (),
    constraints: Iterable[Constraint | str] = (),
    align: Aligning = "auto",
    start_s: float = 0.0,
    end_s: float | None = None,
    keep_length: bool = False,
    weights: Pathlike | None = None,
    seed: int = 0,
    device: str = "auto",
    reporter: Reporting | None = None,
    cancel: Cancel | None = None,
    keep_variables: bool = False,
    registry: Registry | None = None,
) -> Separation:
    """Separate a mixture into its sources.

    Parameters
    ----------
    mixture : Audio or path
        Any rate, length and number of channels; what a method cannot take is adapted, and the stems come back like the
        mixture.
    method : str
        Name of an installed method; ``sepkit list`` shows them.
    sources : iterable of str, optional
        Names of the wanted stems, in order. Without them the method names what it finds.
    config : Config or mapping, optional
        Options of the method; ``sepkit show METHOD`` shows them.
    score : Score or path, optional
        It is compared with the mixture, and a remark says so when it does not fit.
    f0 : mapping of str to F0Track or path, optional
        By source name.
    examples : mapping of str to Audio, path, or several of them, optional
        Recordings of sources alone, other than the mixture, by source name; a folder stands for all recordings in it.
    references : mapping of str to Audio or path, optional
        The true stems by source name, of the mixture's shape and rate, for oracles.
    labels : Labels, path, or several of them, optional
        When sources sound and where in the spectrum, such as a label track of Audacity.
    priors, constraints : iterable, optional
        Objects, or strings like ``"sparsity:weight=2"``. Constraints are applied in this order.
    align : {'auto', 'always', 'never'}
        Whether the notes of the score are moved to where the mixture plays them: where that is clearly better, always,
        or never.
    start_s, end_s : float, optional
        Separate this region alone, in seconds; what is known and not the region's is left aside.
    keep_length : bool
        Whether stems are as long as the mixture, with zeros outside the region, not as long as the region.
    weights : path or str, optional
        Folder or file of trained weights, or the name of published ones.
    seed : int
        Equal seeds give equal bytes.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` ...
    reporter : callable or "notebook", optional
        Gets a `Progress` at every step; ``"notebook"`` draws a bar in a notebook.
    cancel : optional
        Anything with ``is_set()``, such as a `threading.Event`.
    keep_variables : bool
        Keep what the method shows of its own variables, such as templates and activations, with the result: for
        pictures.
    registry : Registry, optional
        By default one with all installed plugins.

    Returns
    -------
    separation : Separation

    Raises
    ------
    UserError
        One of its kinds, when mixture, options or names cannot be used, before any work is done.
    PluginError
        When the method fails or breaks its contract.
    Cancelled
        Within one step after `cancel` is set.

    Examples
    --------
    >>> separation = sepkit.separate("song.wav", "nmf", sources=["voice", "guitar"])  # doctest: +SKIP
    >>> separation["voice"]  # doctest: +SKIP
    Audio(2 x 441000 samples, 44100 Hz, 10.00 s)
    """
    loaded = Method(method, config=config, weights=weights, device=device, registry=registry)
    return loaded.separate(
        mixture,
        sources=sources,
        score=score,
        f0=f0,
        examples=examples,
        references=references,
        labels=labels,
        priors=priors,
        constraints=constraints,
        align=align,
        start_s=start_s,
        end_s=end_s,
        keep_length=keep_length,
        seed=seed,
        reporter=reporter,
        cancel=cancel,
        keep_variables=keep_variables,
    )
