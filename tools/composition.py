"""Measure what every prior and constraint does for every separator that can host it, for docs/guide/composition.md.

``python tools/composition.py`` measures what the page does not tell yet, and writes it there; ``--all`` measures
everything anew, ``--check`` only says what the page does not tell. The pieces are the first seconds of the two bundled
examples, which `sepkit.example` renders; nothing else is used.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sepkit import Audio, Constraint, Label, Labels, Method, Note, Prior, Registry, Score, example
from sepkit.errors import Cancelled, ConfigError, SepkitError
from sepkit.evaluation import evaluate
from sepkit.music import midi_to_hz
from sepkit.plugin.specs import SeparatorSpec, StatementSpec
from sepkit.problem.domain import Domain
from sepkit.problem.needs import alternatives, unmet

PAGE = Path(__file__).parents[1] / "docs" / "guide" / "composition.md"
COMMAND = "python tools/composition.py"
TABLE = re.compile(rf"(<!-- table, written by {COMMAND} -->\n)(.*?)(<!-- end of table -->)", re.DOTALL)
SECONDS, RATE, ITERATIONS, MOST_S = 4.0, 16000, 30, 3.0
NOT_MEASURED = "·"
PITCHED = ("flute", "cello", "right", "left")

Pair = tuple[str, str]
"""Names of a separator and of a prior or a constraint."""


def main() -> None:
    """Measure and write, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    registry = Registry.discover()
    on_page, reasons = ({}, {}) if given.all else read(PAGE.read_text(encoding="utf-8"))
    domains = hosting(registry)
    told = {pair: cell for pair, cell in on_page.items() if pair in domains and cell[0] == letter(domains[pair])}
    if given.check:
        wrong = (domains.keys() ^ told.keys()) | (on_page.keys() ^ told.keys())
        if wrong:
            sys.exit(f"{PAGE} and what is published differ in {min(wrong)}; write it with: {COMMAND}")
        return
    pieces = [Piece.of("ode"), Piece.of("piano")]
    due = {name for name, statement in domains if (name, statement) not in told}
    # What takes long comes last: the page has what is there when somebody runs out of patience.
    for name in sorted(due, key=lambda name: ("accelerated" in registry.separator(name).traits, name)):
        print(name, flush=True)
        measuring = Measuring(registry, name)
        for statement in (one for other, one in domains if other == name and (name, one) not in told):
            figures = [measuring.effect_db(piece, statement) for piece in pieces]
            told[name, statement] = " ".join([letter(domains[name, statement]), *figures])
        reasons |= measuring.reasons
        write(table(registry, told, reasons))
    write(table(registry, told, reasons))


def hosting(registry: Registry) -> dict[Pair, Domain]:
    """On which variable every separator hosts every prior and constraint that it can."""
    found = {}
    for spec in separators(registry):
        for statement in statements(registry):
            taken = spec.priors if statement.kind == "prior" else (*spec.constraints, Domain.WAVEFORMS)
            domain = next((one for one in taken if one in statement.domains), None)
            if domain is not None:
                found[spec.name, statement.name] = domain
    return found


def separators(registry: Registry) -> list[SeparatorSpec]:
    """Those that host in their own loops first."""
    return sorted(registry.separators.values(), key=lambda spec: (not (spec.priors or spec.constraints), spec.name))


def statements(registry: Registry) -> list[StatementSpec]:
    """All priors, then all constraints."""
    return [*registry.priors.values(), *registry.constraints.values()]


def letter(domain: Domain) -> str:
    """What stands for a domain in the table."""
    return str(domain)[0].upper()


