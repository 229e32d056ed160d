"""Archives of strangers: what they may not do."""

from __future__ import annotations

import io
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit.errors import WeightsError
from sepkit.fetching import archive
from sepkit.fetching.archive import unpack
from sepkit.plugin import WeightsFile
from tests.commandline import files_below

Pack = Callable[[Path, Mapping[str, bytes]], Path]


def zipped(folder: Path, files: Mapping[str, bytes]) -> Path:
    path = folder / "weights.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in files.items():
            # Written as it is: the constructor would turn what it takes for separators.
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, data)
    return path


def tarred(folder: Path, files: Mapping[str, bytes]) -> Path:
    path = folder / "weights.tar.gz"
    with tarfile.open(path, "w:gz") as target:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            target.addfile(info, io.BytesIO(data))
    return path


both = pytest.mark.parametrize("pack", [zipped, tarred])


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    folder = tmp_path / "deep" / "inside"
    folder.mkdir(parents=True)
    return folder


@both
def test_files_and_folders_come_out_as_they_were(pack: Pack, tmp_path: Path, inside: Path) -> None:
    unpack(pack(tmp_path, {"model.json": b"{}", "voice/model.safetensors": b"\0" * 100, "voice/a/b": b""}), inside)
    assert files_below(inside) == ["model.json", "voice", "voice/a", "voice/a/b", "voice/model.safetensors"]
    assert (inside / "voice/model.safetensors").read_bytes() == b"\0" * 100


@both
@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil", "..", "C:evil", "a\\..\\..\\evil"])
def test_a_path_out_of_the_folder_is_refused(pack: Pack, tmp_path: Path, inside: Path, name: str) -> None:
    packed = pack(tmp_path, {name: b"evil"})
    with pytest.raises(WeightsError, match="outside the folder"):
        unpack(packed, inside)
    assert files_below(tmp_path) == ["deep", "deep/inside", packed.name]


# What ends in a slash is a folder.
NAMES = st.text(st.sampled_from("ab./\\:"), min_size=1, max_size=8).filter(lambda name: not name.endswith("/"))


@given(names=st.lists(NAMES, max_size=4, unique=True))
@both
def test_whatever_the_names_nothing_lies_outside(pack: Pack, names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        packed = pack(place, dict.fromkeys(names, b"x"))
        (place / "inside").mkdir()
        try:
            unpack(packed, place / "inside")
        except WeightsError:
            pass
        else:
            assert sum(path.is_file() for path in (place / "inside").rglob("*")) == len(names)
        assert sorted(path.name for path in place.iterdir()) == ["inside", packed.name]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_regular_file_of_a_tar_is_refused(tmp_path: Path, inside: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "weights.tar", "w") as target:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        target.addfile(info)
    with pytest.raises(WeightsError, match="'link', which is no regular file"):
        unpack(tmp_path / "weights.tar", inside)
    assert files_below(inside) == []


def test_a_link_in_a_zip_is_refused(tmp_path: Path, inside: Path) -> None:
    with zipfile.ZipFile(tmp_path / "weights.zip", "w") as target:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        target.writestr(info, "/etc/passwd")
    with pytest.raises(WeightsError, match="'link', which is no regular file"):
        unpack(tmp_path / "weights.zip", inside)


@both
def test_what_grows_beyond_measure_is_refused(
    pack: Pack, tmp_path: Path, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_SLACK_BYTES", 1000)
    packed = pack(tmp_path, {"small": b"1", "bomb": b"\0" * 10**6})
    with pytest.raises(WeightsError, match="far more than its size lets expect"):
        unpack(packed, inside)
    assert files_below(inside) == ["small"]


@both
def test_text_of_ordinary_size_may_compress_well(pack: Pack, tmp_path: Path, inside: Path) -> None:
    unpack(pack(tmp_path, {"model.json": b"a" * 10**6}), inside)
    assert (inside / "model.json").stat().st_size == 10**6


@both
def test_too_many_files_are_refused(pack: Pack, tmp_path: Path, inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_MOST_FILES", 3)
    packed = pack(tmp_path, {str(number): b"" for number in range(4)})
    with pytest.raises(WeightsError, match="far more"):
        unpack(packed, inside)


@both
@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a/b", "a//b")])
def test_two_files_in_one_place_are_refused(pack: Pack, tmp_path: Path, inside: Path, names: tuple[str, str]) -> None:
    with pytest.raises(WeightsError, match="two files in one place"):
        unpack(pack(tmp_path, dict.fromkeys(names, b"x")), inside)


@both
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.9])
def test_a_damaged_archive_is_named(pack: Pack, tmp_path: Path, inside: Path, keep: float) -> None:
    packed = pack(tmp_path, {"model.json": bytes(range(256)) * 40})
    data = packed.read_bytes()
    packed.write_bytes(data[: round(keep * len(data))])
    with pytest.raises(WeightsError, match=rf"{packed.name} is no archive that can be unpacked"):
        unpack(packed, inside)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        *((name, True) for name in ("a.zip", "a.ZIP", "a.tar", "a.tar.gz", "a.tgz", "a.txz")),
        *((name, False) for name in ("model.safetensors", "a.zip.json", "tar", "model.gz")),
    ],
)
def test_archives_are_known_by_their_names(name: str, wanted: bool) -> None:
    assert WeightsFile(url=f"https://example.org/{name}", sha256="0" * 64, size=1).is_archive is wanted
