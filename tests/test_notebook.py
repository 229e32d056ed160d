"""What a notebook shows: a mixer, and a bar."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sepkit
from sepkit import Audio
from sepkit.errors import ConfigError
from sepkit.plots import mixer, player

HOSTILE = "</script><b>voice"


def separation(seconds: float = 0.5) -> sepkit.Separation:
    noise = np.random.default_rng(0).normal(0, 0.1, (1, int(8000 * seconds))).astype(np.float32)
    return sepkit.separate(Audio(noise, 8000), "mixture", sources=[HOSTILE, "band"])


def tracks(shown: str) -> list[dict[str, Any]]:
    """The tracks within a mixer's HTML."""
    (page,) = re.findall(r'srcdoc="([^"]*)"', shown)
    (listed,) = re.findall(r"getElementById\('tracks'\), (.*)\);</script>", html.unescape(page))
    found: list[dict[str, Any]] = json.loads(listed)
    return found


def heard(track: dict[str, Any]) -> tuple[Any, int]:
    """Samples and sample rate of a track's sound."""
    import soundfile

    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(track["url"].partition(",")[2])))
    return sound, rate


def test_a_separation_shows_a_mixer_with_mixture_and_stems() -> None:
    result = separation()
    shown = result._repr_html_()
    found = tracks(shown)
    assert [track["name"] for track in found] == ["mixture", HOSTILE, "band"]
    assert html.unescape(shown).count("</script>") == 1
    sound, rate = heard(found[1])
    assert rate == 8000
    assert sound == pytest.approx(result[HOSTILE].samples[0], abs=2**-15)


def test_what_is_above_full_scale_is_softer_throughout() -> None:
    loud = Audio.mono(np.array([0.5, -2.0, 1.0, 0.25] * 100, np.float32), 8000)
    quiet = Audio.mono(loud.samples[0] / 8, 8000)
    sounds = [heard(track)[0] for track in tracks(mixer.mixer_html(loud, {"quiet": quiet}))]
    assert sounds[0] == pytest.approx(loud.samples[0] / 2, abs=2**-15)
    assert sounds[1] == pytest.approx(quiet.samples[0] / 2, abs=2**-15)


def test_of_long_recordings_the_beginning_is_embedded_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "LONGEST_S", 1)
    shown = separation(2.0)._repr_html_()
    assert "The first 1 seconds." in html.unescape(shown)
    sound, _ = heard(tracks(shown)[0])
    assert len(sound) == 8000


@pytest.mark.parametrize(
    ("channels", "rate", "kind"), [(8, 44100, "flac"), (9, 44100, "wav"), (1, 123_457, "wav"), (2, 700_000, "wav")]
)
def test_what_flac_cannot_hold_is_embedded_as_wav(channels: int, rate: int, kind: str) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (channels, 500)).astype(np.float32)
    audio = Audio(noise, rate)
    assert f'src="data:audio/{kind};base64,' in player.player_html(audio)
    for track in tracks(mixer.mixer_html(audio, {"same": audio})):
        assert track["file"].endswith(f".{kind}")
        sound, told = heard(track)
        assert told == rate
        np.testing.assert_allclose(np.atleast_2d(sound.T), noise, atol=2**-15)


def test_a_bar_is_drawn_anew_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    handle = types.SimpleNamespace(update=drawn.append)
    display = types.SimpleNamespace(HTML=str, display=lambda shown, display_id: handle)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    noise = Audio(np.random.default_rng(0).normal(0, 0.1, (1, 8000)).astype(np.float32), 8000)
    sepkit.separate(noise, "mixture", sources=["a", "b"], reporter="notebook")
    assert drawn
    assert "100 %" in drawn[-1]
    assert len(set(drawn)) == len(drawn)


def test_without_ipython_and_with_other_words_the_reporter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = Audio(np.random.default_rng(0).normal(0, 0.1, (1, 8000)).astype(np.float32), 8000)
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(sepkit.SepkitError, match="IPython"):
        sepkit.separate(noise, "mixture", reporter="notebook")
    with pytest.raises(ConfigError, match="'bar'"):
        sepkit.separate(noise, "mixture", reporter="bar")  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.system
def test_the_mixer_plays_in_a_browser(tmp_path: Path) -> None:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    browsers = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, browsers)), None)
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(browsers)}")
    (tmp_path / "cell.html").write_text(separation(2.0)._repr_html_(), encoding="utf-8")
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=arguments)
        page = browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_default_timeout(60_000)
        page.goto((tmp_path / "cell.html").as_uri())
        cell = page.frame_locator("iframe")
        cell.locator("#tracks[aria-busy=false]").wait_for()
        assert cell.get_by_role("heading").all_inner_texts() == ["mixture", HOSTILE, "band"]
        cell.get_by_role("button", name="Play").click()
        cell.locator(".time", has_text="0:01").wait_for()
        assert complaints == []
        browser.close()
