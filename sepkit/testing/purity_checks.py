"""Checks that separating is a pure function of problem and run: of nothing before, beside or behind it."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from sepkit.music.audio import Audio
from sepkit.problem.run import Progress
from sepkit.testing.check import check, declares_trait, is_method
from sepkit.testing.material import Case
from sepkit.testing.outcome import Skipped, require
from sepkit.testing.subject import Fingerprint, MethodSubject
from sepkit.testing.watch import watched

_THREADS = 4
_MEETINGS = 60
"""How many steps of the threads are made to alternate."""
_PATIENCE_S = 2.0
"""How long one thread waits for the others at such a step; after that they run freely."""


@check(when=is_method)
def input_is_untouched(subject: MethodSubject) -> None:
    """The mixture's samples stay as they were, and its array stays writeable for its owner."""
    case = subject.case()
    owned = np.array(case.mixture().samples)
    before = owned.copy()
    subject.separate(case, mixture=Audio(owned, case.sample_rate))
    require(np.array_equal(owned, before), "separating changes the mixture's samples; work on a copy")
    require(owned.flags.writeable, "separating makes the caller's array read-only; leave its flags alone")


@check(when=is_method)
def same_seed_same_bytes(subject: MethodSubject) -> None:
    """Equal problem, options and seed give equal bytes."""
    first, again = subject.result(), subject.separate(subject.case())
    require(
        first.fingerprint == again.fingerprint,
        "two equal runs give different stems; draw from run.rng alone, and iterate over no sets",
    )


@check(when=is_method)
def seed_matters_as_declared(subject: MethodSubject) -> None:
    """Another seed gives other stems if and only if the spec declares the method stochastic.

    A method that draws only what it is not told is tried with and without side information.
    """
    subject.require_deterministic()
    differs = _differs_by_seed(subject, subject.case())
    if declares_trait("stochastic")(subject):
        differs = differs or _differs_by_seed(subject, subject.bare_case())
        require(differs, "another seed gives the same bytes; draw from run.rng, or do not declare stochastic")
    else:
        require(not differs, "another seed gives other stems; declare the trait stochastic")


@check(when=is_method)
def keeps_no_state(subject: MethodSubject) -> None:
    """One instance gives a mixture's bytes again after it has separated another."""
    subject.require_deterministic()
    require(
        _remembers_nothing(subject),
        "the stems of a mixture change after another was separated; keep nothing in the instance while separating",
    )


@check(when=is_method)
def threads_agree(subject: MethodSubject) -> None:
    """Threads that share one instance get what each would get alone."""
    subject.require_deterministic()
    if not _remembers_nothing(subject):
        raise Skipped("it keeps state between calls; see check 'keeps-no-state'")
    cases = [_other(subject) if index % 2 else subject.case() for index in range(_THREADS)]
    alone = {case: subject.result(case).fingerprint for case in cases}
    separator = subject.loaded()
    # Meeting at every step makes threads alternate, so that what they share shows at once and every time.
    barrier = threading.Barrier(_THREADS)

    def separate(case: Case) -> Fingerprint:
        met = 0

        def meet(event: Progress) -> None:
            nonlocal met
            met += 1
            if met <= _MEETINGS:
                _wait(barrier)

        try:
            _wait(barrier)
            return subject.separate(case, separator=separator, reporter=meet, quietly=False).fingerprint
        finally:
            barrier.abort()

    # One watch over all threads: what it watches belongs to the process.
    with watched(subject.effects), ThreadPoolExecutor(_THREADS) as pool:
        together = list(pool.map(separate, cases))
    require(
        together == [alone[case] for case in cases],
        "threads that share an instance get other stems than alone; keep what belongs to one call in local variables",
    )


def _differs_by_seed(subject: MethodSubject, case: Case) -> bool:
    return subject.result(case).fingerprint != subject.result(replace(case, seed=1)).fingerprint


def _remembers_nothing(subject: MethodSubject) -> bool:
    separator = subject.loaded()
    fingerprints = [
        subject.separate(case, separator=separator).fingerprint
        for case in (subject.case(), _other(subject), subject.case())
    ]
    expected = subject.result().fingerprint, subject.result(_other(subject)).fingerprint
    return fingerprints == [*expected, expected[0]]


def _other(subject: MethodSubject) -> Case:
    """Another mixture, of another length."""
    ordinary = subject.case()
    return subject.case(take=1, length=ordinary.length * 3 // 4, seed=3)


def _wait(barrier: threading.Barrier) -> None:
    """Wait for the other threads, unless one of them is done or stuck."""
    with contextlib.suppress(threading.BrokenBarrierError):
        barrier.wait(_PATIENCE_S)
