"""Labels: read from every editor as they are meant, or refused in one line; written for Audacity."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Audio, Label, Labels, SideInformation, separate
from sepkit.errors import LONGEST_MESSAGE, MismatchError, SideInformationError
from sepkit.problem.excerpt import excerpt
from sepkit.problem.problem import Problem
from sepkit.solving.digests import digest
from tests.commandline import QUICK, call

SAX, WHISTLE = Label(12, 31, "sax"), Label(5, 6.5, "whistle", 2000, 4000)
RATE = 8000
MIXTURE = Audio(np.random.default_rng(0).normal(0, 0.1, (1, 2 * RATE)), RATE)

SAME = {
    "audacity": "12.000000\t31.000000\tsax\n5.000000\t6.500000\twhistle\n\\\t2000.000000\t4000.000000\n",
    "audacity on Windows": "12.0\t31.0\tsax\r\n5.0\t6.5\twhistle\r\n\\\t2000.0\t4000.0\r\n",
    "audacity in German": "12,0\t31,0\tsax\n5,0\t6,5\twhistle\n\\\t2000,0\t4000,0\n",
    "columns": "source,start,end,low_hz,high_hz\nsax,12,31,,\nwhistle,5,6.5,2000,4000\n",
    "columns and durations": "onset;duration;name;low;high\n12;19;sax;;\n5;1.5;whistle;2000;4000\n",
}


def read(folder: Path, text: str, name: str = "labels.txt") -> Labels:
    (folder / name).write_bytes(text.encode())
    return Labels.read(folder / name)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(SideInformationError) as caught:
        read(folder, text)
    message = str(caught.value)
    assert "labels.txt" in message
    assert len(message) <= LONGEST_MESSAGE
    assert "\n" not in message
    return message


class TestReading:
    @pytest.mark.parametrize("kind", SAME)
    def test_whoever_wrote_it(self, kind: str, tmp_path: Path) -> None:
        assert read(tmp_path, SAME[kind]).labels == (SAX, WHISTLE)

    @pytest.mark.parametrize("header", ["", "TIME,VALUE,DURATION,LABEL\n"])
    def test_regions_of_sonic_visualiser(self, header: str, tmp_path: Path) -> None:
        found = read(tmp_path, header + '12.000000000,3,19.000000000,"sax"\n', "regions.csv")
        assert found.labels == (SAX,)

    @pytest.mark.parametrize("header", ["", "START,END,EXTENT START,EXTENT END,LABEL\n"])
    def test_boxes_of_sonic_visualiser(self, header: str, tmp_path: Path) -> None:
        found = read(tmp_path, header + "5.000000000,6.500000000,2000,4000,whistle\n", "boxes.csv")
        assert found.labels == (WHISTLE,)

    @pytest.mark.parametrize(
        ("low", "high", "wanted"), [(-1, 4000, (None, 4000)), (2000, -1, (2000, None)), (-1, -1, (None, None))]
    )
    def test_bands_that_are_open(
        self, low: float, high: float, wanted: tuple[float | None, float | None], tmp_path: Path
    ) -> None:
        (label,) = read(tmp_path, f"5\t6\tsax\n\\\t{low}\t{high}\n").labels
        assert (label.low_hz, label.high_hz) == wanted

    @pytest.mark.parametrize(
        ("text", "source", "absent", "strength"),
        [
            ("sax", "sax", False, 1),
            ("!sax", "sax", True, 1),
            ("! sax 50%", "sax", True, 0.5),
            ("violin 2", "violin 2", False, 1),
            ("violin 2 80 %", "violin 2", False, 0.8),
            ("flu\u0302te 12,5%", "fl\u00fbte", False, 0.125),
        ],
    )
    def test_what_the_text_says(self, text: str, source: str, absent: bool, strength: float, tmp_path: Path) -> None:
        (label,) = read(tmp_path, f"1\t2\t{text}\n").labels
        assert (label.source, label.absent, label.strength) == (source, absent, strength)

    def test_strength_as_a_column(self, tmp_path: Path) -> None:
        found = read(tmp_path, "start,end,source,strength\n1,2,sax,0.5\n3,4,sax,50%\n5,6,sax,\n")
        assert [label.strength for label in found.labels] == [0.5, 0.5, 1]

    def test_overlapping_labels_all_count(self, tmp_path: Path) -> None:
        found = read(tmp_path, "1\t3\tsax\n2\t4\tsax\n2\t4\tflute\n")
        assert [(label.start_s, label.end_s) for label in found.labels] == [(1, 3), (2, 4), (2, 4)]
        assert found.sources == ("sax", "flute")

    def test_empty_spans_are_left_out_and_told(self, tmp_path: Path) -> None:
        found = read(tmp_path, "1\t1\tsax\n2\t4\tsax\n5\t6\tsax\n\\\t500\t500\n")
        assert found.labels == (Label(2, 4, "sax"),)
        assert found.remarks == (
            "2 labels have no length or no width and were left out: mark spans of time in labels.txt",
        )


class TestRefusing:
    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "it is empty"),
            ("1\t1\tsax\n", "points alone"),
            ("3\t2\tsax\n", "line 1: the label 'sax' needs to end after it starts, given 3 s to 2 s"),
            ("1\t2\n", "write the name of a source into every label"),
            ("1\t2\tsax\n3\t4\t\n", "line 2: it has no source"),
            ("\\\t1\t2\n", "line 1 begins with a backslash"),
            ("1\t2\tsax\n\\\t1\t2\n\\\t1\t2\n", "line 3 begins with a backslash"),
            ("1\t2\tsax\n\\\t900\t200\n", "line 1: the label 'sax' needs a band"),
            ("1\t2\tsax 0%\n", "strength above 0"),
            ("1\t2\tsax 150%\n", "strength above 0"),
            ("1\tx\tsax\n", "have no names"),
            ("1\t2\tsax\nnan\t4\tsax\n", "line 2: it has no start"),
            ("1\t2\t!\n", "cannot be the source"),
            ("a,b\nc,1\n", "its columns are 'a', 'b'; name the columns start, end, source"),
            ("1,2,3,4\n", "have no names; name the columns"),
        ],
    )
    def test_in_one_line(self, text: str, says: str, tmp_path: Path) -> None:
        assert says in refused(tmp_path, text)

    def test_a_name_that_would_be_read_otherwise(self) -> None:
        for name in ("!sax", "sax 50%", " sax", "s\tx", ""):
            with pytest.raises(SideInformationError):
                Label(0, 1, name)

    def test_no_labels(self) -> None:
        with pytest.raises(SideInformationError, match="at least one"):
            Labels(())


NAMES = st.from_regex(r"[a-z\u00e4]{1,8}( [0-9])?", fullmatch=True)
TIMES = st.integers(0, 10_000).map(lambda step: step / 100)


@given(
    st.lists(
        st.tuples(
            TIMES,
            st.integers(1, 100),
            NAMES,
            st.none() | st.integers(0, 500),
            st.none() | st.integers(501, 900),
            st.booleans(),
            st.integers(1, 100),
        ),
        min_size=1,
    )
)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, given_: list[tuple]) -> None:
    labels = Labels(
        tuple(
            Label(start, round(start + length, 2), name, low, high, absent, percent / 100)
            for start, length, name, low, high, absent, percent in given_
        )
    )
    path = tmp_path_factory.mktemp("labels") / "labels.txt"
    labels.write(path)
    again = Labels.read(path)
    assert again.labels == labels.labels
    assert digest(again) == digest(labels)


class TestGiving:
    """Labels beside a mixture of two seconds at 8 kHz."""

    def remarks(self, *labels: Label, sources: tuple[str, ...] = ("sax", "rest")) -> str:
        separation = separate(
            MIXTURE, "mixture", sources=sources, labels=Labels(labels), constraints=["activity", "regions"]
        )
        return "; ".join(separation.provenance.remarks)

    def refused(self, *labels: Label) -> str:
        with pytest.raises(SideInformationError) as caught:
            self.remarks(*labels)
        return str(caught.value)

    BOX = Label(0.5, 1, "sax", 100, 500)

    def test_beyond_the_end(self) -> None:
        told = self.remarks(Label(0, 1, "sax"), Label(5, 6, "sax"), Label(1.5, 3, "rest"), self.BOX)
        assert "1 of 4 labels lie outside the recording of 2.0 s, the first at 5.0 s" in told
        assert "1 of 4 labels reach beyond the recording's end at 2.0 s" in told

    def test_all_beyond_the_end(self) -> None:
        assert "lie outside the recording of 2.0 s" in self.refused(Label(5, 6, "sax"), Label(0, 1, "rest"))

    def test_before_the_start(self) -> None:
        assert "lie outside the recording of 2.0 s, the first at -2.0 s" in self.refused(Label(-2, -1, "sax"))
        assert not self.remarks(Label(-1, 1, "sax"), Label(1, 2, "rest"), self.BOX)

    def test_never_is_something_to_say(self) -> None:
        labels = Labels((Label(0, 2, "sax", absent=True),))
        found = separate(MIXTURE, "mixture", sources=("sax", "rest"), labels=labels, constraints=["activity"])
        assert not found["sax"].samples[:, RATE // 2 : -RATE // 2].any()

    def test_unknown_sources(self) -> None:
        assert "not among the sources sax, rest" in self.refused(Label(0, 1, "saxx"))

    def test_unknown_sources_of_a_method_that_names_its_stems(self, tmp_path: Path) -> None:
        with pytest.raises(SideInformationError, match="labels of 'tuba', of which this method knows nothing"):
            separate(
                MIXTURE,
                "ideal-ratio-mask",
                references={"sax": MIXTURE, "rest": MIXTURE},
                labels=Labels((Label(0, 1, "tuba"),)),
                constraints=["activity"],
            )

    def test_above_what_the_recording_holds(self) -> None:
        assert "lies above 4000 Hz" in self.refused(Label(0, 1, "sax", 5000, 6000))
        assert "above" not in self.remarks(Label(0, 1, "sax", 3000, 6000), Label(0, 1, "sax"))

    def test_of_everything(self) -> None:
        with pytest.raises(MismatchError, match="the label 'sax' is about the whole recording and says nothing"):
            self.remarks(Label(0, 2, "sax"))
        with pytest.raises(MismatchError, match="is about the whole recording"):
            self.remarks(Label(-1, 9, "sax", 0, 4000), Label(0, 2, "rest"))
        with pytest.raises(MismatchError, match="the labels 'sax' together are about the whole recording and say"):
            self.remarks(Label(0.9, 2, "sax"), Label(0, 1, "sax"), Label(0, 2, "rest"))
        with pytest.raises(MismatchError, match="the labels 'sax' together are about the whole recording and say"):
            self.remarks(Label(0.9, 2, "sax"), Label(0, 1, "sax"), Label(0.2, 0.4, "sax"), Label(0, 2, "rest"))
        told = self.remarks(Label(0, 0.9, "sax"), Label(1, 2, "sax"), Label(0, 1, "rest"), self.BOX)
        assert "about the whole recording" not in told
        told = self.remarks(Label(0, 2, "sax"), Label(0, 1, "rest"), self.BOX)
        assert "the label 'sax' is about the whole recording, and so says nothing" in told

    def test_what_nobody_uses_is_told(self) -> None:
        labels = Labels((Label(0, 1, "sax"), self.BOX))
        told = separate(MIXTURE, "mixture", sources=["sax", "rest"], labels=labels).provenance.remarks
        assert any("the spans of the labels made no difference" in one and "'activity'" in one for one in told)
        assert any("the boxes of the labels made no difference" in one and "'regions'" in one for one in told)

    def test_a_statement_without_what_it_is_about(self) -> None:
        for labels, says in (((Label(0, 1, "sax"),), "without a box"), ((self.BOX,), "without a span")):
            with pytest.raises(MismatchError, match=says):
                self.remarks(*labels)

    def test_spans_that_leave_no_rest_within_the_tolerance(self) -> None:
        with pytest.raises(MismatchError, match="every source may sound at all times: mark when one rests"):
            self.remarks(Label(0.1, 1.9, "sax"), Label(0.15, 2, "rest"), self.BOX)

    def test_something_else(self) -> None:
        with pytest.raises(SideInformationError, match="labels needs to be Labels, a path"):
            separate(MIXTURE, "mixture", sources=["a"], labels=3)  # type: ignore[arg-type]

    def test_several_files(self, tmp_path: Path) -> None:
        Audio(MIXTURE.samples, RATE).write(tmp_path / "song.wav")
        for name, label in (("one.txt", Label(0, 1, "sax")), ("two.txt", Label(0.5, 2, "rest"))):
            Labels((label,)).write(tmp_path / name)
        labels = ("--labels", tmp_path / "one.txt", "--labels", tmp_path / "two.txt")
        first = call("run", "nmf", tmp_path / "song.wav", "-o", tmp_path / "out", *QUICK, *labels)
        assert first.code == 0, first.err
        assert sorted(file.stem for file in (tmp_path / "out" / "song").glob("*.wav")) == ["rest", "sax"]
        record = tmp_path / "out" / "song" / "separation.json"
        again = call("run", "--from", record, "-o", tmp_path / "again")
        assert (again.code, again.err) == (0, "")
        for stem in ("sax", "rest"):
            assert (tmp_path / "again" / "song" / f"{stem}.wav").read_bytes() == (
                tmp_path / "out" / "song" / f"{stem}.wav"
            ).read_bytes()


def test_an_excerpt_keeps_those_outside_it() -> None:
    problem = Problem(MIXTURE, ("sax",), SideInformation(labels=(Labels((Label(0, 0.5, "sax"),)),)))
    ((label,),) = (one.labels for one in excerpt(problem, RATE, 2 * RATE).side_information.labels)
    assert (label.start_s, label.end_s) == (-1, -0.5)


class TestGoingOn:
    """From a first result with labels to the next with more."""

    @pytest.fixture
    def first(self, tmp_path: Path) -> Path:
        Audio(MIXTURE.samples, RATE).write(tmp_path / "song.wav")
        Labels((Label(0, 1, "sax"), Label(0.5, 2, "rest"))).write(tmp_path / "one.txt")
        Labels((Label(0.6, 0.9, "sax", 500, 900),)).write(tmp_path / "more.txt")
        return tmp_path

    def run(self, folder: Path, *more: str) -> str:
        song, out = folder / "song.wav", folder / "out"
        done = call("run", "nmf", song, "-o", out, *QUICK, "--labels", folder / "one.txt", *more)
        assert done.code == 0, done.err
        record = folder / "out" / "song" / "separation.json"
        again = call("run", "--from", record, "-o", folder / "again", "--labels", folder / "more.txt")
        assert again.code == 0, again.err
        return again.err

    def test_it_goes_on_from_the_variables(self, first: Path) -> None:
        assert "it went on from the variables in" in self.run(first, "--save-variables")
        told = json.loads((first / "again" / "song" / "separation.json").read_text())
        assert [Path(path).name for path in told["given"]["labels"]] == ["one.txt", "more.txt"]
        assert Path(told["config"]["start"]) == first / "out" / "song" / "variables.npz"
        assert (first / "again" / "song" / "variables.npz").is_file()

    def test_without_variables_it_begins_anew_and_says_so(self, first: Path) -> None:
        assert "it began anew, as the record has no variables: write them with --save-variables" in self.run(first)
