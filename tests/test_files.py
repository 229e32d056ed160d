from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit.errors import OutputError, WriteError
from sepkit.files import (
    atomic_path,
    file_names,
    read_regular,
    require_writable,
    require_writable_file,
    staged_folder,
    sweep,
)
from tests.commandline import files_below
from tests.distributions import environment

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
        assert not set(name) & set('/\\:*?"<>|\0\n ')
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

    @pytest.mark.parametrize("name", ["voice", "Gesang", "Flûte", "ヴァイオリン", "oboe-2", "a.b"])
    def test_good_names_stay_as_they_are(self, name: str) -> None:
        assert file_names([name]) == {name: name}

    def test_names_are_spelt_as_the_file_system_can(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "latin-1")
        chosen = file_names(["Flöte", "\u7d46", "\u97f3", "Fl\udcf6te"])
        assert list(chosen.values()) == ["Flöte", "_", "__2", "Fl_te"]

    def test_no_name_holds_a_blank(self) -> None:
        names = ["left hand", "left\u00a0 hand", " left\thand", "left_hand"]
        assert list(file_names(names).values()) == ["left_hand", "left_hand_2", "left_hand_3", "left_hand_4"]

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

    @pytest.mark.parametrize("name", ["x" * 251 + ".wav", "é" * 125 + ".wav", "😀" * 62 + ".wav", "\udcff" * 20])
    def test_any_name_that_the_system_takes_can_be_written(self, tmp_path: Path, name: str) -> None:
        with atomic_path(tmp_path / name) as temporary:
            temporary.write_text("new")
        assert [path.name for path in tmp_path.iterdir()] == [name]

    def test_a_name_that_is_too_long_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(WriteError, match="too long"), atomic_path(tmp_path / ("é" * 128)) as temporary:
            temporary.write_text("new")
        assert list(tmp_path.iterdir()) == []

    def test_a_name_with_a_null_character_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(WriteError, match="null character"), atomic_path(tmp_path / "a\0b.wav"):
            pytest.fail("there is no such name")

    def test_where_nothing_can_be_written_the_first_error_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read_only(*_: object, **__: object) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr("pathlib.Path.unlink", read_only)
        with pytest.raises(WriteError, match=r"a\.txt: No space left"), atomic_path(tmp_path / "a.txt"):
            raise OSError(errno.ENOSPC, "No space left on device")


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

    def test_the_record_goes_first_and_comes_last(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("record", "a", "b", "z", "mine"):
            (tmp_path / name).write_text("old")
        seen = []
        replace = os.replace

        def watched(source: Path, place: Path) -> None:
            replace(source, place)
            seen.append({path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()})

        monkeypatch.setattr("os.replace", watched)
        with staged_folder(tmp_path, "record", ["b", "gone already"]) as staging:
            for name in ("a", "record", "z"):
                (staging / name).write_text("new")
        assert all("record" not in files for files in seen[:-1])
        assert seen[-1] == {"record": "new", "a": "new", "z": "new", "mine": "old"}

    def test_what_cannot_be_replaced_leaves_all_as_it_was(self, tmp_path: Path) -> None:
        folder = tmp_path / "out"
        folder.mkdir()
        for name in ("record", "a", "b"):
            (folder / name).write_text("old")
        (folder / "z").mkdir()

        def write() -> None:
            with staged_folder(folder, "record", ["b"]) as staging:
                for name in ("a", "record", "z"):
                    (staging / name).write_text("new")

        with pytest.raises(WriteError):
            write()
        assert {path.name for path in folder.iterdir()} == {"record", "a", "b", "z"}
        assert {(folder / name).read_text() for name in ("record", "a", "b")} == {"old"}
        assert list(tmp_path.iterdir()) == [folder]

    def test_a_folder_that_loses_its_last_file_goes_too(self, tmp_path: Path) -> None:
        for name in ("deep/only", "shared/one", "shared/other"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("old")
        with staged_folder(tmp_path, None, ["deep/only", "shared/one"]):
            pass
        assert sorted(path.name for path in tmp_path.iterdir()) == ["shared"]


KILLED = """
import os, signal, sys
from pathlib import Path
from sepkit.files import atomic_path, staged_folder
folder = Path(sys.argv[1])
with atomic_path(folder / "a.wav") as file, staged_folder(folder / "out") as staging:
    file.write_text("half")
    (staging / "b.wav").write_text("half")
    if sys.argv[2] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
class TestSweep:
    def test_what_dead_processes_left_goes_and_all_else_stays(self, tmp_path: Path) -> None:
        subprocess.run([sys.executable, "-c", KILLED, tmp_path, "kill"], env=environment())
        assert len(list(tmp_path.glob(".*.partial"))) == 2
        mine = [tmp_path / name for name in ("a.wav", ".hidden", ".other.partial", ".x.deadbeef-1-2.partial")]
        for path in mine:
            path.write_text("mine")
        sweep(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted(mine)

    def test_what_a_process_is_writing_stays(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", KILLED, str(tmp_path), "wait"]
        with subprocess.Popen(command, env=environment(), stdin=-1, stdout=-1, encoding="utf-8") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            sweep(tmp_path)
            process.communicate("go on\n")
        assert process.returncode == 0
        assert files_below(tmp_path) == ["a.wav", "out", "out/b.wav"]

    def test_what_another_machine_has_forgotten_goes_after_a_day(self, tmp_path: Path) -> None:
        forgotten, fresh = tmp_path / ".x.deadbeef-1-2.partial", tmp_path / ".y.deadbeef-1-2.partial"
        for path in (forgotten, fresh):
            path.mkdir()
        os.utime(forgotten, (0, 0))
        sweep(tmp_path)
        assert list(tmp_path.iterdir()) == [fresh]

    def test_a_folder_that_is_none_is_no_error(self, regular_file: Path) -> None:
        sweep(regular_file)
        sweep(regular_file.parent / "missing")


class TestReadRegular:
    def test_gives_all_bytes(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"abc")
        assert read_regular(tmp_path / "a", 3) == b"abc"

    @pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "pipe", ".", "large", "missing"])
    def test_refuses_what_has_no_end_or_is_too_large(self, tmp_path: Path, path: str) -> None:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "large").write_bytes(bytes(4))
        with pytest.raises(OSError, match=r"\[Errno"):
            read_regular(tmp_path / path, 3)


class TestRequireWritable:
    def test_makes_the_folder_and_leaves_it_empty(self, tmp_path: Path) -> None:
        require_writable(tmp_path / "deep" / "out")
        assert list((tmp_path / "deep" / "out").iterdir()) == []

    @pytest.mark.parametrize("inside", ["", "out", "deep/out"])
    def test_below_or_at_a_file(self, regular_file: Path, inside: str) -> None:
        with pytest.raises(OutputError, match="choose another") as error:
            require_writable(regular_file / inside)
        assert str(regular_file) in str(error.value)

    def test_a_file_is_called_one(self, regular_file: Path) -> None:
        with pytest.raises(OutputError, match=r"cannot write to folder .*: it is a file; choose another with -o"):
            require_writable(regular_file)


class TestRequireWritableFile:
    def test_makes_the_folder_and_leaves_what_is_there(self, tmp_path: Path) -> None:
        require_writable_file(tmp_path / "deep" / "a.mid")
        assert files_below(tmp_path) == ["deep"]
        (tmp_path / "deep" / "a.mid").write_text("old")
        require_writable_file(tmp_path / "deep" / "a.mid")
        assert (tmp_path / "deep" / "a.mid").read_text() == "old"

    @pytest.mark.parametrize("name", ["regular/a.mid", "folder.mid", "é" * 128 + ".mid"])
    def test_says_so_where_none_can_be(self, regular_file: Path, name: str) -> None:
        (regular_file.parent / "folder.mid").mkdir()
        with pytest.raises(OutputError, match="with -o"):
            require_writable_file(regular_file.parent / name)
