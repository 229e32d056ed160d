"""What a user ought to know of a result and cannot see in it, whatever the method: told with every run."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sepkit import large
from sepkit.music.audio import Audio
from sepkit.plugin.specs import SeparatorSpec
from sepkit.problem.run import Run

_INAUDIBLE = 1e-6
"""Peak of a stem beside that of the mixture: -120 dB."""
_MOST_NAMES = 5


def remarks_on_result(
    spec: SeparatorSpec, mixture: Audio, names: tuple[str, ...], stems: Mapping[str, Audio], run: Run
) -> tuple[str, ...]:
    """One sentence each, for what applies.

    Parameters
    ----------
    spec : SeparatorSpec
    mixture : Audio
    names : tuple of str
        Those that the caller asked for.
    stems : mapping of str to Audio
    run : Run
        Which has ended.
    """
    found = (
        *_on_names(spec, names, run),
        *_on_synthesis(spec),
        *(() if "yardstick" in spec.traits else _on_silence(mixture, stems)),
        *_on_cost(run),
    )
    return tuple(found)


def _on_names(spec: SeparatorSpec, names: tuple[str, ...], run: Run) -> tuple[str, ...]:
    arbitrary = [name for name in names if name not in run.identified]
    if "arbitrary-names" not in spec.traits or len(arbitrary) < 2:
        return ()
    return (
        f"which stem is called {_listed(arbitrary, 'or')} is arbitrary: nothing told '{spec.name}' what they sound "
        "like; listen, and rename them",
    )


def _on_synthesis(spec: SeparatorSpec) -> tuple[str, ...]:
    if "synthesises" not in spec.traits:
        return ()
    return ("the stems are synthesised: they and the mixture sound alike, but do not sum to it",)


def _on_silence(mixture: Audio, stems: Mapping[str, Audio]) -> tuple[str, ...]:
    audible = _INAUDIBLE * _peak(mixture)
    silent = [name for name, stem in stems.items() if audible > 0 and _peak(stem) <= audible]
    if not silent:
        return ()
    if len(silent) == len(stems):
        return ("all stems are silent, and the mixture is not; try other options or another seed",)
    return (f"{_listed(silent, 'and')} {'is' if len(silent) == 1 else 'are'} silent throughout",)


def _on_cost(run: Run) -> tuple[str, ...]:
    costs = run.traces.get("cost", [])
    if len(costs) < 2 or costs[-1] <= costs[0]:
        return ()
    last = f"{costs[-1]:.3g}" if math.isfinite(costs[-1]) else "no finite number"
    return (f"the cost rose from {costs[0]:.3g} to {last}: it found no way down; try other options or another seed",)


def _peak(audio: Audio) -> float:
    parts = (audio.samples[:, span] for span in large.spans(audio.length))
    return max(max(float(part.max()), -float(part.min())) for part in parts)


def _listed(names: list[str], last: str) -> str:
    shown = names if len(names) <= _MOST_NAMES else [*names[: _MOST_NAMES - 1], f"{len(names) - _MOST_NAMES + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"
