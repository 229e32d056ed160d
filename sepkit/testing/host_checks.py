"""Checks of how a method gets on with its host: needs, progress, cancellation, errors."""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sepkit.errors import Cancelled, MismatchError, SepkitError, SideInformationError, fault_of
from sepkit.problem import needs
from sepkit.problem.run import Progress
from sepkit.solving.method import Method
from sepkit.solving.negotiation import tells_unused, told_unused
from sepkit.testing.check import check, is_method
from sepkit.testing.outcome import CheckFailed, Skipped, require
from sepkit.testing.subject import MethodSubject, Result

_TRIES = 8
"""At how many of its steps, spread over the run, a method is cancelled."""
_LAST_WORDS_S = 0.5


class HostsOwnError(SepkitError):
    """What the kit's reporter raises."""


@check(when=is_method)
def needs_are_declared(subject: MethodSubject) -> None:
    """With what the spec declares to need and no more, the method works; stems without asked names get some."""
    for alternatives in itertools.product(*map(needs.alternatives, subject.spec.needs)):
        if "weights" in alternatives and "weights" not in subject.spec.needs and subject.weights is None:
            # There are other ways, and none ship with it to try this one with.
            continue
        result = _with_no_more_than(alternatives, subject)
    names = list(result.stems)
    require(names, "without asked names it gave no stems; name what is found, or declare that it needs sources")
    require(
        all(isinstance(name, str) and name.strip() for name in names),
        f"without asked names it gave stems {names}; name each with a word",
    )


@check(when=lambda subject: is_method(subject) and bool(subject.spec.needs))
def missing_needs_are_named(subject: MethodSubject) -> None:
    """What the method needs and was not given is named before any work starts."""
    case = subject.case()
    problem = subject.problem(case)
    side = problem.side_information
    given = {"sources": case.sources, **{kind: getattr(side, kind) for kind in needs.SIDE_INFORMATION}}
    events: list[Progress] = []
    config = subject.config
    for need in subject.spec.needs:
        if need == "weights" and subject.spec.default_weights is not None:
            continue
        kinds = needs.alternatives(need)
        rest = {what: value for what, value in given.items() if what not in kinds}
        try:
            weights = None if "weights" in kinds else subject.weights
            method = Method(subject.name, config=config, weights=weights, registry=subject.registry)
            mixture = problem.mixture.mixdown() if "stereo" in kinds else problem.mixture
            method.separate(mixture, **rest, reporter=events.append)
        except MismatchError as error:
            require(needs.in_words(need) in str(error), f"without {need} the error does not name it: {error}")
        except Exception as error:
            raise CheckFailed(
                f"without {need} it fails with {fault_of(error)}; do nothing before separate is called"
            ) from error
        else:
            raise CheckFailed(f"without {need} it separates all the same; do not declare that it needs {need}")
        require(not events, f"without {need} work starts all the same")


@check(when=lambda subject: is_method(subject) and bool(subject.spec.uses))
def uses_are_used(subject: MethodSubject) -> None:
    """Side information that the spec says it uses makes a difference when it is given, or a remark says why not."""
    subject.require_deterministic()
    # Notes far enough apart that what is said of one is not said of all.
    length = 2 * (subject.sample_rate or 16000)
    without = subject.result(replace(subject.bare_case("sources"), length=length))
    for kind in subject.spec.uses:
        result = subject.result(replace(subject.bare_case("sources", kind), length=length))
        told = any(tells_unused(remark, kind) for remark in result.run.remarks)
        require(
            told or result.fingerprint != without.fingerprint,
            f"{kind} makes no difference to the stems; leave it out of `uses`, so that callers are told, or say why, "
            f"with run.remark: '{next(told_unused([kind], '...'))}'",
        )


@check(when=is_method)
def progress_is_reported(subject: MethodSubject) -> None:
    """There is progress to show, and so a step at which to cancel."""
    require(subject.stages(), "no progress was reported; loop over run.steps(total, stage)")


@check(when=is_method)
def progress_is_monotone(subject: MethodSubject) -> None:
    """The progress of every stage never falls."""
    latest: dict[str, Progress] = {}
    for event in subject.stages():
        before = latest.get(event.stage, event)
        require(
            event.fraction >= before.fraction and event.total == before.total,
            f"stage '{event.stage}' goes from {before.done}/{before.total} back to {event.done}/{event.total}; give "
            "every loop a stage name of its own",
        )
        latest[event.stage] = event


