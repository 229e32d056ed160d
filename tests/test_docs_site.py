"""The documentation as readers get it: built without a warning, with links that lead somewhere, alive in a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

from tests.distributions import environment
from tests.test_docs import DOCS, PAGES

pytestmark = pytest.mark.slow

pytest.importorskip("sphinx", reason="the documentation's packages are not installed: pip install --group docs")
filelock = pytest.importorskip("filelock")

BUILT = DOCS / "_build"
EXAMPLES = sorted(path.stem for path in (DOCS / "gallery").glob("*.py"))
LONGEST_BUILD_S = 1200
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
ARGUMENTS += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
SHOWN = (
    "index",
    "auto/gallery/index",
    "auto/gallery/hands_of_a_piano",
    "auto/gallery/choir",
    "auto/gallery/prior_of_your_own",
    "methods/nmf",
    "methods/flow-sgld",
    "background/masks",
    "background/figures",
    "guide/which-method",
)


@pytest.fixture(scope="module")
def site() -> Path:
    """The pages, built where ``make docs`` builds them: what is there and has not changed is not run again."""
    html, doctrees = BUILT / "html", BUILT / "doctrees"
    options = ["-W", "--keep-going", "-n", "-q", "-j", "2", "-d", doctrees]
    command = [sys.executable, "-m", "sphinx", *options, DOCS, html]
    BUILT.mkdir(exist_ok=True)
    with filelock.FileLock(BUILT / "lock"):
        done = subprocess.run(
            [*map(str, command)], env=environment(), capture_output=True, encoding="utf-8", timeout=LONGEST_BUILD_S
        )
        if done.returncode != 0:
            # What was read is not read again, and would not warn again.
            shutil.rmtree(doctrees, ignore_errors=True)
    assert (done.returncode, done.stderr) == (0, "")
    return html


class Read(HTMLParser):
    """What a page links to, what can be linked to in it, and its pictures and players."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.unnamed: list[str] = []
        self.players = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.links += [given[name] for name in ("href", "src") if name in given]
        named = {"img": "alt", "audio": "aria-label", "iframe": "title"}.get(tag)
        if named is not None:
            self.players += tag != "img"
            if not given.get(named, "").strip():
                self.unnamed.append(f"{self.path.name}: {tag} {given.get('src', '')[:80]}")


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Read]:
    return {path.resolve(): Read(path) for path in sorted(site.rglob("*.html")) if "_static" not in path.parts}


def test_every_page_is_built(site: Path) -> None:
    for page in PAGES:
        assert (site / page).with_suffix(".html").is_file()


def test_every_link_within_the_pages_leads_somewhere(pages: dict[Path, Read]) -> None:
    broken = []
    for path, page in pages.items():
        for link in page.links:
            address, anchor = urldefrag(link)
            if urlsplit(address).scheme or link == "#":
                continue
            target = (path.parent / unquote(urlsplit(address).path)).resolve() if address else path
            if not target.is_file():
                broken.append(f"{path.name} → {link}")
            elif anchor and target in pages and unquote(anchor) not in pages[target].anchors:
                broken.append(f"{path.name} → {link}: no such place there")
    assert broken == []


def test_every_picture_and_player_says_what_it_is(pages: dict[Path, Read]) -> None:
    assert [name for page in pages.values() for name in page.unnamed] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_a_page_with_a_thumbnail_and_a_notebook(site: Path, pages: dict[Path, Read], name: str) -> None:
    page = pages[(site / f"auto/gallery/{name}.html").resolve()]
    [notebook] = [link for link in page.links if link.endswith(f"{name}.ipynb")]
    cells = json.loads((page.path.parent / notebook).read_text(encoding="utf-8"))["cells"]
    assert {cell["cell_type"] for cell in cells} == {"code", "markdown"}
    assert (site / f"_images/sphx_glr_{name}_thumb.png").stat().st_size > 5000


def test_most_examples_are_heard(site: Path, pages: dict[Path, Read]) -> None:
    heard = [name for name in EXAMPLES if pages[(site / f"auto/gallery/{name}.html").resolve()].players]
    assert len(heard) >= 10


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.mark.system
@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("name", SHOWN)
def test_a_page_in_a_browser(browser: Any, address: str, name: str, width: int) -> None:
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    own = (address, "blob:", "data:", "about:")
    page.on("request", lambda asked: None if asked.url.startswith(own) else complaints.append(asked.url))
    page.goto(f"{address}/{name}.html")
    formulas = page.locator(".math")
    if formulas.count():
        page.wait_for_function("window.MathJax?.startup?.promise")
        page.evaluate("MathJax.startup.promise")
        assert page.locator(".math > mjx-container").count() == formulas.count()
        assert page.locator("mjx-merror").count() == 0
    mixers = page.locator("iframe[title=Mixer]")
    for number in range(mixers.count()):
        mixers.nth(number).scroll_into_view_if_needed()
        mixer = mixers.nth(number).content_frame
        mixer.locator("#tracks[aria-busy=false]").wait_for()
        mixer.get_by_role("button", name="Play").click()
        mixer.locator(".time", has_text="0:01").wait_for()
        mixer.get_by_role("button", name="Pause").click()
    for player in page.locator("audio").all()[:3]:
        assert player.evaluate("async (sound) => { await sound.play(); sound.pause(); return sound.duration; }") > 0
    pictures = page.locator("article img").all()
    for picture in pictures:
        picture.scroll_into_view_if_needed()
    assert all(
        picture.evaluate("async (one) => { await one.decode(); return one.naturalWidth; }") for picture in pictures
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []
    context.close()
