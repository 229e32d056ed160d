"""Arrays that are mapped from temporary files once they are large."""

from __future__ import annotations

import errno
import gc
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

import sepkit
from sepkit import Audio, large
from sepkit.builtin import MixtureConsistency
from sepkit.errors import WriteError
from sepkit.spectral import STFT

lengths = st.lists(st.integers(1, 40), max_size=12)


@given(lengths, st.integers(1, 3), st.sampled_from([0, 100, 1 << 20]))
def test_blocks_are_joined_in_order(lengths: list[int], channels: int, most_bytes: int) -> None:
    rng = np.random.default_rng(len(lengths))
    blocks = [rng.random((channels, length), np.float32) for length in lengths]
    with large.mapped_beyond(most_bytes):
        joined = large.joined(iter(blocks))
    if not blocks:
        assert joined is None
        return
    assert joined is not None
    np.testing.assert_array_equal(joined, np.concatenate(blocks, axis=1))


@given(st.integers(0, 40_000_000))
def test_spans_cover_everything_once(length: int) -> None:
    spans = list(large.spans(length))
    assert [span.start for span in spans] == [0, *(span.stop for span in spans)][: len(spans)]
    assert sum(span.stop - span.start for span in spans) == length


def test_only_large_arrays_are_mapped_and_views_of_them_count() -> None:
    with large.mapped_beyond(1000):
        small, big = large.zeros((2, 10)), large.zeros((2, 1000))
    assert not large.is_mapped(small)
    assert large.is_mapped(big)
    assert large.is_mapped(big[:, ::2].T)
    assert not big.any()


def test_arrays_in_memory_are_bounded_together_while_they_are_held() -> None:
    with large.mapped_beyond(1000):
        first, second = large.empty((250,)), large.zeros((250,))
        view = first[::2]
        del first
        assert not large.is_mapped(view)
        assert not large.is_mapped(second)
        third = large.empty((250,))
        assert large.is_mapped(third)
        assert not large.is_mapped(large.empty((3,)))
        del view
        gc.collect()
        assert not large.is_mapped(large.empty((250,)))
    assert not second.any()


def test_values_stay_when_pages_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    with large.mapped_beyond(0):
        values = large.copied(np.arange(100_000, dtype=np.float32))
    monkeypatch.setattr(large, "_released_at", 0.0)
    large.release()
    np.testing.assert_array_equal(values, np.arange(100_000))


@pytest.mark.skipif(sys.platform != "linux", reason="reads how much of files is in memory from /proc")
def test_pages_are_let_go_at_a_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    def mapped_kib() -> int:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssFile:"))

    with large.mapped_beyond(0):
        values = large.zeros((1 << 24,))
    monkeypatch.setattr(large, "_released_at", 0.0)
    values[...] = 1
    filled = mapped_kib()
    for _ in large.paced(range(2)):
        pass
    let_go = mapped_kib()
    assert let_go < filled - (1 << 15)
    monkeypatch.setattr(large, "_PACE_S", 1e9)
    values[...] = 2
    large.release()
    assert mapped_kib() > let_go + (1 << 15)


@pytest.mark.skipif(sys.platform != "linux", reason="reads what the process has open from /proc")
def test_files_have_no_name_and_go_with_the_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with large.mapped_beyond(0):
        values = large.zeros((1, 1 << 20))
    values[...] = 1
    here = f"{tmp_path}/"
    assert here in Path("/proc/self/maps").read_text(encoding="utf-8")
    assert not list(tmp_path.iterdir())
    del values
    gc.collect()
    assert here not in Path("/proc/self/maps").read_text(encoding="utf-8")


def test_a_full_disk_is_one_line_that_says_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with large.mapped_beyond(0), pytest.raises(WriteError) as caught:
        large.zeros((2, 1 << 20))
    assert str(caught.value) == (
        f"cannot write 0.01 GiB of samples to a temporary file in {tmp_path}: No space left on device; free some "
        "space, or set TMPDIR to a folder that has it"
    )


def test_room_is_taken_where_the_system_has_no_call_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    with large.mapped_beyond(0):
        values = large.zeros((3, 500_001))
    assert not values.any()
    values[...] = 1
    assert values.sum() == 3 * 500_001


def test_large_temporary_files_are_kept_where_they_are_told_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert large.folder() == str(tmp_path)


@pytest.fixture
def stereo() -> Audio:
    return Audio(np.random.default_rng(3).standard_normal((2, 30_001)).astype(np.float32) / 8, 8000)


def test_mapped_audio_is_the_same_in_every_way(stereo: Audio, tmp_path: Path) -> None:
    def seen(audio: Audio) -> list[bytes]:
        audio.write(tmp_path / "written.wav")
        read = Audio.read(tmp_path / "written.wav")
        again: Audio = pickle.loads(pickle.dumps(read))
        resampled = [read.resample(11025), read.resample(11025, 50_000), read.resample(8000, 40_000)]
        arrays = [again.samples, read.mixdown().samples, *(one.samples for one in resampled)]
        return [(tmp_path / "written.wav").read_bytes(), *(array.tobytes() for array in arrays)]

    in_memory = seen(stereo)
    with large.mapped_beyond(0):
        assert large.is_mapped(Audio(stereo.samples.astype(np.float64), 8000).samples)
        assert seen(stereo) == in_memory


def test_spectra_and_stems_are_the_same_from_files(stereo: Audio) -> None:
    stft = STFT(512, 128)

    def made() -> list[np.ndarray]:
        magnitude = stft.magnitude(stereo.samples)
        masks = stft.filter(stereo.samples, lambda block: magnitude[:, :, block], 2)
        return [magnitude, masks]

    in_memory = made()
    with large.mapped_beyond(0):
        mapped = made()
    assert all(map(large.is_mapped, mapped))
    for one, other in zip(in_memory, mapped, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_separation_is_the_same_from_files(stereo: Audio, tmp_path: Path) -> None:
    references = {"a": Audio(stereo.samples * np.float32(0.3), 8000), "b": Audio(stereo.samples[::-1] / 2, 8000)}

    def separated(folder: Path) -> list[bytes]:
        found = sepkit.separate(
            stereo, "ideal-ratio-mask", sources=["a", "b"], references=references, constraints=[MixtureConsistency()]
        )
        assert isinstance(found["a"], Audio)
        files = found.write(folder, without=["a"], gains_db={"b": 3})
        return [
            found["a"].samples.tobytes(),
            found.residual.samples.tobytes(),
            *(f.read_bytes() for f in files.values()),
        ]

    in_memory = separated(tmp_path / "memory")
    with large.mapped_beyond(0):
        assert separated(tmp_path / "mapped") == in_memory


@pytest.mark.skipif(sys.platform != "linux", reason="limits the process's own memory")
def test_a_process_holds_more_than_it_may_have_of_its_own() -> None:
    script = (
        "import resource, numpy as np\n"
        "import sepkit.spectral as spectral\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (400 << 20,) * 2)\n"
        "stft = spectral.STFT(1024, 256)\n"
        "samples = np.zeros(1 << 23, np.float32)\n"
        "stems = stft.filter(samples, lambda block: np.ones((16, 1, 1), np.float32), 16)\n"
        "print(stems.nbytes >> 20)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("512\n", "")


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(0, 50)), elements=st.floats(-9, 9, width=32)))
def test_the_peak_is_the_largest_magnitude(samples: NDArray[np.float32]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large, "_COPIED", 7)
        assert large.peak(samples) == (float(np.abs(samples).max()) if samples.size else 0.0)
