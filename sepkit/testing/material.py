"""What checks feed to a subject: short synthetic mixtures with all that is known of them, layouts, and values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sepkit.music.audio import Audio
from sepkit.music.f0 import F0Track
from sepkit.music.labels import Label, Labels
from sepkit.music.note import Note
from sepkit.music.pitch import midi_to_hz
from sepkit.music.score import Score
from sepkit.music.side import SideInformation
from sepkit.problem.domain import Domain
from sepkit.problem.layout import Atom, Layout

SOURCES = ("first", "second")

_PITCHES = (57, 64, 72, 52)
_NOTES = 4
_PIPS = ((0.25, 700.0), (0.7, 1900.0))
"""Where in the mixture each lies, and its frequency in Hz."""
_LATER_S = 10.0


@dataclass(frozen=True)
class Case:
    """One problem for a method; equal cases are the same problem, so that checks can share its separation.

    Attributes
    ----------
    sample_rate : int
    channels : int
    length : int
        In samples; no multiple of a usual hop.
    gain : float
        0 is silence.
    sources : tuple of str
    seed : int
        Of the run.
    take : int
        Another take is another mixture.
    shape : str
        ``"tones"``; ``"antiphase"``: every other channel inverted, so that the mean of the channels is nearly nothing;
        ``"pips"``: short tones in silence, brief in time and narrow in frequency.
    given : frozenset of str or None
        What comes with the mixture, in the words in which specs declare needs; None for all that the method may know.
    """

    sample_rate: int
    channels: int
    length: int
    gain: float = 1.0
    sources: tuple[str, ...] = SOURCES
    seed: int = 0
    take: int = 0
    shape: str = "tones"
    given: frozenset[str] | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.length / self.sample_rate

    def mixture(self) -> Audio:
        """The sum of the references, with a little noise under tones; a new array for every call."""
        total = np.sum(self._stems(), axis=0)
        if self.shape != "pips":
            noise = np.random.default_rng(1000 + self.take).standard_normal((self.channels, self.length))
            total = total + self._across(0.003 * noise)
        return self._audio(total)

    def references(self) -> dict[str, Audio]:
        """The true stem of every source."""
        return dict(zip(self._names, map(self._audio, self._stems()), strict=True))

    def side_information(self) -> SideInformation:
        """Everything that can be known of the mixture."""
        known = side_information(self._names, self.duration_s, self.take)
        # What the sources play elsewhere: the same instruments, other notes.
        other = replace(self, take=self.take + 5)
        examples = {name: (stem,) for name, stem in other.references().items()}
        return replace(known, examples=examples, references=self.references())

    @property
    def _names(self) -> tuple[str, ...]:
        return self.sources or SOURCES

    def _stems(self) -> list[NDArray[np.float64]]:
        """What each source plays, before any gain [shape=(channels, samples)]."""
        stems = [np.zeros((self.channels, self.length)) for _ in self._names]
        time_s = np.arange(self.length) / self.sample_rate
        if self.shape == "pips":
            for index, (place, f0_hz) in enumerate(_PIPS):
                since_s = time_s - place * self.duration_s
                pip = np.exp(-((since_s / 0.008) ** 2)) * np.sin(2 * np.pi * f0_hz * since_s)
                stems[index % len(stems)] += 0.3 * pip * (np.abs(since_s) < 0.03)
            return stems
        score = side_information(self._names, self.duration_s, self.take).score
        assert score is not None
        for note in score.notes:
            sounding = (time_s >= note.onset_s) & (time_s < note.offset_s)
            f0_hz = float(midi_to_hz(note.pitch))
            partials = sum(np.sin(2 * np.pi * m * f0_hz * time_s) / m for m in (1, 2, 3))
            part = self._names.index(note.part)
            pan = np.linspace(1.0, 0.5 if part % 2 else 1.5, self.channels)[:, np.newaxis]
            stems[part] += 0.1 * pan * partials * sounding
        return [self._across(stem) for stem in stems]

    def _across(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """The samples, or their first channel with every other one inverted."""
        if self.shape != "antiphase":
            return samples
        return np.asarray(samples[:1] * (-1.0) ** np.arange(self.channels)[:, np.newaxis])

    def _audio(self, samples: NDArray[np.float64]) -> Audio:
        return Audio((self.gain * samples).astype(np.float32), self.sample_rate)


def side_information(sources: tuple[str, ...], duration_s: float, take: int = 0) -> SideInformation:
    """A score with one part a source, whose notes take turns, and the F0 tracks that go with it."""
    notes = []
    tracks = {}
    times_s = np.linspace(0, duration_s, 21)
    for index, source in enumerate(sources):
        f0_hz = np.full(times_s.shape, np.nan)
        for step in range(_NOTES):
            if (step + index) % 2 and len(sources) > 1:
                continue
            pitch = _PITCHES[index % len(_PITCHES)] + 2 * step + take
            onset_s, offset_s = (duration_s * part / _NOTES for part in (step, step + 1))
            notes.append(Note(onset_s, offset_s, pitch, part=source))
            f0_hz[(times_s >= onset_s) & (times_s < offset_s)] = midi_to_hz(pitch)
        tracks[source] = F0Track(times_s, f0_hz)
    spans = [Label(note.onset_s, note.offset_s, note.part) for note in notes]
    boxes = [
        Label(duration_s * index / len(sources), duration_s * (index + 0.5) / len(sources), source, 0, 1500)
        for index, source in enumerate(sources)
    ]
    return SideInformation(Score(tuple(notes)), tracks, labels=(Labels((*spans, *boxes)),))


def small_layout(
    axes: Iterable[str] = (), *, tiny: bool = False, sources: tuple[str, ...] = (), sample_rate: int | None = None
) -> Layout:
    """Axes of a small problem on which statements are tried; `tiny` has one of everything.

    `sources` and `sample_rate` are those that a statement asks for, `axes` those of which it speaks.
    """
    sources = (sources or ("first", "second", "third"))[: 1 if tiny else 3]
    case = Case(sample_rate or 8000, 1 if tiny else 2, 1 if tiny else 61, sources=sources)
    bins, frames = (1, 1) if tiny else (9, 12)
    pitches = _PITCHES[: len(sources)]
    atoms = tuple(Atom(source, pitch) for source, pitch in zip(sources, pitches, strict=True))
    known = side_information(sources, case.duration_s)
    if not tiny:
        # It lasts for less than a listener's tolerance: that somebody rests can be told only if they come in later.
        others = tuple(label for label in known.all_labels if label.source != sources[0])
        known = replace(known, labels=(Labels((*others, Label(_LATER_S, _LATER_S + 1, sources[0]))),))
    return Layout(
        mixture=case.mixture(),
        side_information=known,
        sources=sources,
        bins_hz=np.arange(bins) * (4000.0 / max(1, bins - 1)),
        frames_s=np.arange(frames) * (case.duration_s / frames),
        atoms=atoms if tiny else (*atoms, Atom()),
        lengths=dict.fromkeys(axes, 1 if tiny else 3),
    )


def with_labels_of_everything(layout: Layout) -> Layout:
    """The same axes, with labels by which every source sounds all the time."""
    labels = Labels(tuple(Label(0, layout.mixture.duration_s, source) for source in layout.sources))
    return replace(layout, side_information=replace(layout.side_information, labels=(labels,)))


def value_of(domain: Domain, layout: Layout, seed: int = 0, dtype: type = np.float64) -> NDArray[np.floating]:
    """A plausible value of `domain`: positive where the domain is a magnitude, away from zero."""
    rng = np.random.default_rng(seed)
    shape = layout.shape(domain)
    if domain.nonnegative:
        value = 0.2 + rng.gamma(2.0, 0.5, shape)
    elif domain == Domain.F0:
        value = midi_to_hz(57) * 2 ** rng.uniform(-1, 1, shape)
    else:
        value = 0.3 * rng.standard_normal(shape)
    return value.astype(dtype)


def awkward_lengths(count: int) -> list[int]:
    """Prime numbers of samples, which no hop divides."""
    candidates = range(2003, 20000, 2)
    primes = (n for n in candidates if all(n % d for d in range(3, math.isqrt(n) + 1, 2)))
    return [prime for _, prime in zip(range(count), primes, strict=False)]
