"""What stands around every page, in a browser: who comes in, the moment, navigation, the Inspector, the theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from looking import Served, axe, shoot, sideways, unseen_focus

Open = Callable[..., Any]
FORM = {"content-type": "application/x-www-form-urlencoded"}
BROWSER = {"accept": "text/html,application/xhtml+xml"}


def test_without_the_cookie_page_asset_and_socket_refuse(served: Served) -> None:
    with httpx2.Client(base_url=served.url, timeout=30) as http:
        page = http.get("/", headers=BROWSER)
        assert page.status_code == 401
        assert "This mind is private" in page.text and "nicegui" not in page.text.lower()
        for path in ("/companion/companion.js", "/_nicegui_ws/socket.io/?EIO=4&transport=polling", "/ledger", "/favicon.ico"):
            assert http.get(path).status_code == 401, path
        upgrade = {
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
            "sec-websocket-version": "13",
        }
        assert http.get("/_nicegui_ws/socket.io/?EIO=4&transport=websocket", headers=upgrade).status_code == 403


def test_a_link_works_once_and_the_token_does_too(served: Served) -> None:
    link = served.link()
    with httpx2.Client(base_url=served.url, timeout=30) as http:
        assert http.get(link).status_code == 200
        assert http.get("/", headers=BROWSER).status_code == 200
        assert http.get("/api/state").status_code == 401  # the cookie opens the page alone
        assert http.get("/", headers={**BROWSER, "origin": "http://evil.example"}).status_code == 403
    with httpx2.Client(base_url=served.url, timeout=30) as http:
        again = http.get(link)
        assert again.status_code == 401 and "used already" in again.text
        wrong = http.post("/enter", content="token=no", headers=FORM)
        assert wrong.status_code == 401 and "That is not the token." in wrong.text
    with httpx2.Client(base_url=served.url, timeout=30) as http:
        token = served.http.headers["authorization"].split()[1]
        assert http.post("/enter", content=f"token={token}", headers=FORM).status_code == 200
        assert http.get("/", headers=BROWSER).status_code == 200


def test_a_forged_cookie_is_refused(served: Served) -> None:
    port = served.url.rpartition(":")[2]
    for value in ("", "1", f"9999999999.{'0' * 64}", "9999999999", "x.y", "9" * 400 + ".0"):
        answer = httpx2.get(f"{served.url}/", headers={**BROWSER, "cookie": f"pmm-{port}={value}"}, timeout=30)
        assert answer.status_code == 401, value


def test_the_rules_that_browsers_run_it_under(served: Served) -> None:
    with httpx2.Client(base_url=served.url, timeout=30) as http:
        http.get(served.link())
        headers = http.get("/", headers=BROWSER).headers
        assert "default-src 'self'" in headers["content-security-policy"] and "img-src 'self' data:" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "no-store" in headers["cache-control"]


def test_paths_that_are_not_the_pages_stay_the_servers(served: Served) -> None:
    for path, status in (("/api/nothing", 404), ("/nothing", 404)):
        answer = served.http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
    assert served.http.put("/api/state").status_code == 405


def test_a_mind_that_is_not_there_is_said_not_to_be(open_page: Open, served: Served) -> None:
    page = open_page()
    answer = page.goto(f"{served.url}/minds/nobody")
    assert answer.status == 404
    page.wait_for_selector("h1:has-text('No such mind')")
    assert axe(page) == []
    page.get_by_role("link", name="default").click()
    page.wait_for_selector(".turn")


def test_the_door_is_readable_in_a_browser(browser: Any, served: Served) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 700}, color_scheme="dark")
    page = context.new_page()
    page.goto(served.url)
    assert page.get_by_role("heading", name="This mind is private").is_visible()
    assert axe(page) == []
    shoot(page, "door-390-dark")
    page.fill("#token", served.http.headers["authorization"].split()[1])
    page.get_by_role("button", name="Come in").click()
    page.wait_for_selector(".page-link", state="attached", timeout=30_000)
    context.close()


def test_pages_are_reached_by_key_and_their_title_gets_the_focus(open_page: Open) -> None:
    page = open_page()
    page.wait_for_selector(".turn")
    page.keyboard.press("Escape")
    for key, name in (("2", "Mind"), ("5", "Ledger"), ("7", "Performance")):
        page.keyboard.press(key)
        page.wait_for_selector(f".main h1:has-text('{name}'):focus")
        page.wait_for_function(f"document.title.startsWith('{name}')")
        assert page.locator("h1").count() == 1
        assert page.locator(".rail [aria-current=page]").inner_text().endswith(name)
    page.go_back()
    page.wait_for_selector(".main h1:has-text('Ledger')")
    assert page.errors == []


def test_back_leads_to_the_moment_that_was_looked_at(open_page: Open, served: Served) -> None:
    page = open_page("/ledger?at=7")
    page.get_by_text("This is the mind after event 7.").wait_for()
    page.keyboard.press("2")
    page.wait_for_selector(".main h1:has-text('Mind')")
    page.keyboard.press("[")
    page.wait_for_url(f"{served.url}/mind?at=6")
    page.get_by_text("This is the mind after event 6.").wait_for()
    page.go_back()
    page.wait_for_selector(".main h1:has-text('Ledger')")
    page.get_by_text("This is the mind after event 7.").wait_for()
    page.go_forward()
    page.get_by_text("This is the mind after event 6.").wait_for()
    assert page.url == f"{served.url}/mind?at=6"


def test_the_skip_link_leads_past_the_navigation(open_page: Open) -> None:
    page = open_page("/ledger")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"


PATHS = ("/", "/?session=new", "/mind", "/commitments", "/memory", "/ledger", "/ledger?view=sql", "/ledger?view=verify", "/ledger?at=20")


@pytest.mark.parametrize("path", [*PATHS, "/reasoning", "/performance"])
def test_at_200_percent_nothing_is_cut_and_the_keyboard_reaches_what_can_be_seen(open_page: Open, path: str) -> None:
    page = open_page(path, width=640, height=400)
    page.wait_for_selector(".main h1", state="attached")
    page.wait_for_selector(".skeleton", state="detached")
    assert sideways(page) == []
    assert unseen_focus(page) == []


def test_on_a_small_screen_everything_is_reached_by_the_keyboard(open_page: Open) -> None:
    page = open_page("/mind", width=640, height=400)
    page.locator("[data-more]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".rail a:focus")
    page.keyboard.press("Escape")
    page.wait_for_selector("[data-more]:focus")
    page.keyboard.press("Enter")
    page.locator(".rail").get_by_role("button", name="Switch model").press("Enter")
    page.locator("#models").get_by_role("button", name="offline").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_selector("#models", state="hidden")
    page.keyboard.press("?")
    page.wait_for_selector("#help h2:focus")
    assert page.evaluate("document.querySelector('#help').scrollTop") == 0, "it begins at its beginning"
    page.keyboard.press("End")
    page.locator("#help").get_by_role("button", name="Close").press("Enter")
    page.wait_for_selector("#help", state="hidden")


def test_the_theme_is_kept_and_set_before_the_first_paint(open_page: Open) -> None:
    page = open_page(theme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(247, 246, 242)"
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    page.wait_for_function(f"{paper} === 'rgb(19, 20, 18)'")
    page.goto(page.url, wait_until="commit")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_role("button", name="Theme: dark").click()


def test_keys_are_listed_and_single_ones_can_be_switched_off(open_page: Open) -> None:
    page = open_page("/ledger")
    page.wait_for_selector(".main h1")
    page.keyboard.press("?")
    page.locator("#help").get_by_label("Single keys work").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    assert page.locator(".main h1").inner_text() == "Ledger"
    page.evaluate("localStorage.removeItem('pmm-single-keys')")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_inspector_tells_everything_about_an_event(open_page: Open, served: Served, theme: str) -> None:
    page = open_page(theme=theme)
    reply = next(e for e in served.events("reply") if e["content"].startswith("Then I would take"))
    page.locator(f".when [data-event='{reply['id']}']").click()
    page.wait_for_selector(".inspector section[aria-label='Led to']")
    inspector = page.locator(".inspector")
    assert "Then I would take the **9:00 ferry**" in inspector.locator(".said").inner_text()
    assert inspector.locator(f"section[aria-label=Why] [data-event='{reply['to']}']").count() == 1
    inspector.get_by_text("Raw").click()
    assert f'"id": {reply["id"]}' in inspector.locator("pre").inner_text()
    inspector.get_by_text("Proof").click()
    assert len(inspector.locator(".proof dd").first.inner_text()) == 64
    shoot(page, f"inspector-{theme}")
    assert axe(page) == []
    inspector.locator(f"section[aria-label=Why] [data-event='{reply['to']}']").click()
    page.wait_for_selector(f"#inspector-title:has-text('Event {reply['to']:,}')")
