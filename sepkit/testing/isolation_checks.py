"""Checks that a method leaves the rest of the process, the disk and the network alone."""

from __future__ import annotations

import contextlib
from typing import Any

from sepkit.testing.check import check, is_method
from sepkit.testing.outcome import Skipped, require
from sepkit.testing.probe import probe
from sepkit.testing.subject import MethodSubject
from sepkit.testing.watch import Effects


@check(when=is_method)
def prints_nothing(subject: MethodSubject) -> None:
    """Nothing is written to stdout and stderr, which are the host's."""
    printed = _effects(subject).printed
    require(not printed, f"it prints {printed[:1]}; report progress with run.steps and curves with run.trace")


@check(when=is_method)
def warns_of_nothing(subject: MethodSubject) -> None:
    """Good mixtures and silence raise no warnings."""
    warned = _effects(subject).warned
    require(not warned, f"it warns: {'; '.join(warned[:2])}; avoid the cause, as with divisions by zero")


@check(when=is_method)
def changes_no_global_setting(subject: MethodSubject) -> None:
    """Logging, filters of warnings, NumPy's settings, environment and working directory stay as they were."""
    settings = _effects(subject).settings
    require(not settings, f"it changes {', '.join(settings)}, which belong to the host; use context managers")


@check(when=is_method)
def global_random_state_is_untouched(subject: MethodSubject) -> None:
    """Global random generators are neither seeded nor drawn from."""
    changed = _effects(subject).random
    require(not changed, f"it changes {', '.join(changed)}; draw from run.rng alone")


@check(when=is_method)
def writes_no_files(subject: MethodSubject) -> None:
    """Separating writes no files and starts no programs."""
    written = _from_outside(subject)["written"]
    require(not written, f"separating touches {', '.join(written[:3])}; keep everything in memory")


@check(when=is_method)
def uses_no_network(subject: MethodSubject) -> None:
    """Separating connects to nothing."""
    connected = _from_outside(subject)["connected"]
    require(not connected, f"separating does {', '.join(connected[:3])}; ship weights, or take them with load")


def _effects(subject: MethodSubject) -> Effects:
    """What was seen over ordinary, bare and silent runs, and any that other checks have made."""
    subject.result()
    for case in (subject.bare_case(), subject.case(gain=0.0)):
        # That it fails is for other checks to say.
        with contextlib.suppress(Exception):
            subject.result(case)
    return subject.effects


def _from_outside(subject: MethodSubject) -> dict[str, Any]:
    if "weights" in subject.spec.needs and subject.weights is None:
        raise Skipped("it needs weights and none ship with it; give some with weights=... or --weights")
    seen = probe(subject)
    # What was touched before an error still counts.
    if seen["error"] is not None and not (seen.get("written") or seen.get("connected")):
        raise Skipped(f"it fails in a process of its own: {seen['error']}")
    if "written" not in seen:
        raise Skipped("its options do not pickle; see check 'config-pickles'")
    return seen
