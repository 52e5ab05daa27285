"""Reasoning and Performance, in a browser: how a reply was made, how fast replies are, and the way from a slow one to its steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from looking import Served, axe, shoot, sideways, wait_for

Open = Callable[..., Any]


def traced(served: Served) -> dict[str, Any]:
    """The newest turn that looked at something and asked a model."""
    found = served.get("/api/traces?limit=50")["items"]
    return next(one for one in found if one["summary"]["nodes_visited"] and one["summary"].get("route") == "model")


def milliseconds(texts: list[str]) -> list[float]:
    return [float(text.removesuffix(" ms").replace(",", "")) for text in texts]


def test_a_turns_waterfall_sums_to_it_and_its_memories_are_the_traces(open_page: Open, served: Served) -> None:
    one = traced(served)
    whole = served.get(f"/api/traces/{one['id']}")
    page = open_page("/reasoning")
    page.locator(f".turns tr:has([data-event='{one['turn']}']) a").click()
    page.wait_for_selector(".waterfall tbody tr")
    *steps, turn = milliseconds(page.locator(".waterfall td:nth-child(3)").all_inner_texts())
    assert len(steps) >= 5 and sum(steps) == pytest.approx(turn, abs=0.05 * (len(steps) + 1) + 0.01)
    assert turn == pytest.approx(one["summary"]["duration_ms"], abs=0.06)
    shown = page.locator(".considered .source [data-event]").evaluate_all("(all) => all.map((one) => Number(one.dataset.event))")
    assert shown == [visit["node"] for visit in whole["visits"]]
    assert page.errors == []


def test_the_whole_prompt_is_there_to_the_byte(open_page: Open, served: Served) -> None:
    one = traced(served)
    page = open_page(f"/reasoning?turn={one['turn']}")
    page.get_by_role("button", name="Everything the model was shown").click()
    page.get_by_text("to the byte").wait_for()
    asked = served.get(f"/api/events/{one['turn']}")["content"]
    assert page.locator(".whole-prompt pre").last.text_content().endswith(asked)
    receipt = next(e for e in served.events("context_built") if e["to"] == one["turn"])
    assert page.locator(f".meta [data-event='{receipt['id']}']").count() == 1


def test_two_turns_stand_side_by_side(open_page: Open, served: Served) -> None:
    one = traced(served)
    page = open_page(f"/reasoning?turn={one['turn']}")
    other = page.locator(".turn-card select option").nth(1).get_attribute("value")
    page.get_by_label("Compare with").select_option(other)
    page.wait_for_selector(".pair")
    assert page.locator(f".pair [data-event='{one['turn']}']").count() == page.locator(f".pair [data-event='{other}']").count() == 1
    page.get_by_role("heading", name="In both").wait_for()
    assert f"beside={other}" in page.url
    shoot(page, "reasoning-two")
    page.go_back()
    page.wait_for_selector(".waterfall")


def test_the_inspector_leads_from_a_reply_to_how_it_was_made(open_page: Open, served: Served) -> None:
    one = traced(served)
    reply = next(done["id"] for done in one["summary"]["decisions"] if done["kind"] == "reply")
    page = open_page("/ledger")
    page.get_by_label("Kind").select_option("reply")
    page.locator(f".event [data-event='{reply}']").click()
    page.get_by_role("link", name="How this reply was made").click()
    page.wait_for_selector(".waterfall")
    assert page.locator(f".turn-card [data-event='{one['turn']}']").count() == 1


def test_what_is_no_turn_is_told_with_a_hint(open_page: Open, served: Served) -> None:
    page = open_page("/reasoning?turn=999999")
    page.locator(".trouble", has_text="no trace of a turn of event 999,999").wait_for()
    assert page.get_by_role("button", name="Retry").is_visible()


def test_a_slow_point_opens_the_steps_of_its_slowest_turn(open_page: Open, served: Served) -> None:
    page = open_page("/performance")
    page.wait_for_selector(".chart-lines svg")
    told = served.get("/api/performance?last=100")
    assert page.locator(".chart-points a").count() == len(told["over_time"])
    slow = max(told["over_time"], key=lambda one: one["max"])
    page.get_by_text("As a table").click()
    assert page.locator("details .table tbody tr").count() == len(told["over_time"])
    assert page.locator(".parts-table tbody tr").count() == len(told["breakdown"])
    page.locator(f".chart-points a[href*='turn={slow['slowest']}']").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".waterfall")
    assert page.locator(f".turn-card [data-event='{slow['slowest']}']").count() == 1
    assert page.errors == []


def test_the_past_has_no_later_turns(open_page: Open, served: Served) -> None:
    turns = [one["turn"] for one in served.get("/api/traces?limit=50")["items"]]
    at = turns[-3]
    page = open_page(f"/reasoning?at={at}")
    page.wait_for_selector(".turns tbody tr")
    assert page.locator(".turns tbody tr").count() == 3
    page.goto(f"{served.url}/performance?at={at}")
    page.get_by_text("The last 3 turns").wait_for()


def test_a_mind_that_has_not_spoken_says_what_will_be_there(open_page: Open, served: Served) -> None:
    served.http.post("/api/minds", json={"name": "silent"})
    page = open_page("/minds/silent/reasoning")
    page.get_by_text("Here stands how each turn was made").wait_for()
    page.goto(f"{served.url}/minds/silent/performance")
    page.get_by_text("Here stands how long turns take").wait_for()
    assert axe(page) == []


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1280)])
def test_anyone_can_use_them_at_any_width(open_page: Open, served: Served, theme: str, width: int) -> None:
    one = traced(served)
    page = open_page("/reasoning", theme=theme, width=width)
    for name, path, ready in (
        ("reasoning", "/reasoning", ".turns"),
        ("turn", f"/reasoning?turn={one['turn']}", ".considered"),
        ("performance", "/performance", ".chart-lines svg"),
    ):
        page.goto(served.url + path)
        page.wait_for_selector(ready)
        wait_for(lambda: page.evaluate("document.querySelectorAll('.skeleton').length") == 0)
        assert axe(page) == []
        shoot(page, f"{name}-{width}-{theme}")
        page.evaluate("document.querySelector('.main').scrollTop = 700")
        shoot(page, f"{name}-{width}-{theme}-below")
        for narrow in (width, 320):
            page.set_viewport_size({"width": narrow, "height": 800})
            assert sideways(page) == []
        page.set_viewport_size({"width": width, "height": 800})
