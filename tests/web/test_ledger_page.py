"""Ledger, in a browser: events are found and opened, SQL is asked, and what was altered is named on every page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import apsw
import pytest
from looking import STORY, Served, axe, serving, shoot, sideways, wait_for

from pmm.testing import generate_log
from pmm.web.ledger import SOUGHT_MAX, Filter, Sought, counted, filter_of, kinds_of
from pmm.web.parts import FAMILIES

Open = Callable[..., Any]
MANY = 400


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One with STORY in its mind, and another mind of some hundred events."""
    folder = tmp_path_factory.mktemp("minds")
    generate_log(folder / "many.db", MANY, 3)
    with serving(folder, "altered", "mended", story=STORY) as server:
        yield server


def ids(page: Any) -> list[int]:
    """Of the events that are listed."""
    return [int(id) for id in page.locator(".event [data-event]").evaluate_all("(all) => all.map((one) => one.dataset.event)")]


def listed(page: Any, wanted: list[int]) -> None:
    wait_for(lambda: ids(page) == wanted)


def newest(page: Any, head: int) -> None:
    """The newest fifty are listed, at least up to an event: the mind may do something by itself meanwhile."""

    def all_of_them() -> bool:
        shown = ids(page)
        return bool(shown) and shown[0] >= head and shown == list(range(shown[0], max(0, shown[0] - 50), -1))

    wait_for(all_of_them)


def test_events_are_found_by_kind_text_and_date(open_page: Open, served: Served) -> None:
    page = open_page("/ledger")
    head = served.get("/api/state")["head"]
    newest(page, head)
    page.get_by_label("Kind").select_option("user_message")
    listed(page, [e["id"] for e in served.events("user_message")])
    page.fill("[data-search]", "OSLO")
    page.press("[data-search]", "Enter")
    oslo = [e["id"] for e in served.events("user_message") if "Oslo" in e["content"]]
    assert len(oslo) == 2
    listed(page, oslo)
    assert page.locator(".count").inner_text() == "2 events"
    page.get_by_label("Kind").select_option("knowledge")
    listed(page, [e["id"] for e in served.events(*kinds_of("knowledge")) if "oslo" in e["content"].lower()])
    page.get_by_role("button", name="Clear").click()
    newest(page, head)
    assert page.input_value("[data-search]") == ""
    page.get_by_label("Until").fill("2001-01-01")
    page.get_by_text("No event is like that.").wait_for()
    page.get_by_role("button", name="Show all events").click()
    newest(page, head)
    page.get_by_label("From").fill(served.events(limit=1)[0]["ts"][:10])
    newest(page, head)
    assert page.errors == []


def test_pages_of_fifty_older_and_newer(open_page: Open, served: Served) -> None:
    page = open_page("/minds/many/ledger")
    page.wait_for_selector(".event")
    head = served.get("/api/minds/many/state")["head"]
    newest(page, head)
    top = ids(page)[0]
    assert page.get_by_role("button", name="Newer").is_disabled()
    page.get_by_role("button", name="Older").click()
    listed(page, list(range(top - 50, top - 100, -1)))
    assert page.evaluate("document.activeElement.matches('.event')"), "the keyboard goes on from the first row"
    page.get_by_role("button", name="Newer").click()
    newest(page, head)
    page.fill("[data-search]", "the")
    page.press("[data-search]", "Enter")
    wait_for(lambda: len(ids(page)) == 50 and ids(page)[-1] < ids(page)[0] - 49)
    first = ids(page)
    page.get_by_role("button", name="Older").click()
    wait_for(lambda: ids(page) and max(ids(page)) < min(first))


def test_what_is_looked_for_is_in_the_address(open_page: Open, served: Served) -> None:
    page = open_page("/ledger")
    page.wait_for_selector(".event")
    page.fill("[data-search]", "Oslo & <b>so</b> on")
    page.press("[data-search]", "Enter")
    page.get_by_text("No event is like that.").wait_for()
    page.fill("[data-search]", "oslo")
    page.press("[data-search]", "Enter")
    page.get_by_label("Kind").select_option("dialogue")
    page.wait_for_url(re.compile(r"/ledger\?text=oslo&kind=dialogue$"))
    oslo = [e["id"] for e in served.events(*kinds_of("dialogue")) if "oslo" in e["content"].lower()]
    listed(page, oslo)
    page.reload()
    listed(page, oslo)
    assert page.input_value("[data-search]") == "oslo" and page.get_by_label("Kind").input_value() == "dialogue"
    sent = open_page("/ledger?text=OSLO&kind=user_message&since=2020-01-01&until=2999-01-01&before=oh&kind=user_message", same=page.context)
    listed(sent, [e["id"] for e in served.events("user_message") if "Oslo" in e["content"]])
    assert sent.get_by_label("From").input_value() == "2020-01-01"
    page.go_back()
    page.wait_for_function("document.querySelector('[data-search]').value === 'oslo' && !document.querySelector('select.field').value")
    listed(page, [e["id"] for e in served.events() if "oslo" in e["content"].lower()])
    page.go_back()
    page.go_back()
    newest(page, served.get("/api/state")["head"])
    assert page.input_value("[data-search]") == ""
    page.go_forward()
    page.get_by_text("No event is like that.").wait_for()
    page.locator(".rail").get_by_role("link", name="Ledger").click()
    newest(page, served.get("/api/state")["head"])
    assert page.input_value("[data-search]") == "" and page.errors == []


