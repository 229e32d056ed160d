"""What a user ought to know of what was given, and of a result, and cannot see in it, whatever the method."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sepkit import large
from sepkit.music.audio import Audio
from sepkit.music.side import SideInformation
from sepkit.plugin.specs import SeparatorSpec
from sepkit.problem.run import Run

_INAUDIBLE = 1e-6
"""Peak of a stem beside that of the mixture: -120 dB."""
_MOST_NAMES = 5
_EARLY_S = 1.0
"""By which F0 may end before or after the recording, or begin after it does, without a remark."""


def remarks_on_known(known: SideInformation, mixture: Audio) -> tuple[str, ...]:
    """One sentence for what seems to be of another recording, or is the recording itself.

    Parameters
    ----------
    known : SideInformation
        In the time of the mixture.
    mixture : Audio
        The whole recording, whichever region of it is wanted.
    """
    notes = known.score.notes if known.score else ()
    late_s = [note.onset_s for note in notes if note.onset_s >= mixture.duration_s]
    found = []
    if late_s:
        found.append(
            f"{len(late_s)} of {len(notes)} notes lie after the recording's end at {mixture.duration_s:.1f} s, the "
            f"first at {min(late_s):.1f} s"
        )
    for name, track in known.f0.items():
        first_s, last_s = track.times_s[0], track.times_s[-1]
        if first_s > _EARLY_S or last_s < mixture.duration_s - _EARLY_S:
            found.append(
                f"F0 of {name} is given from {first_s:.1f} to {last_s:.1f} s of a recording of "
                f"{mixture.duration_s:.1f} s: beyond that it counts as unvoiced"
            )
        elif last_s > mixture.duration_s + _EARLY_S:
            found.append(
                f"F0 of {name} goes on until {last_s:.1f} s, and the recording ends at {mixture.duration_s:.1f} s; "
                "give times in seconds, and F0 of this recording, if they are not"
            )
    for name, takes in known.examples.items():
        if any(_equal(take, mixture) for take in takes):
            found.append(f"an example of {name} is the mixture itself; give recordings of {name} alone")
    return tuple(found)


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
        *(() if "yardstick" in spec.traits else (*_on_silence(mixture, stems), *_on_all(mixture, stems))),
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
    audible = _INAUDIBLE * large.peak(mixture.samples)
    silent = [name for name, stem in stems.items() if audible > 0 and large.peak(stem.samples) <= audible]
    if not silent:
        return ()
    if len(silent) == len(stems):
        return ("all stems are silent, and the mixture is not; try other options or another seed",)
    return (f"{_listed(silent, 'and')} {'is' if len(silent) == 1 else 'are'} silent throughout",)


def _on_all(mixture: Audio, stems: Mapping[str, Audio]) -> tuple[str, ...]:
    audible, (name, *others) = _INAUDIBLE * large.peak(mixture.samples), stems
    if others or not audible or not _equal(stems[name], mixture, audible):
        return ()
    return (f"{name} is all of the mixture; name what else sounds too, as in --sources {name},rest",)


def _on_cost(run: Run) -> tuple[str, ...]:
    costs = run.traces.get("cost", [])
    if len(costs) < 2 or costs[-1] <= costs[0]:
        return ()
    last = f"{costs[-1]:.3g}" if math.isfinite(costs[-1]) else "no finite number"
    return (f"the cost rose from {costs[0]:.3g} to {last}: it found no way down; try other options or another seed",)


def _equal(one: Audio, other: Audio, tolerance: float = 0) -> bool:
    if one.samples.shape != other.samples.shape or one.sample_rate != other.sample_rate:
        return False
    spans = large.spans(one.length)
    return all(float(np.abs(one.samples[:, span] - other.samples[:, span]).max()) <= tolerance for span in spans)


def _listed(names: list[str], last: str) -> str:
    shown = names if len(names) <= _MOST_NAMES else [*names[: _MOST_NAMES - 1], f"{len(names) - _MOST_NAMES + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"
