"""F0 in tables of many makers: read as it is meant, or refused with what the table holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sepkit import F0Track, Registry, Score, separate
from sepkit.errors import SideInformationError
from tests.test_given import MIXTURE

TIMES_S = [0.0, 0.01, 0.02, 0.03]
F0_HZ = [220.0, 0.0, 221.5, 222.0]
VOICED = [220.0, np.nan, 221.5, 222.0]


def rows(pattern: str, end: str = "\n") -> str:
    return "".join(pattern.format(i=i, t=t, ms=1000 * t, f=f) + end for i, (t, f) in enumerate(zip(TIMES_S, F0_HZ)))  # noqa: B905


SAME = {
    "plain": rows("{t},{f}"),
    "crepe": "time,frequency,confidence\n" + rows("{t},{f},0.9"),
    "pandas": ",time,frequency,confidence\n" + rows("{i},{t},{f},0.9"),
    "pandas, unnamed": "Unnamed: 0,time,f0\n" + rows("{i},{t},{f}"),
    "librosa's pyin": "f0,voiced_flag,voiced_prob,time\n" + rows("{f},True,0.9,{t}"),
    "sonic visualiser": rows('{t},{f},"A3, quiet"'),
    "praat": "Time_s   F0_Hz\n" + rows("{t}   {f}").replace(" 0.0\n", " --undefined--\n"),
    "frequency first": "frequency,time\n" + rows("{f},{t}"),
    "milliseconds": "time_ms,f0\n" + rows("{ms},{f}"),
    "milliseconds in brackets": "Time [ms];F0 (Hz)\n" + rows("{ms};{f}"),
    "seconds": "seconds,hz\n" + rows("{t},{f}"),
    "tabs": rows("{t}\t{f}"),
    "blanks": rows("{t} {f}"),
    "many blanks": rows("  {t}     {f}  "),
    "semicolons": rows("{t};{f}"),
    "comma and blank": rows("{t}, {f}"),
    "a German Excel": "Zeit;F0\n" + rows("{t};{f}").replace(".", ","),
    "decimal commas and tabs": "time_s\tf0_hz\n" + rows("{t}\t{f}").replace(".", ","),
    "decimal commas and blanks": rows("{t} {f}").replace(".", ","),
    "decimal commas in quotes": rows('"{t}","{f}"').replace(".", ","),
    "quotes": '"time","f0"\n' + rows('"{t}","{f}"'),
    "old Macintosh": "time,f0\r" + rows("{t},{f}", "\r"),
    "Windows": "\ufefftime,f0\r\n" + rows("{t},{f}", "\r\n"),
    "gaps and remarks": "# made by hand, 2 Hz\n\n" + rows("{t},{f}", "\n\n"),
    "header in a remark": "# time_ms f0\n" + rows("{ms} {f}"),
    "Matlab": "% time_s, f0_hz\n" + rows("{t}, {f}"),
    "capitals": "TIME,F0\n" + rows("{t},{f}"),
    "kilohertz": "time,f0_khz\n0,0.22\n0.01,0\n0.02,0.2215\n0.03,0.222\n",
    "scientific": rows("{t:e},{f:e}"),
}


def track(folder: Path, text: str, encoding: str = "utf-8") -> F0Track:
    (folder / "v.csv").write_bytes(text.encode(encoding))
    return F0Track.read(folder / "v.csv")


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_one_track_in_many_hands(tmp_path: Path, text: str) -> None:
    read = track(tmp_path, text)
    np.testing.assert_allclose(read.times_s, TIMES_S)
    np.testing.assert_allclose(read.f0_hz, VOICED)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    read = track(tmp_path, "time;f0;Kommentar für später\n" + rows("{t};{f};schön"), encoding)
    np.testing.assert_allclose(read.f0_hz, VOICED)


@pytest.mark.parametrize(
    "cell", ["", "nan", "NaN", "NA", "n/a", "null", "None", "-", "--undefined--", "0", "0.0", "-0", "-221.5", "-1e3"]
)
def test_unvoiced(tmp_path: Path, cell: str) -> None:
    read = track(tmp_path, f"0.0,220\n0.01,{cell}\n0.02,221.5\n")
    np.testing.assert_array_equal(read.f0_hz, [220, np.nan, 221.5])


@pytest.mark.parametrize("flag", ["False", "false", "0", "0.0", "no"])
def test_flags_count_more_than_guesses(tmp_path: Path, flag: str) -> None:
    read = track(tmp_path, f"time,f0,voiced_flag\n0,220,True\n0.01,219,{flag}\n0.02,221,1\n")
    np.testing.assert_array_equal(read.f0_hz, [220, np.nan, 221])


@pytest.mark.parametrize("text", ["0,0\n0.01,0\n", "time,f0\n0,\n0.01,\n", "0,-100\n", "time,pitch\n0,0\n"])
def test_all_may_be_unvoiced(tmp_path: Path, text: str) -> None:
    read = track(tmp_path, text)
    assert np.isnan(read.f0_hz).all()
    separation = separate(MIXTURE, "harmonic-comb", sources=["v"], f0={"v": read}, registry=Registry())
    assert not separation["v"].samples.any()


@pytest.mark.parametrize("name", ["midi_pitch", "midi", "MIDI", "MIDI pitch", "f0_midi"])
def test_midi_pitch_becomes_hz(tmp_path: Path, name: str) -> None:
    read = track(tmp_path, f"time,{name}\n0,69\n0.01,57.5\n0.02,\n")
    np.testing.assert_allclose(read.f0_hz, [440, 440 * 2 ** (-11.5 / 12), np.nan])


def test_pitch_that_cannot_be_midi_is_hz(tmp_path: Path) -> None:
    assert track(tmp_path, "time,pitch\n0,220\n0.01,90\n").f0_hz.tolist() == [220, 90]


REFUSED = {
    "pitch of two meanings": ("time,pitch\n0,57.1\n0.01,57.1\n", "up to 57.1, which may be MIDI pitch or Hz"),
    "MIDI pitch that is Hz": ("time,midi\n0,220\n", "up to 220, above 127"),
    "no time": ("frame,f0\n0,220\n1,221\n", "no column that is known for time among 'frame', 'f0'"),
    "no frequency": ("time,value\n0,220\n", "no column that is known for frequency among 'time', 'value'"),
    "two frequencies": ("time,f0,frequency\n0,220,221\n", "more than one column of frequency"),
    "two times": ("time_s,time_ms,f0\n0,0,220\n", "more than one column of time"),
    "logarithm": ("time,log_f0\n0,5.4\n", "no column that is known for frequency"),
    "infinite": ("0,220\n0.01,inf\n", "inf Hz"),
    "too low": ("0,0.5\n0.01,0.6\n", "0.5 Hz in a table like '0,0.5'"),
    "too high": ("0,1e6\n", r"1e\+06 Hz"),
    "a counted index": ("0,0.0,220\n1,0.01,221\n2,0.02,221\n", "count its rows in the first column, '0,0.0,220'"),
    "milliseconds without a word": ("\n".join(f"{10 * i},220" for i in range(20)), "as milliseconds do"),
    "milliseconds called time": (
        "time,f0\n" + "\n".join(f"{10 * i},220" for i in range(20)),
        "name the column time_ms",
    ),
    "a word": ("0,220\n0.01,high\n", "line 2: 'high' is no number"),
    "digits with underscores": ("0,220\n0.01,2_20\n", "line 2: '2_20' is no number"),
    "no time in a row": ("0,220\n,221\n", "increase strictly"),
    "one column": ("220\n221\n", "line 1 has one column, '220'"),
    "a row of one cell": ("0,220\n0.01\n", "line 2 has one column, '0.01'"),
    "header alone": ("time,f0\n", "nothing below its header 'time,f0'"),
    "nothing": ("", "it is empty"),
    "remarks alone": ("# time,f0\n", "it is empty"),
    "backwards": ("0.1,220\n0,221\n", "increase strictly"),
    "binary": ("\0\1\2\3", "it is no text"),
}


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_is_refused_with_what_it_holds(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SideInformationError, match=words) as error:
        track(tmp_path, text)
    assert "v.csv" in str(error.value)
    assert "\n" not in str(error.value)


@example(steps=[1], f0_hz=[0.0, 220.0], delimiter=" ", quoted=True, comma=True, named="")
@given(
    steps=st.lists(st.integers(1, 500), min_size=1, max_size=20),
    f0_hz=st.lists(st.one_of(st.just(0.0), st.floats(30, 4000)), min_size=20, max_size=20),
    delimiter=st.sampled_from([",", ";", "\t", " "]),
    quoted=st.booleans(),
    comma=st.booleans(),
    named=st.sampled_from(["", "time{d}f0", "time_ms{d}frequency", "x{d}time{d}f0"]),
)
def test_whatever_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[int],
    f0_hz: list[float],
    delimiter: str,
    quoted: bool,
    comma: bool,
    named: str,
) -> None:
    times_ms = np.cumsum(steps)
    lines = [named.format(d=delimiter)] if named else []
    for time_ms, f0 in zip(times_ms, f0_hz, strict=False):
        time = float(time_ms) if "ms" in named else time_ms / 1000
        cells = [repr(float(time)), repr(f0)]
        if named.startswith("x"):
            cells = ["7.0", *cells]
        if comma and (delimiter != "," or quoted):
            cells = [cell.replace(".", ",") for cell in cells]
        lines.append(delimiter.join(f'"{cell}"' if quoted else cell for cell in cells))
    read = track(tmp_path_factory.getbasetemp(), "\n".join(lines))
    wanted = np.array(f0_hz[: len(steps)])
    np.testing.assert_allclose(read.times_s, times_ms / 1000)
    np.testing.assert_allclose(read.f0_hz, np.where(wanted == 0, np.nan, wanted))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read though it opens")
def test_a_disk_that_fails_while_it_is_read_is_one_clear_error() -> None:
    with pytest.raises(SideInformationError, match=r"/proc/self/mem as an F0 track: .*Input/output error"):
        F0Track.read("/proc/self/mem")


def test_the_file_is_named_once_whatever_its_name(tmp_path: Path) -> None:
    with pytest.raises(SideInformationError) as error:
        F0Track.read("a\0b.csv")
    assert str(error.value).count("b.csv") == 1


def test_notes_come_from_the_same_tables(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("start end pitch part\n0,5 1,5 60 left\n1,5 2 62 left\n")
    assert [(note.onset_s, note.offset_s, note.pitch) for note in Score.read(tmp_path / "notes.csv").notes] == [
        (0.5, 1.5, 60),
        (1.5, 2, 62),
    ]


def test_notes_without_a_header_are_refused_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("0.5,1.5,60\n")
    with pytest.raises(SideInformationError, match=r"needs columns start, pitch .*it has no header, but '0.5,1.5,60'"):
        Score.read(tmp_path / "notes.csv")
