"""Published datasets, in tiny copies of their layouts."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sepkit import Note, Registry
from sepkit.errors import AudioError, DatasetError, SideInformationError
from sepkit.evaluation import Dataset, Track
from sepkit.evaluation.datasets.bach10 import INSTRUMENTS, Bach10
from sepkit.evaluation.datasets.choral import VOICES, ChoralSinging
from sepkit.evaluation.datasets.musdb18 import MUSDB18
from sepkit.evaluation.datasets.urmp import URMP
from sepkit.evaluation.splits import split
from sepkit.evaluation.verify import verify
from sepkit.music.score import Score
from tests.commandline import record

SAMPLE = Path(__file__).parents[2] / "shared" / "data" / "metrics" / "museval_data" / "MUSDB18-7-SAMPLE"


def noises(folder: Path, mixture: str | None, stems: Sequence[str]) -> None:
    """Write stems of a few milliseconds and their sum."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(0).uniform(-0.2, 0.2, (len(stems), 400, 1)).astype(np.float32)
    for stem, sound in zip(stems, samples, strict=True):
        record(folder / stem, sound)
    if mixture is not None:
        record(folder / mixture, samples.sum(axis=0))


def broken(dataset: Dataset) -> set[tuple[str, str]]:
    return {(fault.track, fault.part) for fault in verify(dataset) if fault.severity == "broken"}


def only(dataset: Dataset) -> Track:
    [track] = dataset.tracks()
    return track


def in_cells(values: Sequence[object]) -> np.ndarray:
    """As MATLAB keeps a column of cells."""
    cells = np.empty((len(values), 1), dtype=object)
    for index, value in enumerate(values):
        cells[index, 0] = value
    return cells


class TestBach10:
    PIECE = "01-AchGottundHerr"

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        from scipy.io import savemat

        piece = tmp_path / self.PIECE
        noises(piece, f"{self.PIECE}.wav", [f"{self.PIECE}-{name}.wav" for name in ("violin", "clarinet")])
        noises(piece, None, [f"{self.PIECE}-{name}.wav" for name in ("saxphone", "bassoon")])
        parts = [[np.array([[1.0, 2, 3], [69.3, 69.4, 69.2]]), np.array([[4.0], [60 + part]])] for part in range(4)]
        savemat(piece / f"{self.PIECE}-GTNotes.mat", {"GTNotes": in_cells([in_cells(notes) for notes in parts])})
        pitches = np.array([[69, 0, 81.5], [57, 57, 57], [0, 0, 0], [45, 0, 0]], np.float64)
        savemat(piece / f"{self.PIECE}-GTF0s.mat", {"GTF0s": pitches})
        (tmp_path / "Bach10_Dataset_Description.pdf").touch()
        (tmp_path / "Code").mkdir()
        return tmp_path

    def test_is_read(self, folder: Path) -> None:
        track = only(Bach10(path=folder))
        assert (track.name, track.sources) == (self.PIECE, INSTRUMENTS)
        assert {fault.severity for fault in verify(Bach10(path=folder))} <= {"note"}
        assert pickle.loads(pickle.dumps(track)).load_score() == track.load_score()

    def test_notes_are_in_frames_of_10_ms_around_their_centres(self, folder: Path) -> None:
        score = only(Bach10(path=folder)).load_score()
        assert score is not None
        assert sorted(score.parts) == sorted(INSTRUMENTS)
        first, second = score.part("clarinet").notes
        assert (first.onset_s, first.offset_s, first.pitch) == (pytest.approx(0.018), pytest.approx(0.048), 69)
        assert (second.onset_s, second.offset_s, second.pitch) == (pytest.approx(0.048), pytest.approx(0.058), 61)

    def test_f0_is_the_pitch_in_hz(self, folder: Path) -> None:
        f0 = only(Bach10(path=folder)).load_f0()
        np.testing.assert_allclose(f0["violin"].times_s, [0.023, 0.033, 0.043])
        np.testing.assert_allclose(f0["violin"].f0_hz, [440, np.nan, 440 * 2 ** (12.5 / 12)])
        np.testing.assert_allclose(f0["bassoon"].f0_hz, [110, np.nan, np.nan])

    def test_what_is_missing_or_damaged_is_named(self, folder: Path) -> None:
        piece = folder / self.PIECE
        (piece / f"{self.PIECE}-violin.wav").unlink()
        (piece / f"{self.PIECE}-saxphone.wav").unlink()
        (piece / f"{self.PIECE}-GTNotes.mat").write_bytes(b"no matrix")
        (piece / f"{self.PIECE}-GTF0s.mat").write_bytes(b"")
        wanted = {"stem violin", "stem saxophone", "score", *(f"f0 {name}" for name in INSTRUMENTS)}
        assert broken(Bach10(path=folder)) == {(self.PIECE, part) for part in wanted}

    @pytest.mark.parametrize("value", [np.zeros((3, 4)), np.zeros((4, 1, 2)), in_cells([1, 2, 3, 4]), "text"])
    def test_other_matrices_are_refused(self, folder: Path, value: object) -> None:
        from scipy.io import savemat

        for variable in ("GTNotes", "GTF0s"):
            savemat(folder / self.PIECE / f"{self.PIECE}-{variable}.mat", {variable: value})
        track = only(Bach10(path=folder))
        for load in (track.load_score, track.load_f0):
            with pytest.raises(SideInformationError, match="GT"):
                load()


