"""The page in a browser: what a person does, from dropping a recording to hearing one stem."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugins.web.tests.clients import Client, serving
from sepkit import Audio

pytestmark = [pytest.mark.slow, pytest.mark.system]

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
HOSTILE = "<img src=x onerror=alert(1)>.wav"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server with one job at a time."""
    with serving(tmp_path_factory.mktemp("jobs")) as client:
        yield client


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Two seconds of two tones, under a name that is a script."""
    times = np.arange(32000) / 16000
    samples = 0.2 * np.sin(2 * np.pi * 220 * times) + 0.2 * np.sin(2 * np.pi * 1200 * times)
    Audio.mono(samples.astype(np.float32), 16000).write(tmp_path / HOSTILE)
    return tmp_path / HOSTILE


@pytest.fixture
def complaints() -> list[str]:
    return []


def opened(browser: Any, server: Client, complaints: list[str], width: int = 1200) -> Any:
    own = (server.address, "blob:", "data:")
    page = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True).new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
    page.on("request", lambda asked: None if asked.url.startswith(own) else complaints.append(asked.url))
    page.set_default_timeout(60_000)
    page.goto(server.address)
    page.get_by_label("Method").locator("option", has_text="nmf").first.wait_for(state="attached")
    return page


def ask_for(page: Any, song: Path, iterations: int) -> None:
    page.locator("#files").set_input_files(song)
    choose(page, iterations)


def choose(page: Any, iterations: int) -> None:
    page.get_by_label("Sources to separate into").fill("low, high")
    page.get_by_label("Method").select_option("nmf")
    page.get_by_text("Options", exact=True).click()
    page.get_by_label("Iterations", exact=True).fill(str(iterations))
    page.get_by_label("Tolerance", exact=True).fill("0")
    page.get_by_role("button", name="Separate").click()


def test_from_dropping_a_recording_to_hearing_one_stem(
    browser: Any, server: Client, song: Path, complaints: list[str], tmp_path: Path
) -> None:
    page = opened(browser, server, complaints)
    assert page.get_by_role("button", name="Separate").is_disabled()
    data = page.evaluate_handle(
        """([bytes, name]) => {
            const dropped = new DataTransfer();
            dropped.items.add(new File([new Uint8Array(bytes)], name));
            return dropped;
        }""",
        [list(song.read_bytes()), song.name],
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    page.get_by_text(HOSTILE).wait_for()
    # A method that needs a score is offered, with the reason why not.
    assert page.locator("option", has_text="score-nmf (needs score)").is_disabled()
    choose(page, 20)
    page.get_by_role("heading", name=f"{HOSTILE} by nmf").wait_for()
    assert page.evaluate("document.activeElement.id") == "title"
    page.locator("#tracks[aria-busy=false]").wait_for()
    stem = page.get_by_role("group", name="low", exact=True)
    stem.get_by_role("button", name="Solo").click()
    assert page.evaluate("mixer.tracks.filter((track) => track.heard).map((track) => track.name)") == ["low"]
    page.get_by_role("button", name="Play").click()
    page.locator(".time", has_text="0:01").wait_for()
    page.get_by_role("button", name="Pause").click()
    stem.get_by_role("button", name="Solo").click()
    assert page.evaluate("mixer.tracks.filter((track) => track.heard).map((track) => track.name)") == ["low", "high"]
    page.get_by_role("slider", name="Position in seconds").fill("1.5")
    assert page.evaluate("mixer.position") == 1.5
    assert page.evaluate("[...document.querySelectorAll('.spectrogram')].every((one) => one.width > 10)")
    assert "sepkit run nmf" in page.locator("#command").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as ZIP").click()
    download.value.save_as(tmp_path / "all.zip")
    assert (tmp_path / "all.zip").read_bytes().startswith(b"PK")
    # Whoever opens the address of a job sees it again.
    page.reload()
    page.get_by_role("heading", name=f"{HOSTILE} by nmf").wait_for()
    page.get_by_role("button", name="Remove recording and results").click()
    page.get_by_role("button", name="Separate").wait_for()
    assert complaints == []


def test_cancel_and_an_error_lead_back_to_the_form(
    browser: Any, server: Client, song: Path, complaints: list[str], tmp_path: Path
) -> None:
    page = opened(browser, server, complaints)
    ask_for(page, song, 100_000)
    page.locator("#percent", has_text="%").wait_for()
    page.get_by_role("button", name="Cancel").click()
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert alert.inner_text() == "the job was cancelled"
    page.get_by_label(re.compile("^Remove ")).click()
    (tmp_path / "none.wav").write_bytes(b"no audio")
    page.locator("#files").set_input_files(tmp_path / "none.wav")
    page.get_by_role("button", name="Separate").click()
    alert.filter(has_text=re.compile("mixture_")).wait_for()
    assert page.get_by_role("button", name="Separate").is_enabled()
    assert complaints == []


def test_two_people_at_once_get_each_their_own(browser: Any, server: Client, song: Path, complaints: list[str]) -> None:
    pages = [opened(browser, server, complaints) for _ in range(2)]
    for number, page in enumerate(pages):
        ask_for(page, song, 20 + number)
    for number, page in enumerate(pages):
        page.get_by_role("heading", name=f"{HOSTILE} by nmf").wait_for()
        assert f"iterations={20 + number}" in page.locator("#command").inner_text()
    assert pages[0].url != pages[1].url
    assert complaints == []


def test_a_telephone_and_a_keyboard_are_enough(browser: Any, server: Client, song: Path, complaints: list[str]) -> None:
    page = opened(browser, server, complaints, width=390)
    ask_for(page, song, 20)
    page.get_by_role("heading", name=f"{HOSTILE} by nmf").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, input, select, a, canvas, img, progress")]
        .filter((one) => one.checkVisibility())
        .filter((one) => !(one.textContent.trim() || one.labels?.[0]?.textContent.trim()
            || one.getAttribute("aria-label") || one.alt)).map((one) => one.outerHTML)"""
    )
    assert unnamed == []
    page.locator("#tracks[aria-busy=false]").wait_for()
    page.get_by_role("group", name="high", exact=True).get_by_role("button", name="Mute").focus()
    page.keyboard.press("Space")
    assert page.evaluate("mixer.tracks.filter((track) => track.heard).map((track) => track.name)") == ["low"]
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    assert page.get_by_role("group", name="high", exact=True).get_by_text("silent").is_visible()
    assert complaints == []