@check(when=is_method)
def progress_ends_at_one(subject: MethodSubject) -> None:
    """Every stage ends with all of its steps done."""
    latest = {event.stage: event for event in subject.stages()}
    for stage, event in latest.items():
        require(
            event.done == event.total,
            f"stage '{stage}' ends at {event.done} of {event.total}; use run.steps in a for loop and let it run out",
        )


@check(when=is_method)
def cancels_within_one_step(subject: MethodSubject) -> None:
    """Cancelled at any step, the method stops there with `Cancelled`."""
    for step, steps in _steps_to_cancel_at(subject):
        separated, events, error = _cancelled_at(subject, step)
        if error is not None and not isinstance(error, Cancelled):
            raise CheckFailed(f"cancelled at step {step} it raises {fault_of(error)}; let Cancelled through")
        # Cancelled at its very last step, it has nothing left to stop.
        require(
            not separated or step == steps,
            f"cancelled at step {step} of {steps} it goes on to the end; let Cancelled through every except",
        )
        require(events - step <= 1, f"cancelled at step {step} it goes on for {events - step} steps; stop at once")


@check(when=is_method)
def cancelling_leaves_nothing_behind(subject: MethodSubject) -> None:
    """A cancelled run leaves no files and no threads."""
    for step, _ in _steps_to_cancel_at(subject):
        before = set(threading.enumerate())
        with _in_empty_folder() as folder:
            _cancelled_at(subject, step)
            left = sorted(path.name for path in folder.iterdir())
        require(not left, f"cancelled at step {step} it leaves the files {', '.join(left)}; use with or finally")
        for thread in set(threading.enumerate()) - before:
            thread.join(_LAST_WORDS_S)
            require(
                not thread.is_alive(), f"cancelled at step {step} it leaves thread '{thread.name}'; use with or finally"
            )


@check(when=is_method)
def errors_of_the_host_pass_through(subject: MethodSubject) -> None:
    """An error that the host's reporter raises reaches the host."""
    _, steps = _last_step(subject)

    def report(event: Progress) -> None:
        if event.done > 0 or event.total == 0 or steps == 1:
            raise HostsOwnError("the host's own")

    try:
        subject.separate(subject.case(), reporter=report)
    except HostsOwnError:
        return
    except Exception as error:
        raise CheckFailed(
            f"an error of the reporter comes out as {fault_of(error)}; catch only what you can mend"
        ) from error
    raise CheckFailed("an error of the reporter is swallowed; catch only what you can mend")


def _with_no_more_than(given: tuple[str, ...], subject: MethodSubject) -> Result:
    try:
        return subject.result(subject.case(given=frozenset(given)))
    except SideInformationError as error:
        kinds = ", ".join(given) or "nothing but the mixture"
        raise CheckFailed(f"given {kinds} it needs more than the spec declares: {error}") from error


def _last_step(subject: MethodSubject) -> tuple[list[Progress], int]:
    events = subject.stages()
    if not events:
        raise Skipped("it reports no progress; see check 'progress-is-reported'")
    return events, len(events)


def _steps_to_cancel_at(subject: MethodSubject) -> Iterator[tuple[int, int]]:
    """Steps of a run, counted from 1, with how many there are."""
    _, steps = _last_step(subject)
    chosen = {1 + round(index * (steps - 1) / max(1, _TRIES - 1)) for index in range(_TRIES)}
    for step in sorted(chosen):
        yield step, steps


def _cancelled_at(subject: MethodSubject, step: int) -> tuple[bool, int, Exception | None]:
    """Whether a run that is cancelled at `step` gave stems, how many steps it reported, and what it raised."""
    cancel = threading.Event()
    events = 0

    def report(event: Progress) -> None:
        nonlocal events
        events += 1
        if events == step:
            cancel.set()

    try:
        subject.separate(subject.case(), reporter=report, cancel=cancel)
    except Skipped:
        raise
    except Exception as error:
        return False, events, error
    return True, events, None


@contextlib.contextmanager
def _in_empty_folder() -> Iterator[Path]:
    """An empty folder that is the working directory and the place of temporary files."""
    working, temporary = os.getcwd(), tempfile.tempdir
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        tempfile.tempdir = folder
        try:
            yield Path(folder)
        finally:
            os.chdir(working)
            tempfile.tempdir = temporary