class TestURMP:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        self.piece(tmp_path, "05_Entertainer", ["tpt", "tpt"])
        self.piece(tmp_path, "06_Entertainer", ["sax", "sax"])
        # In the published dataset the name of a folder and those of its files disagree.
        self.piece(tmp_path, "15_Surprise", ["tpt", "tpt", "tbn"], ["tpt", "tpt", "tpt"])
        (tmp_path / "Supplementary_Files").mkdir()
        return tmp_path

    def piece(self, root: Path, title: str, codes: list[str], in_files: list[str] | None = None) -> None:
        folder = root / f"{title}_{'_'.join(codes)}"
        parts = [f"{number}_{code}_{title}" for number, code in enumerate(in_files or codes, 1)]
        noises(folder, f"AuMix_{folder.name}.wav", [f"AuSep_{part}.wav" for part in parts])
        for number, part in enumerate(parts):
            (folder / f"F0s_{part}.txt").write_text("0.023\t440.0\n0.033\t0\n")
            (folder / f"Notes_{part}.txt").write_text(f"0.5\t{440 * 2**number:.3f}\t0.25\n\n1\t262.0\t1\n")

    def test_is_read(self, folder: Path) -> None:
        tracks = {track.name: track for track in URMP(path=folder).tracks()}
        assert {name: track.sources for name, track in tracks.items()} == {
            "05_Entertainer_tpt_tpt": ("trumpet1", "trumpet2"),
            "06_Entertainer_sax_sax": ("saxophone1", "saxophone2"),
            "15_Surprise_tpt_tpt_tbn": ("trumpet1", "trumpet2", "trumpet3"),
        }
        assert verify(URMP(path=folder)) == []
        track = pickle.loads(pickle.dumps(tracks["05_Entertainer_tpt_tpt"]))
        assert track.load_score().part("trumpet2").notes == (
            Note(0.5, 0.75, 81, part="trumpet2"),
            Note(1, 2, 60, part="trumpet2"),
        )
        np.testing.assert_array_equal(track.load_f0()["trumpet1"].f0_hz, [440, np.nan])

    def test_an_instrument_that_is_alone_has_no_number(self, tmp_path: Path) -> None:
        self.piece(tmp_path, "24_Pirates", ["vn", "vn", "va", "db"])
        assert only(URMP(path=tmp_path)).sources == ("violin1", "violin2", "viola", "bass")

    def test_arrangements_of_one_piece_stay_together(self, folder: Path) -> None:
        for seed in range(10):
            parts = split(URMP(path=folder).tracks(), 0.5, 0, 0.5, seed)
            assert {len(members) for members in parts.values()} == {0, 1, 2}

    def test_what_is_missing_or_damaged_is_named(self, folder: Path) -> None:
        piece = folder / "05_Entertainer_tpt_tpt"
        (piece / "AuSep_2_tpt_05_Entertainer.wav").unlink()
        (piece / "Notes_1_tpt_05_Entertainer.txt").write_text("0.5\t440\n")
        (piece / "F0s_1_tpt_05_Entertainer.txt").write_text("0.5\thigh\n")
        (piece / "F0s_2_tpt_05_Entertainer.txt").write_text("0.5\t440\n0.4\t440\n")
        wanted = {"stem trumpet2", "score", "f0 trumpet1", "f0 trumpet2"}
        assert broken(URMP(path=folder)) == {(piece.name, part) for part in wanted}

    def test_notes_of_some_players_are_no_score(self, folder: Path) -> None:
        (folder / "05_Entertainer_tpt_tpt/Notes_1_tpt_05_Entertainer.txt").unlink()
        assert next(URMP(path=folder).tracks()).score is None


