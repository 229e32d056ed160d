"""Checks of instances: constructing keeps parameters and does nothing else; loading is once and for all."""

from __future__ import annotations

import pickle

from sepkit.errors import fault_of
from sepkit.solving.separator import Separator
from sepkit.testing.check import check, is_method
from sepkit.testing.outcome import CheckFailed, Skipped, require
from sepkit.testing.probe import probe
from sepkit.testing.spec_checks import imports_resolve
from sepkit.testing.subject import MethodSubject


@check(when=is_method)
def constructs(subject: MethodSubject) -> None:
    """The factory takes the configuration and gives a separator."""
    try:
        imports_resolve(subject)
    except Exception as error:
        raise Skipped("nothing to check; see check 'imports-resolve'") from error
    separator = subject.spec.load()(subject.config)
    require(
        isinstance(separator, Separator),
        f"{subject.spec.factory} gave {type(separator).__name__}; derive it from sepkit.Separator",
    )


@check(when=is_method)
def construction_touches_nothing(subject: MethodSubject) -> None:
    """Constructing opens no file and no connection."""
    seen = probe(subject)
    if "opened" not in seen:
        raise Skipped(
            f"it cannot be constructed in a process of its own: {seen['error'] or 'its options do not pickle'}"
        )
    require(
        not seen["opened"],
        f"constructing touches {', '.join(seen['opened'][:3])}; keep parameters only, and open files in load",
    )


@check(when=is_method)
def separator_pickles(subject: MethodSubject) -> None:
    """An instance can be sent to another process, and separates there as here."""
    try:
        pickle.dumps(subject.config)
    except Exception as error:
        raise Skipped("its options do not pickle; see check 'config-pickles'") from error
    separator = subject.construct()
    try:
        copy = pickle.loads(pickle.dumps(separator))
    except Exception as error:
        raise CheckFailed(
            f"an instance does not pickle ({fault_of(error)}); keep locks, lambdas and handles out of it"
        ) from error
    subject.require_deterministic()
    result = subject.separate(subject.case(), separator=subject.load(copy))
    require(
        result.fingerprint == subject.result().fingerprint,
        "a pickled copy separates otherwise; keep in the instance only what pickles",
    )


@check(when=is_method)
def loading_twice_changes_nothing(subject: MethodSubject) -> None:
    """A second call of load, with another run, changes no result."""
    subject.require_deterministic()
    again = subject.load(subject.loaded(), seed=7)
    result = subject.separate(subject.case(), separator=again)
    require(
        result.fingerprint == subject.result().fingerprint,
        "after a second load the stems are others; make load idempotent and draw nothing in it that separations use",
    )
