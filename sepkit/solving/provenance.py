"""How a separation came about."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """How a separation came about; enough to repeat it.

    Attributes
    ----------
    method : str
    plugin : dict
        Name, distribution and version of the plugin that published the method.
    versions : dict of str to str
        Of Python, sepkit, the distributions of the method and of priors and constraints, and all that these need.
    config : dict
        All options, with the defaults that were used.
    seed : int
    device : str
    weights : tuple of dict
        Of the method's and each prior's weights: what they are for, the SHA-256 over the files of their folder, and of
        published ones name, licence, source, URL and the SHA-256 of what was fetched.
    sample_rate, channels, samples : int
        Of the mixture.
    sources : tuple of str
        Names of the stems.
    given : dict
        Where all came from: the names of ``sources`` that were asked for, absolute paths of ``mixture``, ``score``,
        ``f0``, ``references``, ``weights`` ... and of files that ``options`` name, None for what was made in memory;
        of the score also the rule for its parts. And whether notes were to be moved, ``align``.
    seconds : float
        Wall-clock time of the run.
    inputs : dict of str to str
        SHA-256 of the mixture and all that was known about it, ``"f0:voice"`` say, and of every file that an option
        names.
    alignment : dict or None
        How well the score fits the mixture and whether its notes were moved: ``moved``, ``cost_as_given``, ``cost``,
        ``median_shift_s``, ``worst_shift_s``, ``tuning_cents``; None where nothing was compared.
    adaptations : tuple of str
        What was done to fit the mixture to the method: resampling, mixing down.
    priors, constraints : tuple of dict
        Name, numbered where it is declared twice, domain and options of each; constraints with their final violation.
    remarks : tuple of str
        What repeating has found to be otherwise, what reading the score had to mend, where it does not fit the mixture,
        and what the method has to say about its result.
    traces : dict of str to list of float
        Curves that the method kept, such as its cost.
    agreement_db : dict of str to float
        By source, the energy of the stem over that of its uncertainty, for methods that report one: how far draws of
        the method agree, which is not how near they are to the truth.
    """

    method: str
    plugin: dict[str, str | None]
    versions: dict[str, str]
    config: dict[str, Any]
    seed: int
    device: str
    sample_rate: int
    channels: int
    samples: int
    sources: tuple[str, ...]
    seconds: float
    inputs: dict[str, str] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    weights: tuple[dict[str, Any], ...] = ()
    alignment: dict[str, Any] | None = None
    adaptations: tuple[str, ...] = ()
    priors: tuple[dict[str, Any], ...] = ()
    constraints: tuple[dict[str, Any], ...] = ()
    remarks: tuple[str, ...] = ()
    traces: dict[str, list[float]] = field(default_factory=dict)
    agreement_db: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As plain types, ready for strict JSON: in place of a number that is not finite stands None."""
        plain: dict[str, Any] = _finite(asdict(self))
        return plain


def _finite(value: Any) -> Any:
    """`value` with None for every number in it that JSON does not know: the cost of a run that diverged, say."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
