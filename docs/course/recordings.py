"""Short recordings whose stems are known: bundled with sepkit, or synthesised here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from sepkit import Audio, F0Track, Note, Score, example
from sepkit.evaluation.datasets.toy import ToyWaveforms

from .synthesis import RATE, hi_hat, kick, levelled, melody_hz, played, snare, string, sung, wind


@dataclass(frozen=True)
class Recording:
    """A mixture with all that is known about it."""

    stems: dict[str, Audio]
    score: Score | None = None
    f0: dict[str, F0Track] = field(default_factory=dict)
    examples: dict[str, Audio] = field(default_factory=dict)

    @property
    def mixture(self) -> Audio:
        """The sum of the stems."""
        stems = list(self.stems.values())
        return Audio(sum(stem.samples for stem in stems), stems[0].sample_rate)


RECORDINGS: dict[str, Callable[[], Recording]] = {}


def _recording(make: Callable[[], Recording]) -> Callable[[], Recording]:
    RECORDINGS[make.__name__] = cache(make)
    return RECORDINGS[make.__name__]


def _bundled(name: str, start_s: float, end_s: float) -> Recording:
    """A passage of a bundled recording, at the rate of all others here."""
    piece = example.load(name)
    span = slice(round(start_s * 44100), round(end_s * 44100))
    stems = {name: Audio(stem.samples[:, span], 44100).resample(RATE) for name, stem in piece.stems.items()}
    notes = [
        Note(max(note.onset_s, start_s) - start_s, min(note.offset_s, end_s) - start_s, note.pitch, part=note.part)
        for note in piece.score.notes
        if start_s <= note.onset_s < end_s - 0.05
    ]
    examples = {name: Audio.read(path).resample(RATE) for name, path in piece.training.items()}
    return Recording(stems, Score(notes), examples=examples)


@_recording
def piano() -> Recording:
    """Both hands of a pianist."""
    return _bundled("piano", 0, 6)


@_recording
def trio() -> Recording:
    """Flute, cello and drums, with examples of each."""
    return _bundled("ode", 0, 5.5)


@_recording
def drums() -> Recording:
    """A kit whose strokes are known, with hits of another kit as examples."""
    rng = np.random.default_rng(0)
    beats = np.arange(0, 4.8, 0.3)
    struck = {"kick": beats[[0, 3, 4, 8, 10, 11, 12]], "snare": beats[[2, 6, 10, 14, 15]], "hi-hat": beats}
    hits = {"kick": kick(), "snare": 0.7 * snare(rng), "hi-hat": 0.5 * hi_hat(rng)}
    others = {"kick": kick(1.25), "snare": snare(rng, 1.2), "hi-hat": hi_hat(rng, 0.045)}
    stems, notes = {}, []
    for name, onsets in struck.items():
        sound = np.zeros(round(5 * RATE))
        for onset_s in onsets:
            start = round(onset_s * RATE)
            one = rng.uniform(0.6, 1) * hits[name][: len(sound) - start]
            sound[start : start + len(one)] += one
            notes.append(Note(onset_s, onset_s + 0.1, 38, part=name))
        stems[name] = Audio.mono((0.3 * sound).astype(np.float32), RATE)
    examples = {name: Audio.mono((0.3 * hit).astype(np.float32), RATE) for name, hit in others.items()}
    return Recording(stems, Score(notes), examples=examples)


@_recording
def song() -> Recording:
    """A singer over a band that plays the same bar four times."""
    rng = np.random.default_rng(1)
    bar_s, duration_s = 1.6, 6.4
    chords = [
        Note(0.4 * at, 0.4 * at + 0.35, pitch)
        for at, low in enumerate((48, 48, 53, 55))
        for pitch in (low + 12, low + 16, low + 19)
    ]
    bass = [Note(0.4 * at, 0.4 * at + 0.35, pitch - 12) for at, pitch in enumerate((48, 55, 53, 55))]
    bar = played(chords, bar_s, string, 0.06) + played(bass, bar_s, string, 0.07)
    for at in range(8):
        one = 0.12 * (kick() if at % 4 == 0 else snare(rng) if at % 4 == 2 else hi_hat(rng))
        start = round(0.2 * at * RATE)
        bar[start : start + len(one)] += one[: len(bar) - start]
    tune = [
        Note(0.5, 1.3, 67),
        Note(1.3, 1.9, 69),
        Note(1.9, 2.9, 72),
        Note(3.3, 3.9, 71),
        Note(3.9, 4.6, 67),
        Note(4.6, 5.1, 64),
        Note(5.1, 6.1, 67),
    ]
    f0_hz = melody_hz(tune, duration_s)
    voice = levelled(sung(f0_hz, "aoieaoi"), 0.06)
    times_s = np.arange(0, duration_s, 0.01)
    track = F0Track(
        times_s, np.where(at_times := f0_hz[np.minimum((times_s * RATE).astype(int), len(f0_hz) - 1)], at_times, np.nan)
    )
    stems = {"vocals": Audio.mono(voice, RATE), "accompaniment": Audio.mono(np.tile(bar, 4), RATE)}
    return Recording(stems, f0={"vocals": track})


@_recording
def choir() -> Recording:
    """Two singers, with F0 of each that is 6 Hz too high."""
    duration_s = 4.0
    lines = {
        "soprano": ([Note(0, 1, 69), Note(1, 2, 71), Note(2, 3, 72), Note(3, 4, 71)], "aieo"),
        "alto": ([Note(0, 1.5, 64), Note(1.5, 2.5, 62), Note(2.5, 4, 67)], "oeia"),
    }
    stems, f0 = {}, {}
    for name, (notes, vowels) in lines.items():
        f0_hz = melody_hz(notes, duration_s)
        stems[name] = Audio.mono(levelled(sung(f0_hz, vowels), 0.1), RATE)
        times_s = np.arange(0, duration_s, 0.01)
        f0[name] = F0Track(times_s, f0_hz[(times_s * RATE).astype(int)] + 6)
    return Recording(stems, f0=f0)


@_recording
def panned() -> Recording:
    """Three plucked lines in stereo: left, in the middle, and right."""
    duration_s = 5.0
    lines = {
        "left": (
            0.2,
            [Note(0.5 * n, 0.5 * n + 0.45, 60 + step) for n, step in enumerate((0, 4, 7, 12, 7, 4, 0, 4, 7))],
        ),
        "middle": (0.5, [Note(1.0 * n, 1.0 * n + 0.9, 43 + step) for n, step in enumerate((0, 5, 7, 0, 5))]),
        "right": (0.8, [Note(0.25 + 0.75 * n, 0.9 + 0.75 * n, 72 + step) for n, step in enumerate((2, 0, 3, 5, 3, 2))]),
    }
    stems = {}
    for name, (place, notes) in lines.items():
        mono = played(notes, duration_s, string)
        stems[name] = Audio(np.stack([np.cos(np.pi / 2 * place) * mono, np.sin(np.pi / 2 * place) * mono]), RATE)
    return Recording(stems)


@_recording
def duo() -> Recording:
    """Two instruments that differ in their partials alone: one has all of them, one the odd ones."""
    duration_s = 3.2
    full, odd = wind((0.7, 1, 0.8, 0.6, 0.65, 0.4, 0.35, 0.3)), wind((1, 0.05, 0.5, 0.03, 0.3, 0, 0.15))
    lines = {
        "full": (full, (0, 0.62, 1.1, 1.9, 2.6), (67, 71, 74, 72, 69)),
        "odd": (odd, (0.3, 0.9, 1.5, 2.2), (60, 62, 65, 64)),
    }
    stems, notes = {}, []
    for name, (tone, onsets, pitches) in lines.items():
        ends = (*onsets[1:], duration_s - 0.1)
        line = [Note(at, end, pitch, part=name) for at, end, pitch in zip(onsets, ends, pitches, strict=True)]
        notes += line
        stems[name] = Audio.mono(played(line, duration_s, tone), RATE)
    alone = [Note(0.7 * n, 0.7 * n + 0.6, 58 + 2 * n) for n in range(6)]
    examples = {name: Audio.mono(played(alone, 4.5, tone), RATE) for name, (tone, *_) in lines.items()}
    return Recording(stems, Score(notes), examples=examples)


@_recording
def waves() -> Recording:
    """A sine and a saw tooth, as the bundled flows know them."""
    track = next(iter(ToyWaveforms(count=1, sources=("sine", "saw"), duration_s=0.5, seed=2024).tracks()))
    return Recording({name: stem() for name, stem in track.stems.items()})


@_recording
def theme() -> Recording:
    """A flute, to be rebuilt from the sounds of a piano."""
    return Recording({"flute": trio().stems["flute"]}, examples={"piano": piano().mixture})


@_recording
def tones_and_drums() -> Recording:
    """Flute and cello together, and drums."""
    stems = trio().stems
    return Recording({"harmonic": _sum(stems["flute"], stems["cello"]), "percussive": stems["drums"]})


@_recording
def drums_and_more() -> Recording:
    """Drums, and flute and cello together."""
    stems = trio().stems
    return Recording({"drums": stems["drums"], "other": _sum(stems["flute"], stems["cello"])})


@_recording
def centred() -> Recording:
    """A line in the middle of the stereo image, and two at its sides."""
    stems = panned().stems
    return Recording({"centre": stems["middle"], "sides": _sum(stems["left"], stems["right"])})


def _sum(one: Audio, other: Audio) -> Audio:
    return Audio(one.samples + other.samples, one.sample_rate)
