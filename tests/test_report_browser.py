"""The report in a browser: it loads nothing, sorts, selects, plays and runs no script but its own."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from sepkit.evaluation.benchmarking.report import Report
from tests.benchmarks import HOSTILE_TRACK, finished

pytestmark = [pytest.mark.slow, pytest.mark.system]

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
TABLE = "section.figure:not([hidden]) table.quality"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return finished(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser found wrong with the page of the test."""
    return []


@pytest.fixture
def page(browser: Any, report: Report, complaints: list[str]) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
    page.on("requestfailed", lambda request: complaints.append(f"failed {request.url[:100]}"))
    page.on("request", lambda request: complaints.append(request.url[:100]) if "http" in request.url[:5] else None)
    page.set_default_timeout(10_000)
    page.goto(report.html.as_uri())
    yield page
    page.close()


def column(page: Any, header: str) -> list[str]:
    """What the table that is shown has in a column, from top to bottom."""
    names = page.locator(f"{TABLE} thead th").all_inner_texts()
    index = [name.strip() for name in names].index(header)
    return [row.locator("th, td").nth(index).inner_text() for row in page.locator(f"{TABLE} tbody tr").all()]


def header_of(page: Any, name: str) -> Any:
    """The header of a column of the table that is shown."""
    return page.locator(f"{TABLE} thead th").filter(has_text=re.compile(f"^{name}$"))


def as_number(text: str) -> float:
    return {"–": math.nan, "∞": math.inf, "-∞": -math.inf}.get(text) or float(text.rstrip("†").replace("–", "nan"))


def test_it_loads_without_a_complaint_and_runs_no_script_but_its_own(page: Any, complaints: list[str]) -> None:
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    assert page.get_by_text(HOSTILE_TRACK, exact=True).count() > 0
    assert complaints == []


def test_an_injected_script_would_not_run(page: Any, complaints: list[str]) -> None:
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"data:,\" onerror=\"alert(1)\">')")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    assert any("Content Security Policy" in complaint for complaint in complaints)
    assert not any(complaint.startswith("dialog") for complaint in complaints)


@pytest.mark.parametrize("header", ["median", "real-time factor", "peak MiB", "high"])
def test_a_click_on_a_header_sorts_by_value_in_both_directions(page: Any, header: str) -> None:
    before = column(page, header)
    sort = header_of(page, header)
    button = sort.get_by_role("button")
    assert sort.get_attribute("aria-sort") == "none"
    for order, sign in (("descending", -1), ("ascending", 1)):
        button.click()
        assert sort.get_attribute("aria-sort") == order
        shown = column(page, header)
        assert sorted(shown) == sorted(before)
        found = [as_number(text) for text in shown]
        numbers = [number for number in found if not math.isnan(number)]
        assert numbers == sorted(numbers, key=lambda number, sign=sign: sign * number)
        assert all(math.isnan(number) for number in found[len(numbers) :])
        assert len(numbers) > 3
    assert page.locator(f"{TABLE} [aria-sort=ascending]").count() == 1


def test_the_keyboard_sorts_too(page: Any) -> None:
    header_of(page, "method").get_by_role("button").focus()
    page.keyboard.press("Enter")
    names = column(page, "method")
    assert names == sorted(names)
    page.keyboard.press("Space")
    assert column(page, "method") == names[::-1]


def test_another_figure_can_be_selected(page: Any) -> None:
    shown = page.locator("section.figure:visible")
    assert shown.count() == 1
    before = column(page, "median")
    page.get_by_label("Figure", exact=True).select_option(label="SI-SIR in dB")
    assert shown.count() == 1
    assert shown.locator("h3").inner_text() == "SI-SIR in dB"
    assert column(page, "median") != before
    assert shown.locator(".plot svg").bounding_box()["height"] > 50


def test_every_sound_plays_and_every_picture_is_there(page: Any) -> None:
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    sounds = page.locator("audio").all()
    assert len(sounds) == 7
    for sound in sounds:
        sound.evaluate(
            """sound => new Promise((resolve, reject) => {
                sound.addEventListener("error", () => reject(sound.error.message));
                sound.addEventListener("timeupdate", () => sound.currentTime > 0 && resolve());
                sound.play().catch(reject);
            })"""
        )
        assert sound.evaluate("sound => sound.readyState") >= 2
        assert sound.evaluate("sound => sound.duration") == pytest.approx(0.6, abs=0.1)
    assert page.evaluate("[...document.images].length") == 7
    page.wait_for_function("[...document.images].every(image => image.naturalWidth > 0 && image.naturalHeight > 0)")


def test_one_sound_plays_at_a_time(page: Any) -> None:
    first, second = page.locator("audio").all()[:2]
    first.evaluate("sound => { sound.loop = true; return sound.play(); }")
    second.evaluate("sound => { sound.loop = true; return sound.play(); }")
    page.wait_for_function("document.querySelectorAll('audio')[0].paused")
    assert second.evaluate("sound => !sound.paused")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_can_be_read_in_light_and_dark(browser: Any, report: Report, scheme: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page.goto(report.html.as_uri())
    page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for place in ("body", "tr.oracle td", ".definition", "th button"):
        assert page.evaluate(CONTRAST, place) >= 4.5, place
    page.close()


CONTRAST = """place => {
    const luminance = (colour) => {
        const parts = colour.match(/[0-9.]+/g).slice(0, 3).map((part) => part / 255);
        const [r, g, b] = parts.map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const text = luminance(getComputedStyle(document.querySelector(place)).color);
    const ground = luminance(getComputedStyle(document.body).backgroundColor);
    return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
}"""
"""Contrast of a text with the ground of the page, after WCAG."""
