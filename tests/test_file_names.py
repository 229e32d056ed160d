"""Names of files by a pattern: they lead nowhere else, and no two results share one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Audio, Registry, Separation, repeat, separate
from sepkit.batching.planning import names_of_files
from sepkit.errors import ConfigError
from sepkit.solving.naming import FileNames
from tests.commandline import call, files_below, hum, record
from tests.distributions import install


@pytest.fixture(autouse=True)
def _place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, "good")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "stem", "record_file"),
    [
        ("{source}.{ext}", "voice.wav", "separation.json"),
        ("song/{source}.{ext}", "song/voice.wav", "song/separation.json"),
        ("song_{source}.{ext}", "song_voice.wav", "song_separation.json"),
        ("{source}/song.{ext}", "voice/song.wav", "separation/song.json"),
        ("a/b/{source} of {{it}}.{ext}", "a/b/voice of {it}.wav", "a/b/separation of {it}.json"),
    ],
)
def test_a_pattern_names_stems_and_record(pattern: str, stem: str, record_file: str) -> None:
    names = FileNames(pattern)
    assert (Path(names.folder) / names.of("voice", "wav")).as_posix() == stem
    assert names.of_record == record_file
    assert names.is_stem(names.of("voice", "wav"), {"wav"})
    assert not names.is_stem(names.of("voice", "txt"), {"wav"})


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "song",
        "{source}",
        "{source}.wav",
        "{ext}.{source}",
        "{source}/{source}.{ext}",
        "../{source}.{ext}",
        "/tmp/{source}.{ext}",
        "a/../../{source}.{ext}",
        "a//{source}.{ext}",
        "C:/{source}.{ext}",
        "a\\{source}.{ext}",
        "{source!r}.{ext}",
        "{source:>80}.{ext}",
        "{source.__class__}.{ext}",
        "{0}{source}.{ext}",
        "{artist}/{source}.{ext}",
        "{source}.{ext",
    ],
)
def test_others_are_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match="cannot name files"):
        names_of_files([Path("a.wav")], pattern)


HOSTILE = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.lists(st.tuples(HOSTILE, HOSTILE), min_size=1, max_size=4, unique=True))
def test_names_of_recordings_never_lead_out_and_are_distinct(given: list[tuple[str, str]]) -> None:
    paths = [Path("/music", parent, f"{track}.wav") for parent, track in given if not {parent, track} & {".", ".."}]
    try:
        names = names_of_files(paths, "{parent}/{track}/{source}.{ext}")
    except ConfigError as error:
        assert "would share" in str(error)  # noqa: PT017
        return
    records = [FileNames(name).of_record for name in names.values()]
    assert len({one.casefold() for one in records}) == len(records)
    for one in records:
        assert ".." not in Path(one).parts
        assert not Path(one).is_absolute()
        assert len(Path(one).parts) == 3


@pytest.mark.parametrize("pattern", ["{track}_{source}.{ext}", "{source}/{track}.{ext}", "{track}/{source}.{ext}"])
def test_results_side_by_side_do_not_disturb_each_other(pattern: str) -> None:
    for name in ("one", "two"):
        record(Path(f"{name}.wav"), hum(0.05) * len(name))
    run = ("run", "halve", "one.wav", "two.wav", "-o", "out", "--name", pattern)
    assert call(*run, "--format", "flac").code == 0
    assert call(*run, "--sources", "left,right").code == 0
    expected = [
        pattern.format(track=track, source=source, ext=ext)
        for track in ("one", "two")
        for source, ext in (("left", "wav"), ("right", "wav"), ("separation", "json"))
    ]
    assert sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*") if path.is_file()) == sorted(
        ["batch.jsonl", *expected]
    )
    assert "0 separated, 2 done before" in call(*run, "--sources", "left,right").err


@pytest.mark.parametrize("pattern", ["song_{source}.{ext}", "{source}/song.{ext}"])
def test_a_result_with_any_names_can_be_repeated(pattern: str) -> None:
    record(Path("song.wav"))
    assert call("run", "halve", "song.wav", "-o", "out", "--name", pattern).code == 0
    found = repeat(Path("out", FileNames(pattern).of_record))
    path = Path("out", pattern.format(source="first", ext="wav"))
    assert Audio.read(path).samples.tobytes() == found["first"].samples.tobytes()


@pytest.fixture
def separation(registry: Registry) -> Separation:
    return separate(Audio(hum(0.1).T, 8000), "shares", sources=["a", "a_b"], registry=registry)


def test_a_stranger_s_record_removes_nothing_but_stems(separation: Separation) -> None:
    for name in ("keep.txt", "other_a.wav", "song_keep.json"):
        Path("out").mkdir(exist_ok=True)
        Path("out", name).write_text("mine")
    listed = ["keep.txt", "other_a.wav", "song_keep.json", "../../out/keep.txt", "/etc/passwd", "song_../keep.txt"]
    told: dict[str, Any] = {"files": {}, "digests": dict.fromkeys(listed, "")}
    Path("out/song_separation.json").write_text(json.dumps(told))
    separation.write("out", name="song_{source}.{ext}")
    assert files_below(Path("out")) == [
        "keep.txt",
        "other_a.wav",
        "song_a.wav",
        "song_a_b.wav",
        "song_keep.json",
        "song_separation.json",
    ]


def test_files_of_another_separation_are_not_overwritten(separation: Separation, registry: Registry) -> None:
    separation.write("out", name="song_{source}.{ext}")
    other = separate(Audio(hum(0.2).T, 8000), "shares", sources=["b", "c"], registry=registry)
    with pytest.raises(ConfigError, match=r"song_a_b\.wav is a file of .*song_separation\.json"):
        other.write("out", name="song_a_{source}.{ext}")
    assert Audio.read("out/song_a_b.wav").length == separation.mixture.length