class TestChoralSinging:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        singers = [
            f"CSD_{piece}_{voice}_{number}" for piece in ("ER", "ND") for voice in VOICES for number in range(1, 5)
        ]
        noises(tmp_path / "ChoralSingingDataset", None, [f"{singer}.wav" for singer in singers])
        for singer in singers:
            (tmp_path / f"ChoralSingingDataset/{singer}.f0").write_text("0.0 0.0\n0.0058 220.5\n")
        for number, voice in enumerate(VOICES):
            score = Score((Note(0.1, 0.4, 60 + number, part="Staff"),))
            score.write(tmp_path / f"ChoralSingingDataset/CSD_ER_{voice}.mid")
        return tmp_path

    def test_is_read_as_quartets(self, folder: Path) -> None:
        tracks = {track.name: track for track in ChoralSinging(path=folder).tracks()}
        assert list(tracks) == [f"{piece}-{number}" for piece in ("ER", "ND") for number in range(1, 5)]
        assert verify(ChoralSinging(path=folder)) == []
        track = pickle.loads(pickle.dumps(tracks["ER-2"]))
        assert track.sources == VOICES
        np.testing.assert_allclose(
            track.load_mixture().samples, sum(stem.samples for stem in track.load_stems().values()), atol=1e-6
        )
        assert track.load_score().part("tenor").notes[0].pitch == 62
        assert track.load_f0()["bass"].f0_hz[1] == 220.5
        assert tracks["ND-1"].score is None

    def test_quartets_of_one_piece_stay_together(self, folder: Path) -> None:
        parts = split(ChoralSinging(path=folder).tracks(), 0.5, 0, 0.5)
        assert [{track.group for track in members} for members in (parts["train"], parts["test"])] in (
            [{"El Rossinyol"}, {"Niño Dios"}],
            [{"Niño Dios"}, {"El Rossinyol"}],
        )

    def test_singers_that_are_missing_are_named(self, folder: Path) -> None:
        (folder / "ChoralSingingDataset/CSD_ND_alto_3.wav").unlink()
        assert broken(ChoralSinging(path=folder)) == {("ND-3", "stem alto")}


def test_without_ffmpeg_musdb18_is_refused_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DatasetError, match="the program ffmpeg, with which musdb decodes songs, is missing"):
        list(MUSDB18(path=tmp_path, hq=True).tracks())
    spec = Registry.discover(disabled={"*"}).datasets["musdb18"]
    assert not spec.available
    assert "install the program ffmpeg" in spec.remedy


@pytest.mark.system
class TestMUSDB18:
    @pytest.fixture(autouse=True)
    def _needs(self) -> None:
        if shutil.which("ffmpeg") is None:
            pytest.skip("the program ffmpeg, with which musdb decodes, is not installed")
        pytest.importorskip("musdb", reason="needs sepkit[musdb]")

    @pytest.fixture
    def hq(self, tmp_path: Path) -> Path:
        for song in ("train/Actions - One Minute Smile", "train/A - B", "test/C - D"):
            noises(tmp_path / song, "mixture.wav", [f"{name}.wav" for name in ("vocals", "drums", "bass", "other")])
        return tmp_path

    def test_hq_is_read_from_its_files(self, hq: Path) -> None:
        tracks = list(MUSDB18(path=hq, hq=True).tracks())
        assert [(track.name, track.split) for track in tracks] == [
            ("A - B", "train"),
            ("Actions - One Minute Smile", "valid"),
            ("C - D", "test"),
        ]
        assert verify(MUSDB18(path=hq, hq=True)) == []
        assert {part: len(members) for part, members in split(tracks).items()} == {"train": 1, "valid": 1, "test": 1}

    def test_a_subset_is_taken(self, hq: Path) -> None:
        assert only(MUSDB18(path=hq, hq=True, subset="test")).name == "C - D"

    def test_missing_stems_are_named(self, hq: Path) -> None:
        (hq / "test/C - D/bass.wav").unlink()
        assert broken(MUSDB18(path=hq, hq=True)) == {("C - D", "stem bass")}

    def test_the_other_kind_is_refused_with_a_hint(self, hq: Path) -> None:
        with pytest.raises(DatasetError, match=r"no songs in .*hq=true for WAV files"):
            list(MUSDB18(path=hq).tracks())

    def test_a_damaged_song_is_named(self, hq: Path) -> None:
        (hq / "test/E - F.stem.mp4").write_bytes(b"no film")
        with pytest.raises(DatasetError, match=r"E - F\.stem\.mp4: Invalid data") as caught:
            list(MUSDB18(path=hq).tracks())
        assert "\n" not in str(caught.value)

    @pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample of MUSDB18 is not there")
    def test_the_sample_is_decoded(self) -> None:
        track = only(MUSDB18(path=SAMPLE))
        assert (track.name, track.split) == ("Music Delta - 80s Rock", "train")
        mixture, stems = track.load_mixture(), track.load_stems()
        assert {stem.samples.shape for stem in stems.values()} == {mixture.samples.shape}
        error = mixture.samples - sum(stem.samples for stem in stems.values())
        assert np.sum(error**2) < 1e-3 * np.sum(mixture.samples**2)

    @pytest.mark.skipif(not SAMPLE.is_dir(), reason="the sample of MUSDB18 is not there")
    def test_a_song_that_went_away_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "train").mkdir()
        song = shutil.copy(next(SAMPLE.glob("train/*.mp4")), tmp_path / "train")
        track = only(MUSDB18(path=tmp_path))
        Path(song).unlink()
        with pytest.raises(AudioError, match="80s Rock"):
            track.load_mixture()
