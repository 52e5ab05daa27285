"""A server that is looked at in a browser, and what is looked for: rules of accessibility, widths, pictures."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from talking import TOKEN

TALKING = Path(__file__).with_name("talking.py")
PICTURES = Path(__file__).with_name("screenshots")
WAIT_MS = 30_000
"""how long anything may take to appear, on a machine that does ten things at once"""
STORY = (
    "My name is Scott.",
    "Your name is Echo.",
    "I live in Oslo.",
    "I like to work on board, a morning ferry if you can.",
    "Ana eats early, so dinner is at seven at the latest.",
    "Always answer briefly.",
    "Which way should I travel to Oslo next Friday?",
    "Yes please, remind me on Thursday at six to book the ferry.",
)
"""what is said to a served mind before a test looks at it"""


class Served:
    """A server with the companion that runs. `http` bears the token."""

    def __init__(self, process: subprocess.Popen[str], port: int, link: str) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.first_link = self.url + link
        self.http = httpx2.Client(base_url=self.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60)

    def link(self) -> str:
        """Another link, which works once."""
        return self.url + str(self.http.post("/api/links").json()["path"])

    def say(self, text: str, mind: str = "", **more: Any) -> Any:
        answer = self.http.post(f"/api{f'/minds/{mind}' if mind else ''}/turns", json={"text": text, **more})
        assert answer.status_code < 400, answer.text
        return answer.json()

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        assert answer.status_code < 400, answer.text
        return answer.json()

    def events(self, *kinds: str, limit: int = 50) -> list[Any]:
        """The newest events of these kinds, newest first."""
        return list(self.get(f"/api/events?limit={limit}" + "".join(f"&kind={kind}" for kind in kinds))["items"])


@contextmanager
def serving(folder: Path, *names: str, story: tuple[str, ...] = ()) -> Iterator[Served]:
    """Start one, say something to its mind, and end it."""
    process = subprocess.Popen([sys.executable, str(TALKING), str(folder), *names], stdout=subprocess.PIPE, encoding="utf-8")
    try:
        assert process.stdout is not None
        port, link = process.stdout.readline().split()
        server = Served(process, int(port), link)
        wait_for(lambda: _is_up(server))
        for text in story:
            server.say(text)
        yield server
        server.http.close()
    finally:
        process.kill()
        process.communicate()


def _is_up(server: Served) -> bool:
    try:
        return bool(server.http.get("/healthz").status_code == 200)
    except httpx2.TransportError:
        return False


def wait_for(condition: Callable[[], Any], seconds: float = WAIT_MS / 1000) -> Any:
    """What a condition gives, once it gives something."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.05)
    return found


def shoot(page: Any, name: str) -> None:
    """A picture, to look at."""
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")


def axe(page: Any) -> list[str]:
    """What axe finds wrong with a page as it stands (WCAG 2.2 A and AA, and its best practices). The skip link's region is excepted."""
    core = pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    script = (Path(core.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    page.evaluate(script)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    wrong = []
    for rule in found["violations"]:
        for node in rule["nodes"]:
            if not (rule["id"] == "region" and ".skip" in str(node["target"])):
                wrong.append(f"{rule['id']}: {json.dumps(node['target'])} {node.get('failureSummary', '')[:200]}")
    return wrong


def unseen_focus(page: Any, steps: int = 40) -> list[str]:
    """What Tab leads to and can't be seen: beyond the window, behind something, or without a ring around it."""
    page.evaluate("document.activeElement.blur()")
    unseen = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
                const el = document.activeElement;
                if (!el || el === document.body) return null;
                const box = el.getBoundingClientRect();
                const at = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height / 2, 24));
                const seen = at && (at === el || el.contains(at) || (at.contains(el) && !at.contains(document.querySelector('.main'))));
                const ring = getComputedStyle(el).outlineStyle !== 'none' || el.closest('.composer');
                const name = `${el.tagName}.${el.className} ${el.innerText.slice(0, 40)}`;
                return seen && ring ? '' : `${name} ${seen ? 'has no ring' : 'is hidden'}`;
            }"""
        )
        if found is None:
            break
        if found:
            unseen.append(found)
    return unseen


def sideways(page: Any) -> list[str]:
    """What reaches beyond the right edge of the window, or can be scrolled sideways."""
    found = page.evaluate(
        """() => [...document.querySelectorAll('body *')].filter((el) => {
            const box = el.getBoundingClientRect();
            if (!box.width || el.closest('.aloud, pre, table, [aria-hidden=true]')) return false;
            return box.right > innerWidth + 1 && getComputedStyle(el).position !== 'fixed' && !el.closest('.skip');
        }).map((el) => el.tagName + '.' + el.className)"""
    )
    scrolls = page.evaluate("[document.documentElement, document.querySelector('.main')].some((el) => el.scrollWidth > el.clientWidth)")
    return [*found[:5], *(["the page scrolls sideways"] if scrolls else [])]
