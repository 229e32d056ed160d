"""What holds for every published dataset, tracks themselves, the bundled example and folders of one's own."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepkit import Audio, Registry, example
from sepkit.errors import AudioError, DatasetError, UnknownNameError
from sepkit.evaluation import Dataset, Track
from sepkit.evaluation.datasets.example import BundledExample
from sepkit.evaluation.datasets.folder import Folder
from sepkit.evaluation.datasets.layout import numbered
from sepkit.evaluation.declare import declared_dataset
from sepkit.evaluation.splits import split
from sepkit.evaluation.verify import verify
from tests.commandline import record

SHARED = Path(__file__).parents[2] / "shared" / "data"
DATASETS = Registry().datasets


def tracks_of(path: Path) -> dict[str, Track]:
    return {track.name: track for track in Folder(path=path).tracks()}


def stems(folder: Path, *files: str) -> None:
    """Write a short file of audio for each name."""
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        record(folder / name, subtype="PCM_16")


def loaded(name: str) -> Any:
    try:
        return DATASETS[name].load()
    except UnknownNameError as error:
        pytest.skip(str(error))


def test_folders_that_never_end_are_refused(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(60):
        folder = folder / "a"
        folder.mkdir()
    with pytest.raises(DatasetError, match="folders more than 50 deep"):
        list(Folder(path=tmp_path).tracks())


def test_text_that_is_too_long_for_a_path_is_no_dataset() -> None:
    for text in ("a" * 5000, "a\0b", "/".join(["a"] * 3000)):
        with pytest.raises((DatasetError, UnknownNameError)):
            declared_dataset(text, Registry())


class TestEveryPublishedDataset:
    @pytest.mark.parametrize("name", DATASETS)
    def test_is_called_as_it_is_published(self, name: str, tmp_path: Path) -> None:
        model = loaded(name)
        options = {"path": tmp_path} if "path" in model.model_fields else {}
        assert issubclass(model, Dataset)
        assert model(**options).name == name

    @pytest.mark.parametrize("name", DATASETS)
    def test_describes_its_options(self, name: str) -> None:
        for option in loaded(name).model_json_schema()["properties"].values():
            assert option["description"]

    @pytest.mark.parametrize("name", ["bach10", "choral-singing", "folder", "rendered", "urmp"])
    def test_what_the_system_does_not_let_it_see_is_named(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for folder in ("01-Closed", "01_Closed_vn_vc"):
            (tmp_path / folder).mkdir()
        looked_at = Path.stat

        def refusing(path: Path, **options: Any) -> os.stat_result:
            if "Closed" in path.name:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return looked_at(path, **options)

        monkeypatch.setattr(Path, "stat", refusing)
        with pytest.raises(DatasetError, match=r"cannot look into .*Closed.*: Permission denied; make it readable"):
            list(loaded(name)(path=tmp_path).tracks())

    @pytest.mark.parametrize("name", ["bach10", "choral-singing", "folder", "rendered", "urmp"])
    @pytest.mark.parametrize("path", ["a" * 300, "a/" * 3000, "~nobody-at-all/x", "a\0b"], ids=lambda path: path[:6])
    def test_a_path_that_cannot_be_is_refused_in_one_line(self, name: str, path: str) -> None:
        with pytest.raises(DatasetError) as caught:
            list(loaded(name)(path=path).tracks())
        assert len(str(caught.value)) < 400
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", sorted(DATASETS.keys() - {"example", "toy-waveforms"}))
    def test_says_what_it_misses(self, name: str, tmp_path: Path) -> None:
        if not DATASETS[name].available:
            pytest.skip(DATASETS[name].remedy)
        for place in (tmp_path, tmp_path / "absent"):
            with pytest.raises(DatasetError, match=place.name) as caught:
                list(DATASETS[name].load()(path=place).tracks())
            assert "\n" not in str(caught.value)


class TestATrack:
    def test_is_a_group_of_its_own(self) -> None:
        assert Track(name="a", stems={}).group == "a"
        assert Track(name="a", stems={}, group="b").group == "b"

    def test_without_stems_or_with_unequal_ones_has_no_sum(self) -> None:
        with pytest.raises(AudioError, match="'a' has no stems"):
            Track(name="a", stems={}).load_mixture()
        unequal = {str(length): lambda length=length: Audio(np.ones((1, length)), 8000) for length in (5, 6)}
        with pytest.raises(AudioError, match="'a' differ"):
            Track(name="a", stems=unequal).load_mixture()


def test_the_bundled_examples_are_tracks_with_a_score() -> None:
    for track in BundledExample().tracks():
        np.testing.assert_array_equal(track.load_mixture().samples, example.load(track.name).mixture.samples)
        score = track.load_score()
        assert score is not None
        assert set(score.parts) == set(track.sources)
    assert verify(BundledExample()) == []


class TestFolder:
    def test_stems_in_a_folder_of_their_own(self, tmp_path: Path) -> None:
        stems(tmp_path, "set/song/stems/a.wav", "set/song/stems/B.FLAC", "set/song/mixture.flac", "set/song/take.wav")
        (tmp_path / "set/song/score.mid").touch()
        (tmp_path / "set/song/f0").mkdir()
        for name in ("a", "other"):
            (tmp_path / f"set/song/f0/{name}.csv").write_text("0,440\n")
        [track] = Folder(path=tmp_path).tracks()
        folder = tmp_path / "set/song"
        assert track == Track(
            name="set/song",
            stems={"B": folder / "stems/B.FLAC", "a": folder / "stems/a.wav"},
            mixture=folder / "mixture.flac",
            score=folder / "score.mid",
            f0={"a": folder / "f0/a.csv"},
            group="song",
        )

    def test_a_mixture_beside_its_stems(self, tmp_path: Path) -> None:
        stems(tmp_path, "x/y/Mixture.wav", "x/y/vocals.wav", "x/y/old/mixture.wav", "x/y/old/vocals.wav")
        assert {name: (track.sources, track.mixture) for name, track in tracks_of(tmp_path).items()} == {
            "x/y": (("vocals",), tmp_path / "x/y/Mixture.wav")
        }

    def test_files_alone_are_stems_near_the_top_only(self, tmp_path: Path) -> None:
        stems(tmp_path, "song/a.wav", "song/b.wav", "test/song2/a.wav", "test/song2/b.wav")
        stems(tmp_path, "loops/kicks/1.wav", "loops/kicks/2.wav", "one/a.wav", "one/.b.wav", "one/notes.txt.wav/x.wav")
        assert list(tracks_of(tmp_path)) == ["song", "test/song2"]
        np.testing.assert_array_equal(
            tracks_of(tmp_path)["song"].load_mixture().samples, 2 * Audio.read(tmp_path / "song/a.wav").samples
        )

    def test_a_track_may_be_given_itself(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        stems(tmp_path, "song/a.wav", "song/b.wav")
        monkeypatch.chdir(tmp_path / "song")
        for path in (tmp_path / "song", Path(), Path("../song")):
            [track] = Folder(path=path).tracks()
            assert (track.name, track.group, track.split) == ("song", "song", None)

    def test_files_beside_tracks_are_no_track(self, tmp_path: Path) -> None:
        stems(tmp_path, "a.wav", "b.wav", "song/stems/a.wav")
        assert list(tracks_of(tmp_path)) == ["song"]

    def test_folders_named_after_parts_are_a_split(self, tmp_path: Path) -> None:
        for part in ("train", "valid", "validation", "test", "more"):
            stems(tmp_path, f"{part}/deep/{part}_song/mixture.wav", f"{part}/deep/{part}_song/voice.wav")
        splits = {track.group: track.split for track in Folder(path=tmp_path).tracks()}
        assert splits == {
            "train_song": "train",
            "valid_song": "valid",
            "validation_song": "valid",
            "test_song": "test",
            "more_song": None,
        }

    def test_folders_of_one_name_are_one_piece(self, tmp_path: Path) -> None:
        stems(tmp_path, "train/deep/song/stems/a.wav", "train/other/song/stems/a.wav", "test/song/stems/a.wav")
        assert {track.group for track in Folder(path=tmp_path).tracks()} == {"song"}
        with pytest.raises(DatasetError, match="'song' into test and train"):
            split(Folder(path=tmp_path).tracks())

    def test_a_track_named_after_a_part_is_in_none(self, tmp_path: Path) -> None:
        stems(tmp_path, "test/stems/a.wav")
        assert tracks_of(tmp_path)["test"].split is None

    @pytest.mark.parametrize("files", [("s/stems/a.wav", "s/stems/a.flac"), ("s/a.wav", "s/A.flac")])
    def test_two_stems_of_one_name_are_refused(self, tmp_path: Path, files: tuple[str, ...]) -> None:
        stems(tmp_path, *files)
        with pytest.raises(DatasetError, match=r"more than once: [aA]\.(flac|wav), [aA]\.(flac|wav); keep one"):
            tracks_of(tmp_path)

    def test_two_mixtures_are_refused(self, tmp_path: Path) -> None:
        stems(tmp_path, "s/stems/a.wav", "s/mixture.wav", "s/mixture.flac")
        with pytest.raises(DatasetError, match=r"mixture\.flac, mixture\.wav"):
            tracks_of(tmp_path)

    def test_mixtures_whose_stems_are_not_known_have_f0_or_a_score(self, tmp_path: Path) -> None:
        stems(tmp_path, "sung/mixture.wav", "played/mixture.wav", "unknown/mixture.wav", "whole/stems/a.wav")
        (tmp_path / "sung" / "f0").mkdir()
        for name in ("alto.csv", "bass.CSV", "notes.txt"):
            (tmp_path / "sung" / "f0" / name).write_text("0,100\n1,100\n")
        (tmp_path / "played" / "score.mid").write_bytes(b"MThd")
        found = tracks_of(tmp_path)
        assert set(found) == {"sung", "played", "whole"}
        assert (found["sung"].sources, set(found["sung"].f0)) == ((), {"alto", "bass"})
        assert found["sung"].load_mixture().length > 0
        assert found["played"].score == tmp_path / "played" / "score.mid"

    def test_says_which_layouts_it_understands(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(DatasetError, match=r"stems/ in it, or with mixture\.wav beside its stems"):
            tracks_of(tmp_path)

    def test_links_that_lead_back_do_not_hang(self, tmp_path: Path) -> None:
        stems(tmp_path, "set/song/stems/a.wav")
        (tmp_path / "set/again").symlink_to(tmp_path)
        assert list(tracks_of(tmp_path)) == ["set/song"]

    def test_is_named_in_its_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        stems(tmp_path, "songs/song/stems/a.wav")
        assert list(tracks_of(Path("~/songs"))) == ["song"]

    def test_tracks_can_go_to_another_process(self, tmp_path: Path) -> None:
        stems(tmp_path, "song/stems/a.wav")
        [track] = Folder(path=tmp_path).tracks()
        assert pickle.loads(pickle.dumps(track)) == track


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("bach10", ["drums_mix02_bwv385", "mix02_bwv385", "mix05_bwv255", "mix06_bwv274"]),
        ("urmp", ["01_jupiter", "24_pirates"]),
        ("choral", ["nino_dios_quartet1", "nino_dios_quartet4"]),
        ("drums", ["808", "lsddm_em_loops"]),
        ("render", ["chorale_bwv253", "piano_hands_chopin_op10_no3_p01"]),
    ],
)
def test_real_recordings_are_found_and_sound(folder: str, names: list[str]) -> None:
    if not SHARED.is_dir():
        pytest.skip("the folder of shared recordings is not there")
    dataset = declared_dataset(str(SHARED / folder), Registry())
    assert [track.name for track in dataset.tracks()] == names
    assert [fault for fault in verify(dataset) if fault.severity == "broken"] == []


def test_names_are_made_distinct_by_numbers() -> None:
    assert numbered(["violin", "cello", "violin"]) == ["violin1", "cello", "violin2"]
    assert numbered(["a", "a", "a1", "a1"]) == ["a2", "a3", "a11", "a12"]
