"""Recordings on disk: what is written, and what a full disk leaves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sepkit import Audio
from sepkit.errors import AudioError, WriteError

NoiseOf = Callable[..., Audio]


class TestWriting:
    @given(
        samples=hnp.arrays(
            np.float32,
            st.tuples(st.integers(1, 3), st.integers(3, 40)),
            elements=st.floats(-(2.0**33), 2.0**33, width=32),
        ),
        rate=st.integers(1000, 400_000),
    )
    def test_wav_is_exact_for_any_finite_samples(
        self, tmp_path_factory: pytest.TempPathFactory, samples: np.ndarray, rate: int
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "exact.wav"
        Audio(samples, rate).write(path)
        read = Audio.read(path)
        assert read.sample_rate == rate
        assert read.samples.tobytes() == samples.tobytes()

    @pytest.mark.skipif(sys.platform != "linux", reason="other systems keep names of folders as Unicode")
    @pytest.mark.parametrize("suffix", [".wav", ".flac"])
    def test_a_folder_whose_name_is_no_text(self, tmp_path: Path, noise: NoiseOf, suffix: str) -> None:
        folder = tmp_path / "old\udcff"
        folder.mkdir()
        audio = noise(length=8000, rate=16000)
        audio.write(folder / f"a{suffix}")
        assert Audio.read(folder / f"a{suffix}").length == 8000

    def test_wav_longer_than_a_block_is_exact(self, tmp_path: Path, noise: NoiseOf) -> None:
        audio = noise(2, (1 << 20) + 17)
        audio.write(tmp_path / "long.wav")
        np.testing.assert_array_equal(Audio.read(tmp_path / "long.wav").samples, audio.samples)

    def test_huge_wav_becomes_rf64(self, tmp_path: Path, noise: NoiseOf, monkeypatch: pytest.MonkeyPatch) -> None:
        import soundfile

        monkeypatch.setattr("sepkit.music.encoding._WAV_LIMIT_BYTES", 100)
        audio = noise(2)
        audio.write(tmp_path / "huge.wav")
        assert soundfile.info(tmp_path / "huge.wav").format == "RF64"
        np.testing.assert_array_equal(Audio.read(tmp_path / "huge.wav").samples, audio.samples)

    def test_flac_is_within_24_bits(self, tmp_path: Path, noise: NoiseOf) -> None:
        audio = noise(2)
        audio.write(tmp_path / "a.FLAC")
        np.testing.assert_allclose(Audio.read(tmp_path / "a.FLAC").samples, audio.samples, rtol=0, atol=2**-23)

    def test_flac_takes_full_scale(self, tmp_path: Path) -> None:
        Audio(np.array([[1.0, -1.0]]), 8000).write(tmp_path / "a.flac")
        np.testing.assert_allclose(Audio.read(tmp_path / "a.flac").samples, [[1, -1]], rtol=0, atol=2**-22)

    def test_flac_refuses_to_clip(self, tmp_path: Path) -> None:
        with pytest.raises(AudioError, match=r"clip.*\.wav"):
            Audio(np.array([[0.0, -1.001]]), 8000).write(tmp_path / "a.flac")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["a.mp3", "a", "a.wav.bak", ".wav"])
    def test_refuses_other_suffixes(self, tmp_path: Path, noise: NoiseOf, name: str) -> None:
        with pytest.raises(AudioError, match=r"\.wav or \.flac"):
            noise().write(tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("suffix", [".wav", ".flac"])
    def test_refuses_missing_folder_and_says_so(self, tmp_path: Path, noise: NoiseOf, suffix: str) -> None:
        with pytest.raises(WriteError, match="no folder"):
            noise().write(tmp_path / "nowhere" / f"a{suffix}")

    @pytest.mark.parametrize("suffix", [".wav", ".flac"])
    def test_below_a_file(self, regular_file: Path, noise: NoiseOf, suffix: str) -> None:
        with pytest.raises(WriteError, match="no folder"):
            noise().write(regular_file / f"a{suffix}")

    @pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs a folder in which no file can be made")
    @pytest.mark.parametrize("suffix", [".wav", ".flac"])
    def test_where_no_file_can_be_made_the_system_tells_why(self, noise: NoiseOf, suffix: str) -> None:
        with pytest.raises(WriteError, match="No such file or directory"):
            noise().write(f"/proc/a{suffix}")

    @pytest.mark.parametrize("channels", [1, 2, 6])
    def test_wav_holds_no_time_of_writing(self, tmp_path: Path, noise: NoiseOf, channels: int) -> None:
        noise(channels).write(tmp_path / "a.wav")
        data = (tmp_path / "a.wav").read_bytes()
        peak = data.find(b"PEAK", 0, 256)
        assert peak < 0 or data[peak + 12 : peak + 16] == bytes(4)

    @pytest.mark.parametrize("suffix", [".wav", ".flac"])
    def test_same_samples_same_bytes(self, tmp_path: Path, noise: NoiseOf, suffix: str) -> None:
        noise(2).write(tmp_path / f"a{suffix}")
        noise(2).write(tmp_path / f"b{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


FULL_DISK = """
import resource, sys
import numpy as np
from sepkit import Audio
from sepkit.errors import WriteError
audio = Audio(np.random.default_rng(0).uniform(-1, 1, (2, int(sys.argv[2]))), 44100)
import soundfile
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    audio.write(sys.argv[1])
except WriteError as error:
    print("WriteError:", error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are POSIX's")
class TestFullDisk:
    @staticmethod
    def write(path: Path, length: int, limit_bytes: int) -> str:
        command = [sys.executable, "-c", FULL_DISK, str(path), str(length), str(limit_bytes)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout

    @pytest.mark.parametrize("suffix", [".wav", ".flac"])
    @pytest.mark.parametrize("missing_bytes", [1, 100, 50_000])
    def test_leaves_nothing(self, tmp_path: Path, suffix: str, missing_bytes: int) -> None:
        path = tmp_path / f"a{suffix}"
        assert self.write(path, 20_000, 1 << 20) == ""
        size = path.stat().st_size
        path.unlink()
        printed = self.write(path, 20_000, size - missing_bytes)
        assert printed.startswith("WriteError:")
        assert printed.count("\n") == 1
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("suffix", [".wav", ".flac"])
    def test_leaves_an_existing_file_as_it_was(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"a{suffix}"
        path.write_bytes(b"precious")
        assert self.write(path, 20_000, 50_000).startswith("WriteError:")
        assert path.read_bytes() == b"precious"
        assert list(tmp_path.iterdir()) == [path]

    def test_the_limit_alone_is_no_error(self, tmp_path: Path) -> None:
        assert self.write(tmp_path / "a.wav", 1000, 110_000) == ""
        assert Audio.read(tmp_path / "a.wav").length == 1000
