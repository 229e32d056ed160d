from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit.errors import OutputError, WriteError
from sepkit.files import atomic_path, file_names, require_writable, staged_folder

HOSTILE = [
    "../../x",
    "",
    ".",
    "..",
    "a/b",
    "a\\b",
    "/etc/passwd",
    "C:\\x",
    "CON",
    ".CON",
    "nul.txt",
    "A",
    "a",
    "x" * 300,
    "x" * 300 + "y",
    "😀" * 300,
    "Straße",
    "STRASSE",
    "\u00e9",
    "e\u0301",
    "\0",
    "a\nb",
    "-rf",
    " ",
    "a.",
    "a ",
    "a\udcff",
]


def in_folder(names: dict[str, str], folder: Path) -> None:
    """Every name makes a file right below `folder`, and no two make the same."""
    for name in names.values():
        path = (folder / f"{name}.wav").resolve()
        assert path.parent == folder.resolve()
        assert not name.startswith(".")
        assert not set(name) & set('/\\:*?"<>|\0\n')
        assert 0 < len(f".{name}.wav.1234567.partial".encode()) <= 255
    folded = [unicodedata.normalize("NFC", name).casefold() for name in names.values()]
    assert len(set(folded)) == len(folded)


def interrupted_after_writing(path: Path, error: BaseException | None = None) -> None:
    path.write_text("half")
    raise error or KeyboardInterrupt


class TestFileNames:
    def test_hostile_names_stay_in_the_folder(self, tmp_path: Path) -> None:
        names = file_names(HOSTILE)
        assert list(names) == HOSTILE
        in_folder(names, tmp_path)
        for name in names.values():
            (tmp_path / f"{name}.wav").touch(exist_ok=False)

    @given(st.lists(st.text(max_size=300) | st.sampled_from(HOSTILE), unique=True, max_size=12))
    def test_any_names_stay_in_the_folder(self, names: list[str]) -> None:
        chosen = file_names(names)
        assert list(chosen) == names
        in_folder(chosen, Path("/nowhere"))

    @pytest.mark.parametrize("name", ["con", "CON", ".CON", "..nul", "aux", "COM1", "lpt9"])
    def test_names_that_windows_reserves_are_changed(self, name: str) -> None:
        assert file_names([name])[name].lower() not in {"con", "nul", "aux", "com1", "lpt9"}

    @pytest.mark.parametrize("name", ["voice", "Gesang", "left hand", "Flûte", "ヴァイオリン", "oboe-2", "a.b"])
    def test_good_names_stay_as_they_are(self, name: str) -> None:
        assert file_names([name]) == {name: name}

    def test_twins_are_numbered_in_order(self) -> None:
        assert file_names(["A", "a", "a_2"]) == {"A": "A", "a": "a_2", "a_2": "a_2_2"}


class TestAtomicPath:
    def test_success_replaces(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_text("old")
        with atomic_path(path) as temporary:
            temporary.write_text("new")
            assert path.read_text() == "old"
        assert path.read_text() == "new"
        assert list(tmp_path.iterdir()) == [path]

    def test_failure_leaves_what_was_there(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_text("old")
        with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
            interrupted_after_writing(temporary)
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_errors_of_the_system_become_write_errors(self, tmp_path: Path) -> None:
        with pytest.raises(WriteError, match=r"a\.txt: No space left"), atomic_path(tmp_path / "a.txt"):
            raise OSError(28, "No space left on device")

    def test_a_folder_is_not_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        with pytest.raises(WriteError), atomic_path(tmp_path / "a") as temporary:
            temporary.write_text("new")
        assert (tmp_path / "a").is_dir()
        assert list(tmp_path.iterdir()) == [tmp_path / "a"]

    @pytest.mark.parametrize("parent", ["regular", "missing"])
    def test_without_a_folder_nothing_starts(self, regular_file: Path, parent: str) -> None:
        with pytest.raises(WriteError, match="no folder"), atomic_path(regular_file.parent / parent / "a"):
            raise AssertionError("the block was entered")


class TestStagedFolder:
    def test_success_makes_the_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "deep" / "out"
        with staged_folder(folder) as staging:
            (staging / "a").write_text("a")
            assert not folder.exists()
        assert (folder / "a").read_text() == "a"
        assert [path.name for path in folder.parent.iterdir()] == ["out"]

    def test_success_replaces_and_leaves_the_others(self, tmp_path: Path) -> None:
        folder = tmp_path / "out"
        folder.mkdir()
        (folder / "a").write_text("old")
        (folder / "b").write_text("other")
        with staged_folder(folder) as staging:
            (staging / "a").write_text("new")
        assert {path.name: path.read_text() for path in folder.iterdir()} == {"a": "new", "b": "other"}

    def test_failure_leaves_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(KeyboardInterrupt), staged_folder(tmp_path / "out") as staging:
            interrupted_after_writing(staging / "a")
        assert list(tmp_path.iterdir()) == []

    def test_errors_of_the_system_become_write_errors(self, tmp_path: Path) -> None:
        with pytest.raises(WriteError, match="No space left"), staged_folder(tmp_path / "out") as staging:
            interrupted_after_writing(staging / "a", OSError(28, "No space left on device"))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("inside", ["", "out", "deep/out"])
    def test_below_or_at_a_file(self, regular_file: Path, inside: str) -> None:
        with pytest.raises(WriteError), staged_folder(regular_file / inside):
            pass
        assert list(regular_file.parent.iterdir()) == [regular_file]


class TestRequireWritable:
    def test_makes_the_folder_and_leaves_it_empty(self, tmp_path: Path) -> None:
        require_writable(tmp_path / "deep" / "out")
        assert list((tmp_path / "deep" / "out").iterdir()) == []

    @pytest.mark.parametrize("inside", ["", "out", "deep/out"])
    def test_below_or_at_a_file(self, regular_file: Path, inside: str) -> None:
        with pytest.raises(OutputError, match="choose another") as error:
            require_writable(regular_file / inside)
        assert str(regular_file) in str(error.value)