def test_a_place_in_the_list_is_in_the_address_and_leads_both_ways(open_page: Open, served: Served) -> None:
    page = open_page("/minds/many/ledger?before=201")
    listed(page, list(range(200, 150, -1)))
    page.get_by_role("button", name="Newer").click()
    listed(page, list(range(250, 200, -1)))
    page.reload()
    listed(page, list(range(250, 200, -1)))
    page.keyboard.press("2")
    page.wait_for_selector(".main h1:has-text('Mind')")
    page.go_back()
    listed(page, list(range(250, 200, -1)))
    page.go_back()
    listed(page, list(range(200, 150, -1)))
    shown = open_page("/minds/many/ledger?before=11&at=5", same=page.context)
    listed(shown, [5, 4, 3, 2, 1])
    shown.get_by_role("button", name="Newer").click()
    shown.wait_for_url(re.compile(r"/ledger\?at=5$"))
    shown.keyboard.press("n")
    shown.wait_for_url(re.compile(r"/ledger$"))
    newest(shown, served.get("/api/minds/many/state")["head"])


def test_what_is_new_waits_until_it_is_asked_for(open_page: Open, served: Served) -> None:
    page = open_page("/ledger")
    page.wait_for_selector(".event")
    before = ids(page)
    said = served.say("Something new, while somebody reads.")
    page.locator(".news button").wait_for()
    assert ids(page) == before
    page.locator(".news button").click()
    wait_for(lambda: said["reply_event"] in ids(page))
    page.wait_for_selector(".news button", state="detached")


def test_a_row_is_reached_and_opened_by_the_keyboard_alone(open_page: Open, served: Served) -> None:
    page = open_page("/ledger")
    page.wait_for_selector(".event")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.matches('[data-search]')")
    page.keyboard.type("Ana")
    page.keyboard.press("Enter")
    wait_for(lambda: page.locator(".count").inner_text() != f"{served.get('/api/state')['head']:,} events")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = ids(page)[1]
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("o")
    page.get_by_role("heading", name=f"Event {second:,}").wait_for()


def test_the_past_ends_with_its_event(open_page: Open, served: Served) -> None:
    page = open_page("/ledger?at=7")
    listed(page, [7, 6, 5, 4, 3, 2, 1])
    page.keyboard.press("[")
    listed(page, [6, 5, 4, 3, 2, 1])
    assert page.get_by_role("link", name="SQL").get_attribute("href") == "/ledger?view=sql&at=6"


def test_a_question_in_sql_and_what_is_wrong_with_one(open_page: Open, served: Served) -> None:
    page = open_page("/ledger?view=sql")
    page.get_by_role("button", name="How many of each kind").click()
    page.locator(".grid td", has_text="user_message").wait_for()
    assert page.input_value("#sql").startswith("select kind")
    page.fill("#sql", "select id, content from events where id = 1 union all select null, '<b>x</b>'")
    page.press("#sql", "Control+Enter")
    page.locator(".grid [data-event='1']").wait_for()
    assert "null" in page.locator(".grid").inner_text() and "<b>x</b>" in page.locator(".grid").inner_text()
    for asks, says in (
        ("", "There is no question. Try"),
        ("selct 1", "syntax error"),
        ("delete from events", "a question only looks"),
        ("select * from traces", "can't be read here. Tables are"),
        ("select count(*) from events a, events b, events c, events d, events e", "longer than 2 s"),
    ):
        page.fill("#sql", asks)
        page.get_by_role("button", name="Run").click()
        page.locator(".answer .trouble", has_text=says).wait_for()
    page.fill("#sql", "select id from events where id > 1e9")
    page.get_by_role("button", name="Run").click()
    page.get_by_text("No row is like that.").wait_for()
    page.get_by_text("Tables and columns").click()
    page.locator(".schema dt", has_text="entities").wait_for()


def test_many_rows_are_turned_over(open_page: Open, served: Served) -> None:
    page = open_page("/minds/many/ledger?view=sql")
    page.fill("#sql", "select id from events order by id")
    page.press("#sql", "Control+Enter")
    page.locator(".grid [data-event='50']").wait_for()
    assert page.locator(".grid tbody tr").count() == 50
    page.get_by_role("button", name="Next").click()
    page.locator(".grid [data-event='100']").wait_for()
    assert page.locator(".grid [data-event='50']").count() == 0