@dataclass(frozen=True)
class Piece:
    """A mixture with all that can be known of it."""

    mixture: Audio
    stems: dict[str, Audio]
    knowledge: dict[str, Any]

    @classmethod
    def of(cls, name: str) -> Piece:
        """The beginning of a bundled example; the players' next seconds are the examples of their sounds."""
        whole = example.load(name)
        stems = {source: part(stem, 0) for source, stem in whole.stems.items()}
        notes = [note for note in whole.score.notes if note.onset_s < SECONDS]
        notes = [replace(note, offset_s=min(note.offset_s, SECONDS)) for note in notes]
        spans = [Label(note.onset_s, note.offset_s, note.part) for note in notes]
        boxes = [
            replace(span, low_hz=0.97 * f0_hz(note), high_hz=1.03 * f0_hz(note))
            for span, note in zip(spans, notes, strict=True)
            if note.part in PITCHED
        ]
        return cls(
            Audio(np.sum([stem.samples for stem in stems.values()], axis=0), RATE),
            stems,
            {
                "score": Score(tuple(notes)),
                "examples": {source: part(stem, 1) for source, stem in whole.stems.items()},
                "references": stems,
                "labels": Labels((*spans, *true_boxes(boxes, stems))),
            },
        )


def f0_hz(note: Note) -> float:
    """Of a note, as written."""
    return float(midi_to_hz(note.pitch))


def true_boxes(boxes: list[Label], stems: dict[str, Audio]) -> list[Label]:
    """Those in which the source is the loudest, with its share of the power: a listener would not label others."""
    from scipy.signal import ShortTimeFFT

    transform = ShortTimeFFT.from_window("hann", RATE, 1024, 768)
    powers = {source: np.abs(transform.stft(stem.samples[0])) ** 2 for source, stem in stems.items()}
    times_s = transform.t(stems[boxes[0].source].length)
    true = []
    for box in boxes:
        frames = (times_s >= box.start_s) & (times_s < box.end_s)
        bins = (transform.f >= (box.low_hz or 0)) & (transform.f < (box.high_hz or RATE))
        inside = {source: float(power[np.ix_(bins, frames)].sum()) for source, power in powers.items()}
        if 2 * inside[box.source] > sum(inside.values()):
            true.append(replace(box, strength=min(1.0, inside[box.source] / sum(inside.values()))))
    return true


def part(audio: Audio, number: int) -> Audio:
    """So many seconds of a recording, from so many times as many on."""
    length = round(SECONDS * audio.sample_rate)
    return Audio(audio.samples[:, number * length : (number + 1) * length], audio.sample_rate).resample(RATE)


