"""Checks of stems: the right ones, aligned with the mixture, for mixtures of every kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sepkit.testing.check import check, declares_trait, is_method
from sepkit.testing.material import awkward_lengths
from sepkit.testing.outcome import Skipped, require
from sepkit.testing.subject import MethodSubject, Result

_TOLERANCE = 1e-3
"""Of the mixture's root mean square; float32 spectra and back stay far below."""


@check(when=is_method)
def separates(subject: MethodSubject) -> None:
    """An ordinary mixture is separated without an error."""
    require(subject.attempt().stems, "separate gave no stems; return one for each of problem.sources")


@check(when=is_method)
def stems_are_named_as_asked(subject: MethodSubject) -> None:
    """Stems have the names asked for, in that order."""
    for sources in (("zither", "alto"), ("Ärger & Co/7", "b", "a b")):
        case = subject.case(sources=sources)
        wanted, stems = list(case.sources), list(subject.result(case).stems)
        require(stems == wanted, f"asked for {wanted}, it gave {stems}; keep the order of problem.sources")


@check(when=declares_trait("selective"))
def some_sources_come_alone(subject: MethodSubject) -> None:
    """Asked for one of its sources it gives that one, as the spec declares."""
    for source in subject.sources:
        stems = list(subject.result(replace(subject.case(), sources=(source,))).stems)
        require(
            stems == [source],
            f"asked for {source} alone, it gave {stems}; give problem.sources, or do not declare selective",
        )


@check(when=is_method)
def stems_match_the_mixture(subject: MethodSubject) -> None:
    """Stems have the rate, channels and length of mixtures of many kinds."""
    grid = [(rate, channels) for rate in subject.sample_rates for channels in subject.channel_counts]
    for (rate, channels), length in zip(grid, awkward_lengths(len(grid)), strict=True):
        result = subject.result(subject.case(sample_rate=rate, channels=channels, length=length))
        for name, stem in result.stems.items():
            require(
                stem.sample_rate == rate and stem.samples.shape == (channels, length),
                f"stem '{name}' is {stem} for a mixture of {result.mixture}; give back the mixture's rate, channels "
                "and length",
            )


@check(when=is_method)
def stems_are_finite_float32(subject: MethodSubject) -> None:
    """Samples are finite and of type float32."""
    for name, stem in subject.result().stems.items():
        samples = np.asarray(stem.samples)
        require(samples.dtype == np.float32, f"stem '{name}' is {samples.dtype}; leave the conversion to sepkit.Audio")
        require(np.isfinite(samples).all(), f"stem '{name}' holds NaN or infinity; guard divisions and logarithms")


@check(when=is_method)
def survives_silence(subject: MethodSubject) -> None:
    """Digital silence is separated into finite stems."""
    _require_finite(subject.result(subject.case(gain=0.0)), "digital silence")


@check(when=is_method)
def survives_a_single_sample(subject: MethodSubject) -> None:
    """A mixture of one sample is separated into stems of one."""
    result = subject.result(subject.case(length=1))
    _require_finite(result, "a single sample")
    lengths = [stem.length for stem in result.stems.values()]
    require(set(lengths) <= {1}, f"a mixture of one sample gave stems of {lengths}; give back the mixture's length")


@check(when=is_method)
def survives_extreme_levels(subject: MethodSubject) -> None:
    """Very soft and very loud mixtures are separated into finite stems."""
    for gain in (1e-7, 1e4):
        _require_finite(subject.result(subject.case(gain=gain)), f"a mixture times {gain:g}")


@check(when=declares_trait("gain-equivariant"))
def gain_goes_through(subject: MethodSubject) -> None:
    """A louder mixture gives equally louder stems, as the spec declares."""
    plain = subject.result()
    for gain in (0.25, 8.0):
        scaled = subject.result(subject.case(gain=gain))
        error = _relative(scaled.samples / gain - plain.samples, plain)
        require(
            error < _TOLERANCE,
            f"a mixture times {gain:g} gives stems that are off by {error:.2g} of the mixture; scale thresholds with "
            "the mixture, or do not declare gain-equivariant",
        )


@check(when=declares_trait("sums-to-mixture"))
def stems_sum_to_the_mixture(subject: MethodSubject) -> None:
    """The stems alone sum to the mixture, as the spec declares."""
    cases = [subject.case(), subject.case(take=1, sources=("one", "two", "three")), subject.case(shape="pips")]
    if max(subject.channel_counts) > 1:
        cases.append(subject.case(shape="antiphase", channels=max(subject.channel_counts)))
    for case in cases:
        result = subject.result(case)
        error = _relative(result.samples.sum(axis=0) - result.mixture.samples, result)
        require(
            error < _TOLERANCE,
            f"the stems of {case.shape} miss the mixture by {error:.2g} of it; share out all, also where channels "
            "are in antiphase or no estimate sees anything, or do not declare sums-to-mixture",
        )


@check(when=declares_trait("synthesises"))
def synthesised_stems_differ_from_shares(subject: MethodSubject) -> None:
    """The stems do not sum to the mixture, as the spec declares."""
    result = subject.result()
    error = _relative(result.samples.sum(axis=0) - result.mixture.samples, result)
    require(
        error >= _TOLERANCE,
        "the stems sum to the mixture; declare sums-to-mixture instead of synthesises",
    )


@check(when=declares_trait("arbitrary-names"))
def names_are_arbitrary_as_declared(subject: MethodSubject) -> None:
    """Told nothing but names, it gives the same stems whatever they are, and identifies none."""
    if subject.sources:
        raise Skipped(f"with these weights it always separates into {', '.join(subject.sources)}")
    subject.require_deterministic()
    here, there = (
        subject.result(subject.case(sources=names, given=frozenset((*subject.spec.needs, "sources"))))
        for names in (("first", "second"), ("second", "first"))
    )
    require(
        not here.run.identified,
        f"told nothing but names, it identifies {', '.join(sorted(here.run.identified))}; call run.identify with "
        "sources of which it knows more, or do not declare arbitrary-names",
    )
    error = _relative(here.samples - there.samples, here)
    require(
        error < _TOLERANCE,
        f"names in another order give other stems, by {error:.2g} of the mixture; do not declare arbitrary-names where "
        "names matter",
    )


def _require_finite(result: Result, what: str) -> None:
    for name, stem in result.stems.items():
        require(np.isfinite(np.asarray(stem.samples)).all(), f"{what} gives stem '{name}' NaN or infinity")


def _relative(error: np.ndarray[tuple[int, ...], np.dtype[np.floating]], result: Result) -> float:
    """Root mean square of an error beside that of the mixture."""
    size = float(np.sqrt(np.mean(np.square(result.mixture.samples, dtype=np.float64))))
    return float(np.sqrt(np.mean(np.square(error, dtype=np.float64)))) / size