def test_a_whole_log_is_said_to_be_whole(open_page: Open, served: Served) -> None:
    page = open_page("/minds/many/ledger?view=verify")
    page.get_by_role("button", name="Verify now").click()
    page.locator(".verdict", has_text="events are whole and in order").wait_for()
    assert not page.locator(".bar-line.bad").is_visible()


def test_what_was_altered_is_named_on_every_page(open_page: Open, served: Served, tmp_path_factory: pytest.TempPathFactory) -> None:
    served.say("I owe Ben ten euros.", "altered")
    path = next(tmp_path_factory.getbasetemp().rglob("altered.db"))
    with apsw.Connection(str(path)) as db:
        db.execute("drop trigger events_no_update; update events set content = 'I owe Ben nothing.' where id = 2")
    other = open_page("/minds/altered/memory")
    page = open_page("/minds/altered/ledger?view=verify", same=other.context)
    page.get_by_role("button", name="Verify now").click()
    page.locator(".verdict", has_text="The log was altered").wait_for()
    assert page.locator(".verdict [data-event='2']").is_visible()
    for tab in (page, other):
        tab.locator(".bar-line.bad", has_text="The log was altered").wait_for()
        assert tab.locator(".bar-line.bad [data-event='2']").inner_text() == "Event 2"
    later = open_page("/minds/altered/ledger", same=other.context)
    assert later.locator(".bar-line.bad").is_visible()
    shoot(page, "ledger-altered")
    served_ok = open_page("/ledger", same=other.context)
    assert not served_ok.locator(".bar-line.bad").is_visible()


def test_what_another_program_has_verified_is_told_by_open_pages(
    open_page: Open, served: Served, tmp_path_factory: pytest.TempPathFactory
) -> None:
    served.say("I owe Ben ten euros.", "mended")
    path = next(tmp_path_factory.getbasetemp().rglob("mended.db"))
    chat = open_page("/minds/mended")
    ledger = open_page("/minds/mended/ledger?view=verify", same=chat.context)
    for page in (chat, ledger):
        page.locator(".saved", has_text="All saved").wait_for()
    for owed, whole in (("nothing", False), ("ten euros", True)):
        with apsw.Connection(str(path)) as db:
            db.execute(f"drop trigger if exists events_no_update; update events set content = 'I owe Ben {owed}.' where id = 2")
        assert served.get("/api/minds/mended/verify")["ok"] is whole
        for page in (chat, ledger):
            page.locator(".bar-line.bad").wait_for(state="hidden" if whole else "visible")
            page.locator(".saved", has_text="All saved" if whole else "Altered").wait_for()
        ledger.locator(".verdict", has_text="whole and in order" if whole else "The log was altered").wait_for()


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_anyone_can_use_it_at_any_width(open_page: Open, served: Served, theme: str, width: int) -> None:
    page = open_page("/ledger", theme=theme, width=width)
    for view, ready in (("Events", ".event"), ("SQL", "#sql"), ("Verify", ".verify")):
        page.locator(".segments").get_by_role("link", name=view).click()
        page.wait_for_selector(ready)
        if view == "SQL":
            page.get_by_role("button", name="The latest messages").click()
            page.wait_for_selector(".grid")
        assert axe(page) == []
        shoot(page, f"ledger-{view.lower()}-{width}-{theme}")
        for narrow in (width, 320):
            page.set_viewport_size({"width": narrow, "height": 800})
            assert sideways(page) == []
        page.set_viewport_size({"width": width, "height": 800})


# -- without a browser ---------------------------------------------------------------------------------------------------------------


def test_every_kind_is_in_one_group() -> None:
    from pmm.web.ledger import GROUPS

    found = [kind for family in GROUPS for kind in kinds_of(family)]
    assert sorted(found) == sorted(FAMILIES)


def test_an_address_asks_for_what_can_be_meant() -> None:
    assert filter_of({}) == filter_of({"kind": "no", "since": "soon", "until": "99999-01-01", "more": "x"}) == Filter()
    assert filter_of({"kind": "reply", "text": "  a  "}) == Filter("reply", "a") and Filter("reply").kinds == ("reply",)
    assert filter_of({"text": "x" * 9999}).text == "x" * SOUGHT_MAX
    assert Filter("knowledge").kinds == kinds_of("knowledge") and Filter().kinds == ()


def test_how_many_there_are_in_words() -> None:
    told = lambda **more: counted(Sought(**{**base, **more}))
    base: dict[str, Any] = {"filter": Filter(), "events": (), "next": None, "low": 0, "high": 10_000, "total": 1, "whole": True}
    assert told() == "1 event" and told(total=1200) == "1,200 events" and told(total=0) == "0 events"
    assert told(total=None, filter=Filter(text="x")) == "Many events say this"
    assert told(whole=False, next=801) == "9,200 of 10,000 events searched"
