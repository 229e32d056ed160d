"""Forms of files: what is lost, what is not, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Audio, Registry, Separation, separate
from sepkit.errors import AudioError, ConfigError
from sepkit.music.encoding import FORMATS, Encoding, encode
from tests.commandline import call, files_below, hum, record
from tests.distributions import install

LOSSLESS = [("wav", "PCM_16", 16), ("wav", "PCM_24", 24), ("flac", "PCM_16", 16), ("flac", "PCM_24", 24)]


@pytest.fixture(autouse=True)
def _place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, "good")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def separation(registry: Registry) -> Separation:
    return separate(Audio(hum(0.5).T, 8000), "shares", sources=["a", "b"], registry=registry)


@pytest.mark.parametrize(("form", "subtype", "bits"), LOSSLESS)
@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=40))
def test_integers_are_kept_to_the_bit_and_get_no_dither(form: str, subtype: str, bits: int, values: list[int]) -> None:
    samples = (np.array([values]) / 32768).astype(np.float32)
    encode(samples, 8000, Path("x"), Encoding(form, subtype), dither=np.random.default_rng(0))
    assert Audio.read("x").samples.tobytes() == samples.tobytes()


@pytest.mark.parametrize(("form", "subtype", "bits"), LOSSLESS)
def test_dither_makes_the_error_noise_that_does_not_depend_on_the_music(form: str, subtype: str, bits: int) -> None:
    step = 2.0 ** (1 - bits)
    for offset in (0.0, 0.2, 0.5, 0.8):
        samples = np.full((1, 200_000), (3 + offset) * step, np.float32)
        if not offset:
            samples[0, 0] += np.float32(step / 3)
        encode(samples, 8000, Path("x"), Encoding(form, subtype), dither=np.random.default_rng(1))
        errors = (Audio.read("x").samples.astype(np.float64) - samples) / step
        # Triangular dither and rounding: mean 0, power 1/6 + 1/12, whatever the value.
        assert errors.mean() == pytest.approx(0, abs=0.01)
        assert np.square(errors).mean() == pytest.approx(0.25, abs=0.01)
        assert np.abs(errors).max() < 1.5 + 1e-3


def test_equal_results_have_equal_bytes(separation: Separation) -> None:
    for form in ("wav", "flac", "mp3"):
        for folder in ("one", "two"):
            separation.write(f"{folder}/{form}", format=form, subtype="PCM_16" if form == "wav" else None)
        assert Path(f"one/{form}/a.{form}").read_bytes() == Path(f"two/{form}/a.{form}").read_bytes()


@pytest.mark.parametrize("form", ["ogg", "mp3"])
def test_lossy_formats_sound_alike(separation: Separation, form: str) -> None:
    separation.write("out", format=form)
    heard, meant = Audio.read(f"out/a.{form}").samples[0], separation["a"].samples[0]
    error = heard[: len(meant)] - meant
    assert 10 * np.log10(np.sum(meant**2) / np.sum(error**2)) > 10


@pytest.mark.parametrize(("form", "subtype"), [(form, one) for form, some in FORMATS.items() for one in some])
def test_all_that_is_offered_can_be_written(separation: Separation, form: str, subtype: str) -> None:
    files = separation.write("out", format=form, subtype=subtype)
    assert {name: path.name for name, path in files.items()} == {"a": f"a.{form}", "b": f"b.{form}"}
    told = json.loads(Path("out/separation.json").read_text())
    assert (told["outputs"]["format"], told["outputs"]["subtype"]) == (form, subtype)
    assert set(told["digests"]) == {f"a.{form}", f"b.{form}"}


def test_arrays_can_be_mapped_and_are_the_stems(separation: Separation) -> None:
    for name, path in separation.write("out", format="npy").items():
        mapped = np.load(path, mmap_mode="r")
        assert (mapped.dtype, mapped.flags.c_contiguous) == (np.float32, True)
        assert np.array_equal(mapped, separation[name].samples)


def test_another_format_takes_the_place_of_the_first(separation: Separation) -> None:
    separation.write("out", format="flac")
    separation.write("out", format="ogg")
    assert files_below(Path("out")) == ["a.ogg", "b.ogg", "separation.json"]


class TestAboveFullScale:
    """Never clipped in silence."""

    @pytest.fixture
    def loud(self, registry: Registry) -> Separation:
        return separate(Audio(40 * hum(0.1).T, 8000), "shares", sources=["a", "b"], registry=registry)

    @pytest.mark.parametrize("how", [{"format": "flac"}, {"subtype": "PCM_16"}, {"format": "mp3"}, {"format": "ogg"}])
    def test_is_refused(self, loud: Separation, how: dict[str, Any]) -> None:
        with pytest.raises(AudioError, match=r"dB above full scale.*too_loud='scale'"):
            loud.write("out", **how)
        assert files_below(Path()) == []

    def test_is_scaled_with_all_stems_alike(self, loud: Separation) -> None:
        files = loud.write("out", subtype="PCM_24", too_loud="scale")
        stems = {name: Audio.read(path).samples for name, path in files.items()}
        gains = [np.vdot(stem, loud[name].samples) / np.sum(loud[name].samples ** 2) for name, stem in stems.items()]
        assert gains[0] == pytest.approx(gains[1], rel=1e-4)
        assert max(np.abs(stem).max() for stem in stems.values()) == pytest.approx(1, abs=1e-6)
        *_, remark = json.loads(Path("out/separation.json").read_text())["remarks"]
        assert "dB softer than the separation" in remark

    def test_is_kept_by_floats(self, loud: Separation) -> None:
        loud.write("out", too_loud="scale")
        assert Audio.read("out/a.wav").samples.tobytes() == loud["a"].samples.tobytes()

    def test_full_scale_itself_is_not_above(self, registry: Registry) -> None:
        square = np.tile(np.float32([1, -1]), (1, 500))
        found = separate(Audio(square, 8000), "shares", sources=["a"], registry=registry)
        found.write("out", subtype="PCM_16")
        np.testing.assert_allclose(Audio.read("out/a.wav").samples, found["a"].samples, atol=2 / 32768)

    def test_at_the_terminal(self) -> None:
        record(Path("mix.wav"), 40 * hum())
        run = ("run", "halve", "mix.wav", "-o", "out", "--format", "flac")
        refused = call(*run)
        assert (refused.code, len(refused.complaints)) == (2, 1)
        assert "--too-loud scale" in refused.err
        done = call(*run, "--too-loud", "scale")
        assert done.code == 0
        assert "dB softer" in done.err


@pytest.mark.parametrize(
    ("rate", "channels", "form", "words"),
    [(96000, 1, "mp3", "MP3 knows"), (44100, 3, "mp3", "3 channel"), (700_000, 1, "flac", "700000 Hz")],
)
def test_what_a_format_does_not_know_is_one_line(rate: int, channels: int, form: str, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        encode(np.zeros((channels, 100), np.float32), rate, Path("x"), Encoding(form))


@pytest.mark.parametrize("how", [{"format": "mp4"}, {"format": "flac", "subtype": "FLOAT"}, {"too_loud": "clip"}])
def test_what_there_is_not_is_one_line(separation: Separation, how: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        separation.write("out", **how)
