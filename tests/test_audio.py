"""Recordings in memory, and reading them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepkit import Audio
from sepkit.errors import AudioError
from sepkit.music.audio import fit_length

NoiseOf = Callable[..., Audio]


def tone(f0_hz: float, rate: int, seconds: float = 0.5) -> Audio:
    return Audio(0.5 * np.sin(2 * np.pi * f0_hz * np.arange(int(rate * seconds)) / rate)[np.newaxis], rate)


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


class TestWhatItRefuses:
    @pytest.mark.parametrize(
        ("samples", "words"),
        [
            (np.zeros(100, np.float32), "(channels, samples)"),
            (np.zeros((1, 2, 3), np.float32), "(channels, samples)"),
            (np.float32(1), "(channels, samples)"),
            (np.zeros((1, 100), np.int16), "floating-point"),
            (np.zeros((1, 100), bool), "floating-point"),
            (np.zeros((1, 100), complex), "floating-point"),
            (np.zeros((1, 0), np.float32), "at least one channel and one sample"),
            (np.zeros((0, 100), np.float32), "at least one channel and one sample"),
            (np.array([[0, np.nan]]), "finite"),
            (np.array([[0, -np.inf]]), "finite"),
            (np.array([[0, 1e300]]), "finite"),
        ],
    )
    def test_samples(self, samples: np.ndarray, words: str) -> None:
        with pytest.raises(AudioError) as error:
            Audio(samples, 8000)
        assert words in one_line(error)
        assert str(np.asarray(samples).dtype) in one_line(error)

    @pytest.mark.parametrize("rate", [0, -8000, 0.5, 44100.5, float("nan"), float("inf"), True, None, "44100", "fast"])
    def test_rates(self, rate: object) -> None:
        with pytest.raises(AudioError, match="sample_rate") as error:
            Audio(np.zeros((1, 1), np.float32), rate)  # type: ignore[arg-type]
        assert repr(rate) in one_line(error)

    def test_advice_for_one_dimension_works(self) -> None:
        samples = np.zeros(10, np.float32)
        assert Audio(samples[np.newaxis, :], 8000).samples.shape == (1, 10)


class TestSamples:
    @pytest.mark.parametrize("dtype", [np.float16, np.float64])
    def test_become_float32(self, dtype: type) -> None:
        audio = Audio(np.full((1, 3), 0.1, dtype), 8000)
        assert audio.samples.dtype == np.float32
        np.testing.assert_array_equal(audio.samples, np.full((1, 3), 0.1, dtype).astype(np.float32))

    def test_float32_is_not_copied(self) -> None:
        samples = np.zeros((2, 5), np.float32)
        assert np.shares_memory(Audio(samples, 8000).samples, samples)

    def test_callers_array_stays_writeable_and_as_it_was(self) -> None:
        samples = np.ones((2, 5), np.float32)
        Audio(samples, 8000)
        assert samples.flags.writeable
        np.testing.assert_array_equal(samples, 1)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_are_read_only(self, dtype: type) -> None:
        audio = Audio(np.zeros((1, 5), dtype), 8000)
        with pytest.raises(ValueError, match="read-only"):
            audio.samples[0, 0] = 1
        with pytest.raises(AttributeError):
            audio.samples = np.ones((1, 5), np.float32)  # type: ignore[misc]

    def test_beyond_full_scale_are_neither_clipped_nor_rescaled(self) -> None:
        assert Audio(np.array([[3.0, -7.0]]), 8000).samples.tolist() == [[3.0, -7.0]]

    def test_survive_pickling(self, noise: NoiseOf) -> None:
        audio = noise(2)
        again = pickle.loads(pickle.dumps(audio))
        np.testing.assert_array_equal(again.samples, audio.samples)
        assert again.sample_rate == audio.sample_rate
        assert not again.samples.flags.writeable

    def test_describe_themselves(self, noise: NoiseOf) -> None:
        audio = noise(2, 4000)
        assert (audio.channels, audio.length, audio.duration_s) == (2, 4000, 0.5)
        assert repr(audio) == "Audio(2 x 4000 samples, 8000 Hz, 0.50 s)"

    @pytest.mark.parametrize("rate", [np.int32(8000), np.int64(8000), 8000.0, np.float64(8000)])
    def test_whole_rates_of_any_type_become_int(self, rate: float) -> None:
        audio = Audio(np.zeros((1, 1)), rate)  # type: ignore[arg-type]
        assert type(audio.sample_rate) is int


class TestReading:
    @pytest.mark.parametrize(
        ("container", "subtype", "tolerance"),
        [
            ("WAV", "PCM_16", 2**-15),
            ("WAV", "PCM_24", 2**-23),
            ("WAV", "PCM_32", 2**-24),
            ("WAV", "FLOAT", 0),
            ("WAV", "DOUBLE", 0),
            ("FLAC", "PCM_16", 2**-15),
            ("FLAC", "PCM_24", 2**-23),
            ("AIFF", "PCM_24", 2**-23),
        ],
    )
    def test_lossless(self, tmp_path: Path, noise: NoiseOf, container: str, subtype: str, tolerance: float) -> None:
        import soundfile

        audio, path = noise(2), tmp_path / "audio"
        soundfile.write(path, audio.samples.T, audio.sample_rate, subtype, format=container)
        read = Audio.read(path)
        assert read.sample_rate == audio.sample_rate
        assert read.samples.flags.c_contiguous
        np.testing.assert_allclose(read.samples, audio.samples, rtol=0, atol=tolerance)

    @pytest.mark.parametrize(("container", "subtype"), [("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")])
    def test_lossy(self, tmp_path: Path, container: str, subtype: str) -> None:
        import soundfile

        audio, path = tone(440, 44100), tmp_path / "audio"
        soundfile.write(path, np.tile(audio.samples.T, 2), 44100, subtype, format=container)
        read = Audio.read(path)
        assert (read.channels, read.sample_rate) == (2, 44100)
        middle = slice(5000, 15000)
        assert np.abs(np.fft.rfft(read.samples[0, middle])).argmax() == pytest.approx(440 * 10000 / 44100, abs=1)

    def test_takes_text_for_a_path(self, tmp_path: Path, noise: NoiseOf) -> None:
        noise().write(tmp_path / "a.wav")
        assert Audio.read(str(tmp_path / "a.wav")).length == 4000

    def test_refuses_text_named_wav(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.wav"
        path.write_text("this is no audio\n" * 100)
        with pytest.raises(AudioError, match=r"notes\.wav as audio") as error:
            Audio.read(path)
        assert "WAV, FLAC" in one_line(error)

    @pytest.mark.parametrize("name", ["missing.wav", "."])
    def test_refuses_what_is_no_file(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(AudioError, match=r"no such audio file|it is a folder") as error:
            Audio.read(tmp_path / name)
        assert str(tmp_path) in one_line(error)

    def test_refuses_no_bytes(self, tmp_path: Path) -> None:
        (tmp_path / "empty.wav").touch()
        with pytest.raises(AudioError, match="cannot read"):
            Audio.read(tmp_path / "empty.wav")

    def test_refuses_no_frames(self, tmp_path: Path) -> None:
        import soundfile

        soundfile.write(tmp_path / "empty.wav", np.zeros((0, 2)), 8000)
        with pytest.raises(AudioError, match="holds no samples"):
            Audio.read(tmp_path / "empty.wav")

    def test_names_the_file_that_holds_nan(self, tmp_path: Path) -> None:
        import soundfile

        soundfile.write(tmp_path / "nan.wav", np.array([[np.nan]], np.float32), 8000, "FLOAT")
        with pytest.raises(AudioError, match=r"nan\.wav: .*finite"):
            Audio.read(tmp_path / "nan.wav")


class TestResampling:
    @pytest.mark.parametrize("rate", [1, 500, 44100])
    def test_its_own_rate_is_always_one_that_it_can_have(self, rate: int) -> None:
        audio = Audio(np.ones((1, 40)), rate)
        assert audio.resample(rate) is audio
        assert audio.resample(rate, 50).length == 50

    @given(length=st.integers(1, 300), before=st.sampled_from([8000, 22050, 44100]), after=st.integers(4000, 96000))
    def test_length_is_rounded_up(self, length: int, before: int, after: int) -> None:
        resampled = Audio(np.ones((2, length)), before).resample(after)
        assert resampled.samples.shape == (2, -(-length * after // before))
        assert resampled.sample_rate == after

    def test_to_the_same_rate_is_the_same_object(self, noise: NoiseOf) -> None:
        audio = noise()
        assert audio.resample(audio.sample_rate) is audio

    @pytest.mark.parametrize("after", [16000, 22050, 48000])
    def test_tone_keeps_frequency_level_and_time(self, after: int) -> None:
        resampled = tone(1000, 44100).resample(after)
        inner = slice(after // 20, -after // 20)
        np.testing.assert_allclose(resampled.samples[:, inner], tone(1000, after).samples[:, inner], atol=2e-3)

    def test_there_and_back_is_the_same_where_the_band_allows(self) -> None:
        audio = tone(440, 44100)
        back = audio.resample(48000).resample(44100).samples[:, : audio.length]
        inner = slice(1000, -1000)
        np.testing.assert_allclose(back[:, inner], audio.samples[:, inner], atol=1e-3)

    def test_channels_do_not_mix(self) -> None:
        samples = np.concatenate([tone(440, 44100).samples, np.zeros((1, 22050))])
        resampled = Audio(samples, 44100).resample(16000)
        assert np.abs(resampled.samples[0]).max() > 0.4
        np.testing.assert_array_equal(resampled.samples[1], 0)

    def test_removes_what_the_lower_rate_cannot_hold(self) -> None:
        inner = slice(500, -500)
        assert np.abs(tone(7000, 44100).resample(8000).samples[:, inner]).max() < 1e-3


class TestMixdown:
    def test_is_the_mean(self, noise: NoiseOf) -> None:
        audio = noise(3)
        mono = audio.mixdown()
        assert mono.channels == 1
        np.testing.assert_allclose(mono.samples[0], audio.samples.astype(np.float64).mean(axis=0), atol=1e-7)

    def test_of_mono_is_itself(self, noise: NoiseOf) -> None:
        audio = noise(1)
        assert audio.mixdown() is audio

    def test_of_opposite_channels_is_silence(self, noise: NoiseOf) -> None:
        left = noise(1).samples
        np.testing.assert_array_equal(Audio(np.concatenate([left, -left]), 8000).mixdown().samples, 0)


@given(length=st.integers(1, 20), wanted=st.integers(1, 40))
def test_fit_length_cuts_or_pads_the_end(length: int, wanted: int) -> None:
    samples = np.arange(1, 2 * length + 1, dtype=np.float32).reshape(2, length)
    fitted = fit_length(samples, wanted)
    assert fitted.shape == (2, wanted)
    kept = min(length, wanted)
    np.testing.assert_array_equal(fitted[:, :kept], samples[:, :kept])
    np.testing.assert_array_equal(fitted[:, kept:], 0)
