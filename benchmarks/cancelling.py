"""How long methods take to notice that they are cancelled: ``python benchmarks/cancelling.py [METHOD ...]``.

A minute of stereo at 44.1 kHz is separated once by each method, and the time from one look at whether to cancel to the
next is taken: the longest is the longest that a user can wait. It is CPU time, which does not depend on what else the
machine does; run it with OMP_NUM_THREADS=1. Prints Markdown.
"""

from __future__ import annotations

import time
from typing import Any

import click
import numpy as np

import sepkit
from sepkit import Audio, Note, Progress, Score
from sepkit.alignment import align
from sepkit.music.pitch import midi_to_hz

RATE, SECONDS = 44100, 60
FEW = {"iterations": 4}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "nmf": ("nmf", {"config": FEW}),
    "score-nmf": ("score-nmf", {"config": FEW, "score": True}),
    "nae, blind": ("nae", {"config": FEW}),
    "nae, score": ("nae", {"config": FEW, "score": True}),
    "flow-sgld": ("flow-sgld", {"config": {"levels": 2, "steps": 2}, "sources": ["sine", "saw"]}),
    "harmonic-comb": ("harmonic-comb", {"score": True}),
    "ideal-ratio-mask": ("ideal-ratio-mask", {"references": True}),
    "ideal-binary-mask": ("ideal-binary-mask", {"references": True}),
    "ideal-wiener-filter": ("ideal-wiener-filter", {"references": True}),
    "mixture": ("mixture", {}),
    "alignment": ("", {}),
}


class Clock:
    """Looks like what cancels and what is told of progress; notes when it is looked at, and in which stage."""

    def __init__(self) -> None:
        self.stage, self.last_s = "begin", time.process_time()
        self.gaps: list[tuple[float, str]] = []

    def is_set(self) -> bool:
        now_s = time.process_time()
        self.gaps.append((now_s - self.last_s, self.stage))
        self.last_s = now_s
        return False

    def report(self, event: Progress) -> None:
        self.stage = f"{event.stage} {event.done}/{event.total}"


def music() -> tuple[Audio, dict[str, Audio], Score]:
    """Two parts of plain tones, four notes a second each."""
    time_s = np.arange(RATE * SECONDS) / RATE
    rng, notes, stems = np.random.default_rng(0), [], {}
    for part, lowest in (("high", 67), ("low", 43)):
        samples = 1e-4 * rng.standard_normal((2, len(time_s)))
        for step in range(4 * SECONDS):
            note = Note(step / 4, (step + 1) / 4, lowest + int(rng.integers(12)), part=part)
            span = slice(round(note.onset_s * RATE), round(note.offset_s * RATE))
            partials = (np.sin(2 * np.pi * m * midi_to_hz(note.pitch) * time_s[span]) / m for m in range(1, 6))
            samples[:, span] += 0.05 * sum(partials)
            notes.append(note)
        stems[part] = Audio(samples.astype(np.float32), RATE)
    return Audio(stems["high"].samples + stems["low"].samples, RATE), stems, Score(tuple(notes))


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Print the longest waits of each method."""
    mixture, stems, score = music()
    print("| method | longest, s | there | next, s | there |\n| --- | ---: | --- | ---: | --- |")
    for name in names or CASES:
        method, options = CASES[name]
        options = {"sources": list(stems), **options}
        options |= {"score": score} if "score" in options else {}
        options |= {"references": stems} if "references" in options else {}
        if method:
            # What is imported once takes its time once, and cannot be stopped.
            short = {name: Audio(stem.samples[:, :RATE], RATE) for name, stem in {**stems, "all": mixture}.items()}
            few = (
                {**options, "references": {part: short[part] for part in stems}} if "references" in options else options
            )
            sepkit.separate(short["all"], method, **few)
        clock = Clock()
        if method:
            sepkit.separate(mixture, method, **options, cancel=clock, reporter=clock.report)
        else:
            align(mixture, score, cancel=clock, reporter=clock.report)
        clock.is_set()
        longest = sorted(clock.gaps, reverse=True)[:2]
        print(f"| {name} | " + " | ".join(f"{gap_s:.2f} | {stage}" for gap_s, stage in longest) + " |", flush=True)


if __name__ == "__main__":
    main()
