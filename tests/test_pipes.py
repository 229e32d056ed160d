"""Pipes, devices and names: what a path may name besides a file."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from sepkit import Audio, F0Track, Score
from sepkit.errors import AudioError, SideInformationError
from sepkit.opening import as_spelt
from tests.commandline import call, hum, record
from tests.distributions import environment

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    record(Path("song.wav"), hum(2.0, channels=2))


@contextmanager
def fifo(name: str, content: bytes) -> Iterator[Path]:
    """A FIFO into which a thread writes, as the shell does for ``<(cat song.wav)``."""
    os.mkfifo(name)

    def write() -> None:
        with suppress(BrokenPipeError), open(name, "wb") as file:
            file.write(content)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    yield Path(name)
    writer.join()


def test_a_pipe_is_read_like_the_file() -> None:
    with fifo("pipe", Path("song.wav").read_bytes()) as pipe:
        np.testing.assert_array_equal(Audio.read(pipe).samples, Audio.read("song.wav").samples)


def test_a_pipe_is_a_mixture() -> None:
    with fifo("pipe", Path("song.wav").read_bytes()) as pipe:
        done = call("run", "mixture", pipe, "-o", "out", "--sources", "a")
    assert (done.code, done.err) == (0, "")
    np.testing.assert_array_equal(Audio.read("out/pipe/a.wav").samples, Audio.read("song.wav").samples)


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="there is no /dev/stdin")
@pytest.mark.parametrize("piped", [True, False], ids=["pipe", "file"])
def test_standard_input_is_a_mixture(piped: bool) -> None:
    command = [sys.executable, "-m", "sepkit", "run", "mixture", "/dev/stdin", "-o", "out", "--sources", "a"]
    with open("song.wav", "rb") as song:
        given = {"input": song.read()} if piped else {"stdin": song}
        done = subprocess.run(command, env=environment(), capture_output=True, **given)  # type: ignore[call-overload]
    assert (done.returncode, done.stderr) == (0, b"")
    np.testing.assert_array_equal(Audio.read("out/stdin/a.wav").samples, Audio.read("song.wav").samples)


@pytest.mark.parametrize("piped", ["estimate", "reference"])
def test_evaluate_measures_pipes(piped: str) -> None:
    with fifo("pipe", Path("song.wav").read_bytes()) as pipe:
        files = (pipe, "song.wav") if piped == "estimate" else ("song.wav", pipe)
        done = call("evaluate", *files, "--metric", "sdr", "--csv")
    assert (done.code, done.err) == (0, "")
    assert ",SDR,inf," in done.out


def test_tables_come_through_pipes_too() -> None:
    with fifo("f0", b"0,220\n0.01,221\n") as pipe:
        assert F0Track.read(pipe).f0_hz.tolist() == [220, 221]


def test_a_pipe_into_which_nobody_writes_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepkit.opening._WRITER_S", 0.0)
    os.mkfifo("pipe")
    with pytest.raises(AudioError, match="pipe and nobody writes into it; write it to a file first"):
        Audio.read("pipe")


def test_a_writer_that_says_nothing_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepkit.opening._PATIENCE_S", 0.0)
    os.mkfifo("pipe")
    # Opened for both, because opening for writing alone would wait for a reader.
    writer = os.open("pipe", os.O_RDWR)
    try:
        with pytest.raises(AudioError, match="pipe and its writer says nothing"):
            Audio.read("pipe")
    finally:
        os.close(writer)


def test_an_endless_pipe_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepkit.opening._PIPE_BYTES", 1000)
    with fifo("pipe", Path("song.wav").read_bytes()) as pipe, pytest.raises(AudioError, match="GiB come out of it"):
        Audio.read(pipe)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero")
@pytest.mark.parametrize(
    "arguments", [("run", "mixture", "/dev/zero", "-o", "out"), ("evaluate", "/dev/zero", "song.wav")]
)
def test_devices_are_refused(arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert done.code == 2
    assert done.complaints == ["sepkit: cannot read /dev/zero as an audio file: it is a device; give a file or a pipe"]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero")
def test_devices_are_no_tables() -> None:
    with pytest.raises(SideInformationError, match="it is a device"):
        F0Track.read("/dev/zero")
    Path("notes.csv").symlink_to("/dev/zero")
    with pytest.raises(SideInformationError):
        Score.read("notes.csv")


class TestAccents:
    @pytest.mark.parametrize(("on_disk", "asked"), [("NFC", "NFD"), ("NFD", "NFC")])
    def test_may_be_coded_either_way(self, on_disk: str, asked: str) -> None:
        there, wanted = (Path(unicodedata.normalize(form, "Für Élise.wav")) for form in (on_disk, asked))
        Path("song.wav").rename(there)
        assert as_spelt(wanted) == there
        assert Audio.read(wanted).length == Audio.read(there).length
        assert call("run", "mixture", wanted, "-o", "out", "--sources", "a").code == 0

    def test_two_files_that_look_alike_are_told_apart(self) -> None:
        names = [unicodedata.normalize(form, "é.wav") for form in ("NFC", "NFD")]
        for length, name in enumerate(names, 5):
            record(Path(name), hum()[:length])
        if len([path for path in Path().iterdir() if path.name in names]) == 2:
            assert [Audio.read(name).length for name in names] == [5, 6]

    def test_stems_match_their_references(self) -> None:
        for folder, form in (("estimates", "NFC"), ("references", "NFD")):
            Path(folder).mkdir()
            record(Path(folder) / unicodedata.normalize(form, "flûte.wav"))
        assert call("evaluate", "estimates", "references", "--metric", "sdr").code == 0
