"""What a separator has promised, checked at run time, so that its faults are named as its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sepkit.errors import MismatchError, PluginError, SamplesError, SepkitError, VacuousError, fault_of
from sepkit.music.audio import Audio
from sepkit.plugin.specs import SeparatorSpec, Spec
from sepkit.problem.domain import Domain
from sepkit.problem.problem import Problem
from sepkit.problem.run import Run


@contextmanager
def plugin_faults(spec: Spec) -> Iterator[None]:
    """Turn whatever a plugin raises, other than sepkit's own errors, into a `PluginError` that names it."""
    try:
        yield
    except SamplesError as error:
        raise PluginError(f"{spec.kind} '{spec.name}' made unusable audio: {error}") from error
    except VacuousError as error:
        raise MismatchError(spec.name, error.reasons) from error
    except SepkitError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{spec.kind} '{spec.name}' failed with {fault_of(error)}") from error


def check_stems(spec: SeparatorSpec, problem: Problem, stems: Mapping[str, Audio]) -> None:
    """Names, order, type, rate, channels and length are as asked; that samples are finite, `Audio` has seen to.

    Raises
    ------
    PluginError
    """
    if problem.sources and tuple(stems) != problem.sources:
        raise PluginError(f"method '{spec.name}' gave stems {list(stems)} where {list(problem.sources)} were asked for")
    if not stems:
        raise PluginError(f"method '{spec.name}' gave no stems")
    mixture = problem.mixture
    for name, stem in stems.items():
        if not isinstance(name, str) or not name.strip():
            raise PluginError(f"method '{spec.name}' gave a stem the name {name!r} where a word is wanted")
        if not isinstance(stem, Audio):
            raise PluginError(
                f"method '{spec.name}' gave a {type(stem).__name__} as stem '{name}' where Audio is wanted"
            )
        if (stem.samples.shape, stem.sample_rate) != (mixture.samples.shape, mixture.sample_rate):
            raise PluginError(f"method '{spec.name}' gave {stem} as stem '{name}' for a mixture of {mixture}")


def check_violations(spec: SeparatorSpec, problem: Problem, run: Run, hosted_outside: bool) -> None:
    """Every constraint that the method hosts has its final violation reported.

    Raises
    ------
    PluginError
    """
    for constraint in problem.constraints:
        outside = hosted_outside and constraint.domain == Domain.WAVEFORMS
        if not outside and constraint.label not in run.violations:
            raise PluginError(
                f"method '{spec.name}' hosts constraint '{constraint.label}' on {constraint.domain} and did not report "
                "its final violation with run.report_violations"
            )