class Measuring:
    """A separator with and without statements; `reasons` are why something could not be measured."""

    def __init__(self, registry: Registry, name: str) -> None:
        self.registry, self.spec = registry, registry.separator(name)
        self.reasons: dict[str, str] = {}
        self._plain: dict[int, float | None] = {}
        self._method: Method | None = None

    def effect_db(self, piece: Piece, statement: str) -> str:
        """SDR with the statement, and what it needs to know, less SDR without."""
        spec = next(one for one in statements(self.registry) if one.name == statement)
        if id(piece) not in self._plain:
            self._plain[id(piece)] = self._sdr_db(piece, ())
        plain = self._plain[id(piece)]
        told = None if plain is None else self._sdr_db(piece, (spec,))
        if plain is None or told is None:
            return NOT_MEASURED
        effect_db = round(told - plain, 1)
        return f"{effect_db:+.1f}".replace("-", "−") if effect_db else "0"

    def _sdr_db(self, piece: Piece, declared: Sequence[StatementSpec]) -> float | None:
        """Mean over the sources, each given the stem that is best for all of them; None where there is none."""
        about = declared[0].name if declared else self.spec.name
        try:
            if self.spec.sources:
                raise _NotMeasured("its stems have names of its own, which are not those of the pieces")
            if "weights" in unmet(self.spec.needs, piece.knowledge):
                raise _NotMeasured("it needs weights that are trained or fetched")
            if declared and declared[0].sources:
                raise _NotMeasured(f"it knows {', '.join(declared[0].sources)}, which the pieces have not")
            try:
                made = [one.load()() for one in declared]
            except ValueError:
                raise _NotMeasured("it says nothing without options, which depend on the recording") from None
            return self._measured(piece, declared, made)
        except _NotMeasured as error:
            self.reasons.setdefault(about, str(error))
        except Cancelled:
            which = f"{self.spec.name}, {about}" if declared else about
            self.reasons.setdefault(which, f"it takes more than {MOST_S:g} s of processor time for {SECONDS:g} s")
        except SepkitError as error:
            said = re.sub(r"^method '[^']*'[^:]*: ", "", str(error))
            print(f"  {self.spec.name}, {about}: {said}", flush=True)
            if not declared:
                self.reasons.setdefault(about, said)
        return None

    def _measured(self, piece: Piece, declared: Sequence[StatementSpec], made: list[Any]) -> float:
        if self._method is None:
            few = {"iterations": ITERATIONS} if "iterations" in self.spec.load_config().model_fields else {}
            try:
                self._method = Method(self.spec.name, config=few, registry=self.registry)
            except ConfigError:  # So few are none for it.
                self._method = Method(self.spec.name, registry=self.registry)
        kinds = {kind for one in (self.spec, *declared) for need in one.needs for kind in alternatives(need)[:1]}
        separation = self._method.separate(
            panned(piece) if "stereo" in self.spec.needs else piece.mixture,
            sources=piece.stems,
            priors=[one for one in made if isinstance(one, Prior)],
            constraints=[one for one in made if isinstance(one, Constraint)],
            cancel=_After(MOST_S),
            align="never",
            **{kind: piece.knowledge[kind] for kind in kinds & piece.knowledge.keys()},
        )
        stems = {name: stem.mixdown() for name, stem in separation.items()}
        figures = evaluate(stems, piece.stems, metrics=["sdr"], permute=True, registry=self.registry)
        return float(np.mean(list(figures.values["SDR"].values())))


class _NotMeasured(Exception):
    """Why a figure would say nothing."""


class _After:
    """Cancels after some seconds of processor time."""

    def __init__(self, seconds: float) -> None:
        self._end = time.process_time() + seconds

    def is_set(self) -> bool:
        return time.process_time() > self._end


def panned(piece: Piece) -> Audio:
    """The mixture in stereo, each source at a place of its own; the mixdown is the mixture."""
    places = np.linspace(0.2, 0.8, len(piece.stems))
    channels = [
        np.sum([2 * share * stem.samples[0] for share, stem in zip(shares, piece.stems.values(), strict=True)], axis=0)
        for shares in (1 - places, places)
    ]
    return Audio(np.stack(channels), RATE)


def table(registry: Registry, told: dict[Pair, str], reasons: dict[str, str]) -> str:
    """The table, and a list of what could not be measured."""
    columns = [statement.name for statement in statements(registry)]
    rows = [[f"`{spec.name}`", *(told.get((spec.name, one), "") for one in columns)] for spec in separators(registry)]
    lines = [["", *(f"`{one}`" for one in columns)], ["---"] * (len(columns) + 1), *rows]
    text = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    there = {spec.name for spec in separators(registry)} | set(columns)
    because = {name: reason for name, reason in sorted(reasons.items()) if set(name.split(", ")) <= there}
    return text + "\n" + "".join(f"- `{name}`: {reason}.\n" for name, reason in because.items())


def write(text: str) -> None:
    """Put the table into the page."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(TABLE.sub(lambda found: found[1] + text + found[3], page), encoding="utf-8")


def read(text: str) -> tuple[dict[Pair, str], dict[str, str]]:
    """What the page tells: the cells of the table, and the reasons below it."""
    found = TABLE.search(text)
    assert found is not None, f"{PAGE} has no place for the table"
    lines = found[2].splitlines()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    told = {
        (row[0], statement): cell
        for row in rows[2:]
        for statement, cell in zip(rows[0][1:], row[1:], strict=True)
        if cell
    }
    reasons = dict(line[3:].rstrip(".").split("`: ", 1) for line in lines if line.startswith("- `"))
    return told, reasons


if __name__ == "__main__":
    main()
