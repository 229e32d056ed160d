"""Music by rule, as MIDI: rock and pop bands, electronic music, jazz groups, chamber music, piano with strings.

Every piece is drawn from a seed: key, tempo, form, progressions, who plays, what and how. Tracks of the MIDI file are
named ``STEM/ROLE``: what is to be one stem may be played by several.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import cycle

import numpy as np
import pretty_midi
from harmony import Chord, Key, draw_key, draw_progression
from parts import Bar, Note, Player, Rng, bass, comping, doubled, drums, looped, melody, percussion

GUITARS, DIRTY, KEYS = (24, 25, 26, 27, 28), (29, 30), (0, 1, 2, 4, 5, 6, 16, 17, 18, 7)
LEADS = (52, 53, 54, 85, 53, 52, 30, 29, 65, 66, 56, 22, 73, 80, 81, 40, 27)
PADS, SYNTHS = (48, 50, 51, 88, 89, 90, 91, 94, 95, 52), (80, 81, 82, 84, 86, 87, 62, 63, 11, 12, 98, 5)
SOLOISTS = (66, 65, 64, 56, 57, 59, 71, 11, 73, 26, 0)
ORCHESTRAL = (40, 41, 42, 68, 71, 73, 60, 70, 69, 45, 46, 6, 0)
STRINGS = (48, 49, 48, 44)
SOLO_S = 24.0


@dataclass(frozen=True)
class Role:
    """A musician of a piece, or a machine.

    Attributes
    ----------
    name : str
        ``STEM/ROLE``.
    program : int
        Of General MIDI; of drums the kit.
    draw : callable
        Gives the player of a section.
    presence : float
        How often it plays in a section.
    loudness : int
        MIDI velocity around which it plays.
    """

    name: str
    program: int
    draw: Callable[[Rng], Player]
    presence: float = 0.85
    loudness: int = 85

    @property
    def stem(self) -> str:
        """The stem that it is heard in."""
        return self.name.split("/")[0]


@dataclass(frozen=True)
class Ensemble:
    """Who plays a piece, and how it goes.

    Attributes
    ----------
    key : Key
    tempo : float
        In beats a minute.
    beats : int
        Of a bar.
    tones : int
        Of a chord.
    roles : list of Role
    freedom : float
        How far the tempo drifts, as a fraction.
    swing : float
        How late every second eighth comes, in beats.
    loop : int
        Bars after which the harmony comes again, and with it what was played; 0 where people play, not machines.
    synthetic : float
        How likely each part is played by a machine.
    """

    key: Key
    tempo: float
    beats: int
    tones: int
    roles: list[Role] = field(default_factory=list)
    freedom: float = 0.01
    swing: float = 0.0
    loop: int = 0
    synthetic: float = 0.0


def band(rng: Rng) -> Ensemble:
    """Rock and pop: a kit, a bass, guitars and keys, and somebody who leads."""
    key, beats = draw_key(rng), int(rng.choice([4, 4, 4, 4, 4, 3]))
    feel = str(rng.choice(["rock", "rock", "rock", "broken"]))
    roles = [
        Role("drums", int(rng.choice([0, 0, 8, 16, 16, 0])), lambda r: drums(r, beats, feel), 0.93, 95),
        Role("bass", _any(rng, (33, 33, 34, 36, 35)), _one_of(bass, ("roots", "groove", "groove"), beats), 0.93, 95),
        Role("other/guitar", _any(rng, GUITARS), _chords(("strum", "strum", "arpeggio", "offbeat"), beats, 60), 0.8),
        Role("other/dirty", _any(rng, DIRTY), _chords(("power",), beats, 55), 0.4, 90),
        Role("other/keys", _any(rng, KEYS), _chords(("pad", "strum", "arpeggio", "stabs"), beats, 65), 0.5, 75),
        Role("other/lead", _any(rng, LEADS), _line(key, beats, float(rng.uniform(64, 76)), 0.55), 0.85, 100),
    ]
    return Ensemble(key, float(rng.uniform(75, 170)), beats, 3, roles)


def electronic(rng: Rng) -> Ensemble:
    """Machines: four on the floor or broken beats, loops, synthesised basses and pads."""
    key = draw_key(rng)
    feel, lines = str(rng.choice(["four", "broken", "broken"])), ("groove", "octaves", "roots", "long", "groove")
    lead = _line(key, 4, float(rng.uniform(62, 79)), 0.5)
    roles = [
        Role("drums", int(rng.choice([24, 25, 25, 24, 0, 8])), lambda r: drums(r, 4, feel), 0.93, 100),
        Role("drums/percussion", int(rng.choice([0, 24, 25])), lambda r: percussion(r, 4), 0.4, 75),
        Role("bass", _any(rng, (38, 39, 38, 87, 33)), _one_of(bass, lines, 4), 0.9, 95),
        Role("other/pad", _any(rng, PADS), _chords(("pad",), 4, 62), 0.6, 75),
        Role("other/sequence", _any(rng, SYNTHS), _chords(("arpeggio", "stabs", "offbeat"), 4, 67), 0.7, 85),
        Role("other/keys", _any(rng, KEYS), _chords(("stabs", "offbeat", "strum"), 4, 63), 0.5, 85),
        Role("other/lead", _any(rng, (*SYNTHS, *LEADS)), lead, 0.6, 95),
    ]
    return Ensemble(
        key,
        float(rng.uniform(75, 175)),
        4,
        int(rng.choice([3, 4])),
        roles,
        freedom=0.0,
        loop=int(rng.choice([1, 2, 4, 4])),
        synthetic=float(rng.choice([0.4, 0.8, 1.0])),
    )


def jazz(rng: Rng) -> Ensemble:
    """A trio or quartet: ride and brushes, a walking bass, comping, a soloist."""
    key, beats = draw_key(rng), int(rng.choice([4, 4, 4, 3]))
    roles = [
        Role("drums", int(rng.choice([32, 40, 32])), lambda r: drums(r, beats, "swing"), 0.93, 80),
        Role("bass", _any(rng, (32, 32, 35)), _one_of(bass, ("walking", "walking", "groove"), beats), 0.95, 90),
        Role("other/comping", _any(rng, (0, 0, 1, 26, 4)), _chords(("stabs", "strum", "stabs"), beats, 60), 0.85, 70),
        Role("other/solo", _any(rng, SOLOISTS), _line(key, beats, float(rng.uniform(62, 74)), 0.75), 0.85, 90),
    ]
    return Ensemble(
        key, float(rng.uniform(95, 210)), beats, 4, roles, freedom=0.02, swing=float(rng.uniform(0.1, 0.17))
    )


def chamber(rng: Rng) -> Ensemble:
    """A few strings and winds over a contrabass or a cello, without drums."""
    key, beats = draw_key(rng), int(rng.choice([4, 3]))
    above = rng.choice(ORCHESTRAL, 3, replace=False)
    roles = [
        Role("bass", _any(rng, (43, 43, 42, 58)), _one_of(bass, ("long", "groove", "long"), beats), 0.9, 85),
        Role("other/first", int(above[0]), _line(key, beats, float(rng.uniform(68, 79)), 0.6), 0.9, 90),
        Role("other/second", int(above[1]), _line(key, beats, float(rng.uniform(60, 70)), 0.4), 0.8, 80),
        Role("other/inner", int(above[2]), _chords(("arpeggio", "pad", "strum"), beats, 60), 0.8, 70),
    ]
    return Ensemble(key, float(rng.uniform(60, 130)), beats, 3, roles, freedom=0.04)


def concerto(rng: Rng) -> Ensemble:
    """A piano and a string section, without drums and bass of their own."""
    key, beats = draw_key(rng), int(rng.choice([4, 3]))
    left = _one_of(bass, ("groove", "octaves", "long"), beats)
    roles = [
        Role("piano/left", 0, left, 0.9, 75),
        Role("piano/chords", 0, _chords(("arpeggio", "arpeggio", "strum", "stabs"), beats, 58), 0.9, 75),
        Role("piano/right", 0, _line(key, beats, float(rng.uniform(70, 80)), 0.8, (12,)), 0.9, 90),
        Role("strings/chords", _any(rng, STRINGS), _chords(("pad", "strum", "pad"), beats, 58), 0.95, 80),
        Role("strings/violins", _any(rng, STRINGS), _line(key, beats, float(rng.uniform(68, 80)), 0.45), 0.95, 85),
        Role("strings/basses", _any(rng, (48, 43, 42)), _one_of(bass, ("long", "groove"), beats), 0.8, 80),
    ]
    return Ensemble(key, float(rng.uniform(60, 125)), beats, 3, roles, freedom=0.04)


STYLES = {"band": band, "electronic": electronic, "jazz": jazz, "chamber": chamber, "concerto": concerto}


@dataclass(frozen=True)
class Piece:
    """A composed piece.

    Attributes
    ----------
    midi : pretty_midi.PrettyMIDI
    solos : list of (str, float, float)
        Passages that a stem has for itself, as asked for: stem, start and end in seconds.
    synthetic : float
        How likely each part is played by a machine.
    """

    midi: pretty_midi.PrettyMIDI
    solos: list[tuple[str, float, float]]
    synthetic: float = 0.0


def compose(style: str, seconds: float, rng: Rng, solos: tuple[str, ...] = ()) -> Piece:
    """Compose a piece of about `seconds`, beside solos.

    Parameters
    ----------
    style : str
        One of `STYLES`.
    seconds : float
    rng : numpy.random.Generator
    solos : tuple of str
        Stems that begin for themselves, one after the other, for `SOLO_S`; after that everybody may play.
    """
    ensemble = STYLES[style](rng)
    bar_s = 60 / ensemble.tempo * ensemble.beats
    kinds = [_section(ensemble, int(rng.choice([4, 4, 8])), rng) for _ in range(2)]
    tracks: dict[str, list[Note]] = {role.name: [] for role in ensemble.roles}
    passages, bars = [], 0
    for soloist in solos:
        first, end = bars, bars + math.ceil(SOLO_S / bar_s)
        # Of all sections, so that nothing that is played later has not been heard.
        for section in cycle(kinds):
            alone = replace(section, chords=section.chords[: end - bars])
            _play(alone, ensemble, soloist, bars, tracks, rng)
            bars += len(alone.chords)
            if bars == end:
                break
        passages.append((soloist, first, end))
    together = bars
    while (bars - together) * bar_s < seconds:
        section = kinds[int(rng.random() < 0.4)]
        _play(section, ensemble, None, bars, tracks, rng)
        bars += len(section.chords)
    seconds_of = _timeline(ensemble, bars, rng)
    midi = pretty_midi.PrettyMIDI(initial_tempo=ensemble.tempo)
    for role in ensemble.roles:
        midi.instruments.append(_performed(role, tracks[role.name], seconds_of, ensemble, rng))
    beats = ensemble.beats
    alone_s = [(stem, float(seconds_of(a * beats)), float(seconds_of(b * beats))) for stem, a, b in passages]
    return Piece(midi, alone_s, ensemble.synthetic)


@dataclass(frozen=True)
class _Section:
    chords: list[Chord]
    players: dict[str, Player]


def _section(ensemble: Ensemble, bars: int, rng: Rng) -> _Section:
    loop = ensemble.loop or bars
    chords = draw_progression(ensemble.key, loop, ensemble.tones, rng) * (bars // loop)
    players = {role.name: role.draw(rng) for role in ensemble.roles}
    return _Section(chords, {name: looped(play) for name, play in players.items()} if ensemble.loop else players)


def _play(
    section: _Section, ensemble: Ensemble, soloist: str | None, start: int, tracks: dict[str, list[Note]], rng: Rng
) -> None:
    playing = [role for role in ensemble.roles if rng.random() < role.presence] or ensemble.roles
    if soloist:
        playing = [role for role in ensemble.roles if role.stem == soloist]
    count = len(section.chords)
    for number, chord in enumerate(section.chords):
        following = section.chords[(number + 1) % count]
        bar = Bar(chord, following, ensemble.beats, number == 0, number == count - 1)
        for role in playing:
            for note in section.players[role.name](bar, rng):
                beat = (start + number) * ensemble.beats + note.beat
                tracks[role.name].append(note._replace(beat=beat))


def _timeline(ensemble: Ensemble, bars: int, rng: Rng) -> Callable[[float], float]:
    """From beats to seconds, at a tempo that drifts from bar to bar."""
    drift = np.cumsum(rng.normal(0, ensemble.freedom, bars + 2))
    drift -= np.linspace(0, drift[-1], len(drift))
    lengths = 60 / ensemble.tempo * ensemble.beats * np.exp(np.clip(drift, -0.15, 0.15))
    ends = np.concatenate([[0.0], np.cumsum(lengths)])
    return lambda beat: float(np.interp(beat / ensemble.beats, np.arange(len(ends)), ends))


def _performed(
    role: Role, notes: list[Note], seconds_of: Callable[[float], float], ensemble: Ensemble, rng: Rng
) -> pretty_midi.Instrument:
    """The notes as somebody plays them: not quite on the beat, not equally loud; machines are exact."""
    instrument = pretty_midi.Instrument(role.program, is_drum=role.stem == "drums", name=role.name)
    human = float(not ensemble.loop)
    late, unsteady = human * rng.normal(0, 0.006), human * rng.uniform(0.002, 0.012)
    for note in notes:
        beat = note.beat + (ensemble.swing if note.beat % 1 == 0.5 else 0.0)
        start = max(0.0, seconds_of(beat) + late + rng.normal(0, unsteady))
        end = max(start + 0.05, seconds_of(note.beat + note.length) + rng.normal(0, unsteady))
        velocity = int(np.clip(role.loudness * note.velocity + human * rng.normal(0, 6), 12, 127))
        instrument.notes.append(pretty_midi.Note(velocity, int(np.clip(note.pitch, 21, 108)), start, end))
    instrument.notes = _monophonic_pitches(instrument.notes)
    if role.name.endswith(("lead", "solo", "first", "second", "violins")):
        depth = int(rng.integers(0, 70))
        instrument.control_changes.append(pretty_midi.ControlChange(number=1, value=depth, time=0.0))
    return instrument


def _monophonic_pitches(notes: list[pretty_midi.Note]) -> list[pretty_midi.Note]:
    """Notes of one pitch end before the next of it begins: MIDI knows no two at a time."""
    sounding: dict[int, pretty_midi.Note] = {}
    kept = []
    for note in sorted(notes, key=lambda note: (note.start, note.pitch)):
        before = sounding.get(note.pitch)
        if before is not None and before.end > note.start - 0.005:
            before.end = note.start - 0.005
        sounding[note.pitch] = note
        kept.append(note)
    return [note for note in kept if note.end - note.start > 0.01]


def _any(rng: Rng, programs: tuple[int, ...]) -> int:
    return int(rng.choice(programs))


def _one_of(play: Callable[[Rng, int, str], Player], kinds: tuple[str, ...], beats: int) -> Callable[[Rng], Player]:
    return lambda rng: play(rng, beats, str(rng.choice(kinds)))


def _chords(kinds: tuple[str, ...], beats: int, centre: float) -> Callable[[Rng], Player]:
    return lambda rng: comping(rng, beats, str(rng.choice(kinds)), centre + float(rng.uniform(-4, 4)))


def _line(
    key: Key, beats: int, centre: float, density: float, intervals: tuple[int, ...] = ()
) -> Callable[[Rng], Player]:
    def draw(rng: Rng) -> Player:
        line = melody(rng, beats, key, centre, density)
        return doubled(line, intervals) if intervals and rng.random() < 0.4 else line

    return draw
