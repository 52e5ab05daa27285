"""A browser, a served mind with something in it, and pages that no test may leave with a request to another host.

Browser tests need an installed Chromium; they skip where there is none. Pictures go into tests/web/screenshots, which is ignored.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from looking import STORY, WAIT_MS, Served, serving

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all tests of a file, with STORY in its mind."""
    with serving(tmp_path_factory.mktemp("minds"), story=STORY) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium. Of one file: as long as it runs, this thread has an event loop that other tests would stumble over."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=found, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any, served: Served) -> Iterator[Callable[..., Any]]:
    """open_page(path="/", theme="light", width=1280, height=800, server=served): a page that somebody came in to by a link.

    Its `.outside` lists the requests that left the host, of which there must be none at the end; `.errors` what the browser complained of.
    """
    contexts: list[Any] = []
    pages: list[Any] = []

    def opened(
        path: str = "/", *, theme: str = "light", width: int = 1280, height: int = 800, server: Served = served, same: Any = None
    ) -> Any:
        touch = width < 768
        context = same or browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, has_touch=touch, device_scale_factor=2 if touch else 1
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.outside, page.errors = [], []
        page.on("request", lambda request: page.outside.append(request.url) if _leaves(request.url, server) else None)
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        pages.append(page)
        if same is None:
            page.goto(server.link())
            page.wait_for_url(f"{server.url}/")
        if same is not None or path != "/":
            page.goto(server.url + path)
        page.wait_for_selector(".page-link", state="attached")
        page.wait_for_function("window.did_handshake === true")
        return page

    yield opened
    for page in pages:
        assert page.outside == []
    for context in dict.fromkeys(contexts):
        context.close()


def _leaves(url: str, server: Served) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != urlsplit(server.url).netloc


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test in a browser gets one more try, which the summary counts: on a busy machine a click can hit what is being drawn anew."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))
