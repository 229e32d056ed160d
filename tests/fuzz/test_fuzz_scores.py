"""MIDI and MusicXML with anything in them: notes come back, or one line says why not."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Score
from sepkit.errors import SideInformationError
from tests.fuzz.targets import fuzzed

BYTES = st.integers(0, 127)
DELTAS = st.sampled_from([b"\0", b"\x60", b"\x83\x60", b"\xff\x7f", b"\x80\x80\x80\x80\x80", b""])
CHANNELS = st.integers(0, 15)
EVENTS = st.one_of(
    st.builds(
        lambda kind, channel, data: bytes([kind + channel, *data]),
        st.sampled_from([0x80, 0x90]),
        CHANNELS,
        st.tuples(st.integers(55, 64), BYTES),
    ),
    st.builds(
        lambda kind, channel, data: bytes([kind + channel, *data]),
        st.sampled_from([0xA0, 0xE0]),
        CHANNELS,
        st.tuples(BYTES, BYTES),
    ),
    st.builds(
        lambda channel, control, value: bytes([0xB0 + channel, control, value]),
        CHANNELS,
        st.sampled_from([6, 38, 64, 66, 98, 100, 101, 120, 121, 123]),
        BYTES,
    ),
    st.builds(
        lambda kind, channel, value: bytes([kind + channel, value]), st.sampled_from([0xC0, 0xD0]), CHANNELS, BYTES
    ),
    st.builds(
        lambda kind, data: bytes([0xFF, kind, len(data)]) + data,
        st.sampled_from([0, 1, 3, 4, 0x20, 0x2F, 0x51, 0x54, 0x58, 0x59, 0x7F]),
        st.binary(max_size=6),
    ),
    st.builds(lambda kind, data: bytes([kind, len(data)]) + data, st.sampled_from([0xF0, 0xF7]), st.binary(max_size=4)),
    st.tuples(st.integers(55, 64), BYTES).map(bytes),
    st.binary(max_size=3),
)
DIVISIONS = st.one_of(st.integers(1, 960), st.sampled_from([0, 1, -1, 32767, -32768, 0xE250 - 0x10000]))
ENDS = st.sampled_from([b"\0\xff\x2f\0", b"\0\xff\x2f\0", b""])
LENGTHS = st.sampled_from([0, 0, 0, 1, -1, 1000, 1 << 31])
KINDS = st.sampled_from([0, 1, 1, 2, 3, 65535])


@st.composite
def midis(draw: st.DrawFn) -> bytes:
    """Chunks of events, with wrong lengths and wrong numbers of them, and some bytes changed."""
    tracks = []
    for _ in range(draw(st.integers(0, 3))):
        events = b"".join(draw(DELTAS) + draw(EVENTS) for _ in range(draw(st.integers(0, 12)))) + draw(ENDS)
        length = max(0, len(events) + draw(LENGTHS))
        tracks.append(draw(st.sampled_from([b"MTrk", b"MTrk", b"MTrk", b"ALIE"])) + struct.pack(">I", length) + events)
    claimed = max(0, len(tracks) + draw(st.sampled_from([0, 0, 0, 1, -1, 60000])))
    header = struct.pack(">HHh", draw(KINDS), claimed, draw(DIVISIONS))
    return changed(draw, b"MThd" + struct.pack(">I", 6) + header + b"".join(tracks))


def changed(draw: st.DrawFn, content: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(draw(st.sampled_from([0, 0, 1, 3]))):
        place = draw(st.integers(0, len(damaged)))
        damaged[place : place + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
    return bytes(damaged)


NUMBERS = st.one_of(
    st.integers(-2, 12).map(str),
    st.floats(-2, 8).map(repr),
    st.sampled_from(["", "x", "1e400", "nan", "1,5", "c. 60", "9" * 30]),
)
STEPS = st.sampled_from([*"ABCDEFG", "H", "", "c"])
WRAPPED = ["score-partwise", "score-timewise", "opus", "score"]


@st.composite
def notes(draw: st.DrawFn) -> str:
    pitch = f"<pitch><step>{draw(STEPS)}</step><alter>{draw(NUMBERS)}</alter><octave>{draw(NUMBERS)}</octave></pitch>"
    kind = draw(st.sampled_from([pitch, pitch, pitch, "<rest/>", "<unpitched/>", ""]))
    extras = [
        "<chord/>",
        "<grace/>",
        "<cue/>",
        '<tie type="start"/>',
        '<tie type="stop"/>',
        "<voice>2</voice>",
        "<staff>2</staff>",
    ]
    more = "".join(draw(st.lists(st.sampled_from(extras), max_size=2)))
    return f"<note>{more}{kind}<duration>{draw(NUMBERS)}</duration>{more}</note>"


@st.composite
def marks(draw: st.DrawFn) -> str:
    number = draw(NUMBERS)
    return draw(
        st.sampled_from(
            [
                f"<attributes><divisions>{number}</divisions><staves>{number}</staves></attributes>",
                f"<backup><duration>{number}</duration></backup>",
                f"<forward><duration>{number}</duration></forward>",
                f'<direction><sound tempo="{number}" dacapo="yes"/><offset>{number}</offset></direction>',
                f"<direction><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>{number}</per-minute>"
                "</metronome></direction-type></direction>",
                f'<barline location="left"><repeat direction="forward" times="{number}"/></barline>',
                f'<barline location="right"><repeat direction="backward" times="{number}"/></barline>',
                f'<barline location="left"><ending number="{number}" type="start"/></barline>',
                f'<barline location="right"><ending number="{number}" type="discontinue"/></barline>',
                '<direction><direction-type><segno/><coda/></direction-type><sound dalsegno="a" segno="a" tocoda="b"/>'
                "</direction>",
                '<sound fine="yes" coda="b"/>',
                "<attributes><transpose><chromatic>x</chromatic></transpose></attributes>",
                "<!-- nothing -->",
                "&unknown;",
            ]
        )
    )


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Parts of measures of notes and marks, some bytes changed."""
    parts = []
    for number in range(draw(st.integers(0, 2))):
        measures = [
            f'<measure number="{bar}">'
            + "".join(draw(st.lists(st.one_of(notes(), notes(), marks()), max_size=4)))
            + "</measure>"
            for bar in range(draw(st.integers(0, 3)))
        ]
        parts.append(f'<part id="P{number}">{"".join(measures)}</part>')
    listed = "".join(
        f'<score-part id="P{number}"><part-name>{draw(st.sampled_from(["a", "", "é"]))}</part-name></score-part>'
        for number in range(draw(st.integers(0, 2)))
    )
    root = draw(st.sampled_from([WRAPPED[0], WRAPPED[0], WRAPPED[0], *WRAPPED]))
    text = f'<?xml version="1.0"?><{root}><part-list>{listed}</part-list>{"".join(parts)}</{root}>'
    return changed(draw, text.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-16"]))))


@fuzzed
@given(content=st.one_of(midis(), midis(), midis(), st.binary(max_size=100)))
def test_midi_comes_back_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    comes_back_or_one_line(tmp_path_factory.getbasetemp() / "fuzzed.mid", content)


@fuzzed
@given(
    content=st.one_of(documents(), documents(), documents(), st.binary(max_size=100)),
    suffix=st.sampled_from([".musicxml", ".musicxml", ".mxl"]),
)
def test_musicxml_comes_back_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str) -> None:
    comes_back_or_one_line(tmp_path_factory.getbasetemp() / f"fuzzed{suffix}", content)


def comes_back_or_one_line(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        score = Score.read(path)
    except SideInformationError as error:
        one_line(error, path)
    else:
        assert score.notes
        times = np.array([(note.onset_s, note.offset_s, note.pitch) for note in score.notes])
        assert np.isfinite(times).all()
        assert (times[:, 0] >= 0).all()
        assert (times[:, 1] > times[:, 0]).all()
        assert ((times[:, 2] >= 0) & (times[:, 2] <= 128)).all()
        assert all("\n" not in remark for remark in score.remarks)


def one_line(error: SideInformationError, path: Path) -> None:
    assert path.name in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 700 + len(str(path))
