"""Chat, in a browser: what a person does there, and what the page promises."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from looking import Served, axe, serving, shoot, sideways, wait_for

Open = Callable[..., Any]


def loaded(page: Any) -> None:
    page.wait_for_selector(".talk > .part > .skeleton", state="detached")


def say(page: Any, text: str) -> None:
    loaded(page)
    before = page.locator(".turn").count()
    page.fill("[data-write]", text)
    page.press("[data-write]", "Enter")
    page.wait_for_function(f"document.querySelectorAll('.turn').length === {before + 1}")


def last(page: Any) -> Any:
    return page.locator(".turn").last


def settled(page: Any) -> None:
    """Nothing is spoken any more, and the last turn is drawn from the log."""
    page.wait_for_selector(".growing", state="detached")
    page.wait_for_selector(".turn:last-child .when")


def test_a_reply_comes_piece_by_piece_and_then_as_markdown(open_page: Open, served: Served) -> None:
    page = open_page()
    say(page, "words 40 pause 0.05")
    page.wait_for_selector(".growing:has-text('w3')")
    assert page.locator("button[aria-label=Stop]").is_visible()
    assert "w39" not in page.locator(".growing").inner_text()
    settled(page)
    assert last(page).locator(".prose").inner_text().split() == [f"w{n}" for n in range(40)]
    say(page, "Which way should I travel, once more?")
    page.wait_for_selector(".turn:last-child .prose li:has-text('quiet deck')")
    assert page.locator(".prose strong").last.inner_text() == "9:00 ferry"
    assert page.errors == []


def test_the_first_piece_comes_at_once_and_then_few_messages(open_page: Open, served: Served) -> None:
    page = open_page()
    page.evaluate("""() => {
        window.pieces = [];
        new MutationObserver(() => {
            const text = document.querySelector('.growing')?.textContent ?? '';
            if (text && text !== window.pieces.at(-1)?.[1]) window.pieces.push([performance.now(), text]);
        }).observe(document.body, {subtree: true, childList: true, characterData: true});
    }""")
    say(page, "words 200 pause 0.01")
    settled(page)
    pieces = page.evaluate("window.pieces")
    seconds = (pieces[-1][0] - pieces[0][0]) / 1000
    assert pieces[0][1].split()[0] == "w0"
    assert 5 < len(pieces) <= 25 * seconds + 2, (len(pieces), seconds)


def test_stop_keeps_what_was_said(open_page: Open, served: Served) -> None:
    page = open_page()
    say(page, "words 2000 pause 0.05")
    page.wait_for_selector(".growing:has-text('w5')")
    page.keyboard.press("Escape")
    settled(page)
    assert last(page).get_by_text("Stopped. What was said is kept.").is_visible()
    (reply,) = served.events("reply", limit=1)
    assert reply["finish"] == "interrupted"
    assert last(page).locator(".prose").inner_text().split() == reply["content"].split()
    assert len(reply["content"].split()) >= 5


def test_memory_used_is_what_the_receipt_says_and_leads_to_why_in_three_clicks(open_page: Open, served: Served) -> None:
    page = open_page()
    receipt = next(e for e in served.events("context_built") if len(e["sources"]) > 1)
    reply = next(e for e in served.events("reply") if e["to"] == receipt["to"])
    turn = page.locator(".turn").filter(has=page.locator(f"[data-event='{reply['id']}']"))
    assert turn.locator("[data-memory]").inner_text().replace("\n", " ").count(f"Memory used · {len(receipt['sources'])}") == 1
    turn.locator("[data-memory]").click()
    turn.locator(".source").first.wait_for()
    shown = [int(one.get_attribute("data-event") or 0) for one in turn.locator(".source [data-event]").all()]
    assert shown == [source["id"] for source in receipt["sources"]]
    for source in turn.locator(".source").all():
        shares = [int(share) for share in re.findall(r"(\d+)%", source.locator(".shares").inner_text())]
        assert 97 <= sum(shares) <= 103, shares
    turn.locator(".source [data-event]").first.click()
    page.wait_for_selector(f"#inspector-title:has-text('Event {shown[0]:,}')")
    page.wait_for_selector(".inspector section[aria-label='Why']")
    assert page.evaluate("document.activeElement.id") == "inspector-title"
    page.keyboard.press("Escape")
    page.wait_for_selector("#inspector-title", state="detached")


def test_everything_the_model_was_shown_is_to_the_byte_what_was_sent(open_page: Open, served: Served) -> None:
    page = open_page()
    last_one = page.locator(".turn:has([data-memory])").last
    last_one.locator("[data-memory]").click()
    last_one.get_by_text("Everything the model was shown").click()
    last_one.get_by_text("This is, to the byte, what the model was sent").wait_for()
    assert "You are a mind that lasts" in last_one.locator("pre").first.text_content()


def test_a_new_commitment_can_be_undone_and_edited_where_it_is_seen(open_page: Open, served: Served) -> None:
    page = open_page()
    say(page, "Remind me to water the plants on Thursday at 9:00.")
    settled(page)
    found = last(page).locator(".finding")
    found.get_by_role("button", name="Edit").click()
    found.locator("input:focus").wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.type("water the cactus")
    page.keyboard.press("Enter")
    last(page).locator(".finding .what:has-text('water the cactus')").wait_for()
    assert any(one["text"] == "water the cactus" for one in served.get("/api/commitments")["items"])
    found.get_by_role("button", name="Undo").click()
    last(page).locator(".finding.gone").wait_for()
    assert all(one["text"] != "water the cactus" for one in served.get("/api/commitments")["items"])
    page.locator(".toast").get_by_role("button", name="Undo").click()
    last(page).locator(".finding:not(.gone)").wait_for()
    assert any(one["text"] == "water the cactus" for one in served.get("/api/commitments")["items"])


def test_reloading_in_mid_reply_loses_and_doubles_nothing(open_page: Open, served: Served) -> None:
    page = open_page()
    loaded(page)
    before = page.locator(".turn").count()
    say(page, "words 120 pause 0.05")
    page.wait_for_selector(".growing:has-text('w10')")
    page.reload()
    page.wait_for_selector(".growing:has-text('w12')")
    settled(page)
    assert last(page).locator(".prose").inner_text().split() == [f"w{n}" for n in range(120)]
    assert page.locator(".bubble", has_text="words 120 pause 0.05").count() == 1
    assert page.locator(".turn").count() == before + 1
    assert page.evaluate("document.querySelector('.main').scrollHeight - document.querySelector('.main').scrollTop - innerHeight") < 0


def test_two_tabs_show_the_same(open_page: Open, served: Served) -> None:
    first = open_page()
    second = open_page(same=first.context)
    say(first, "words 30 pause 0.1")
    second.wait_for_selector(".growing:has-text('w2')")
    settled(second)
    said = [f"w{n}" for n in range(30)]
    assert last(second).locator(".prose").inner_text().split() == said
    settled(first)
    assert last(first).locator(".prose").inner_text().split() == said


def test_a_page_that_was_offline_goes_on_and_keeps_the_draft(open_page: Open, served: Served) -> None:
    page = open_page()
    say(page, "words 100 pause 0.1")
    page.wait_for_selector(".growing:has-text('w2')")
    page.context.set_offline(True)
    page.wait_for_selector(".bar-line.offline", state="visible")
    page.fill("[data-write]", "a draft")
    page.press("[data-write]", "Enter")
    assert page.input_value("[data-write]") == "a draft"
    time.sleep(10)
    page.context.set_offline(False)
    page.wait_for_selector(".bar-line.offline", state="hidden")
    settled(page)
    assert page.locator(".turn:last-child .prose").inner_text().split() == [f"w{n}" for n in range(100)]
    assert page.input_value("[data-write]") == "a draft"
    page.reload()
    page.wait_for_function("document.querySelector('[data-write]')?.value === 'a draft'")
    page.fill("[data-write]", "")


def test_a_model_that_is_down_is_told_with_the_reason_and_a_retry(open_page: Open, served: Served) -> None:
    page = open_page()
    say(page, "break after 4")
    trouble = page.locator(".turn:last-child .trouble")
    trouble.wait_for()
    assert last(page).locator(".prose").inner_text().split() == ["w0", "w1", "w2", "w3"]
    assert "The model can't be reached." in trouble.inner_text()
    assert "Start it again, or choose another model." in trouble.inner_text()
    shoot(page, "chat-failed")
    page.reload()
    page.locator(".turn:last-child .trouble", has_text="Start it again, or choose another model.").wait_for()
    page.locator(".turn:last-child").get_by_role("button", name="Switch model").click()
    page.locator("#models").get_by_role("button", name="offline").wait_for()


def test_a_new_try_takes_the_place_of_what_failed(open_page: Open, served: Served) -> None:
    page = open_page()
    other = open_page(same=page.context)
    loaded(other)
    say(page, "I live in Bergen. break after 3")
    settled(page)
    for tries in (1, 2):
        failed = served.events("turn_failed", limit=1)[0]
        trouble = page.locator(f".turn:has(.when [data-event='{failed['id']}']) .trouble")
        trouble.get_by_role("button", name="Try again").click()
        wait_for(lambda: served.events("turn_failed", limit=1)[0]["id"] > failed["id"])  # noqa: B023
        again = served.events("turn_failed", limit=1)[0]["id"]
        for shown in (page, other):
            shown.locator(f".turn:last-child .when [data-event='{again}']").wait_for()
            wait_for(lambda: shown.locator(".bubble", has_text="I live in Bergen").count() == 1)  # noqa: B023
            assert shown.locator(".turn:last-child .finding", has_text="Bergen").is_visible(), "what was read in the first try"
        assert served.events("turn_superseded", limit=1)[0]["turn"] == failed["to"]
        assert len(served.events("turn_superseded")) == tries
    page.goto(f"{served.url}/ledger")
    page.locator(f".event [data-event='{failed['id']}']").wait_for()


def test_who_is_not_the_first_waits_and_is_told_so(open_page: Open, served: Served) -> None:
    page = open_page()
    other = threading.Thread(target=served.say, args=("words 100 pause 0.1",), kwargs={"session": "elsewhere"})
    other.start()
    wait_for(lambda: served.events("user_message", limit=1)[0]["session"] == "elsewhere")
    say(page, "words 3 pause 0.01")
    page.wait_for_selector("text=Another chat is speaking; you are next.")
    shoot(page, "chat-busy")
    settled(page)
    assert last(page).locator(".prose").inner_text().split() == ["w0", "w1", "w2"]
    other.join()


def test_a_private_turn_is_answered_and_kept_nowhere(open_page: Open, served: Served) -> None:
    page = open_page()
    page.get_by_role("button", name="Recorded").click()
    page.get_by_role("button", name="Private").wait_for()
    head = served.get("/api/state")["head"]
    say(page, "words 6 pause 0.0123")
    page.get_by_text("Private: kept nowhere, and gone when this page is.").wait_for()
    assert "0.0123" not in str(served.events())
    assert all(e["kind"] != "user_message" for e in served.events() if e["id"] > head)
    page.reload()
    page.wait_for_selector(".turn")
    assert page.get_by_text("words 6 pause 0.0123").count() == 0


def test_what_a_model_writes_asks_nothing_of_another_host(open_page: Open, served: Served) -> None:
    page = open_page()
    say(page, "Please show me a picture")
    page.wait_for_selector(".turn:last-child .prose:has-text('[picture: a cat]')")
    assert page.locator(".prose img").count() == 0
    assert page.locator(".prose a[href='http://links.example/']").count() >= 1
    blocked = page.evaluate("""() => new Promise((done) => {
        const picture = new Image();
        picture.onload = () => done(false);
        picture.onerror = () => done(true);
        picture.src = 'http://pictures.example/cat.png';
    })""")
    assert blocked
    page.outside = [url for url in page.outside if "pictures.example" not in url]  # asked for by this test, and refused by the policy


def test_the_past_is_read_only_and_equals_what_the_server_says_of_it(open_page: Open, served: Served) -> None:
    at = served.events("name_adopted", limit=1)[0]["id"] - 1
    page = open_page(f"/?at={at}")
    page.wait_for_selector(f"text=This is the mind after event {at:,}.")
    page.wait_for_selector(".turn")
    assert not page.locator("[data-write]").is_visible()
    assert page.get_by_role("button", name="Undo").count() == page.get_by_role("button", name="Edit").count() == 0
    then = served.get(f"/api/state?at={at}")
    assert (then["name"] or "A mind without a name yet") == page.locator(".name").inner_text()
    said = [e["content"] for e in served.events("user_message", limit=200)[::-1] if e["id"] <= at and e["session"] == "main"]
    assert page.locator(".bubble").all_inner_texts() == said[-30:]
    shoot(page, "chat-past")
    page.keyboard.press("[")
    page.wait_for_url(re.compile(rf"at={at - 1}$"))
    page.keyboard.press("n")
    page.wait_for_selector("[data-write]", state="visible")
    page.wait_for_url(f"{served.url}/")


def test_scrolling_follows_only_from_the_end(open_page: Open, served: Served) -> None:
    page = open_page()
    say(page, "words 150 pause 0.04")
    page.wait_for_selector(".growing:has-text('w5')")
    page.evaluate("document.querySelector('.main').scrollTop = 0")
    page.wait_for_selector("[data-below]", state="visible")
    assert page.evaluate("document.querySelector('.main').scrollTop") == 0
    page.locator("[data-below]").click()
    page.wait_for_selector("[data-below]", state="hidden")
    settled(page)
    page.wait_for_function("(main => main.scrollHeight - main.scrollTop - main.clientHeight < 2)(document.querySelector('.main'))")


def test_a_message_that_is_too_long_is_given_back(open_page: Open, served: Served) -> None:
    page = open_page()
    loaded(page)
    head = served.get("/api/state")["head"]
    page.fill("[data-write]", "long " * 30_000)
    page.press("[data-write]", "Enter")
    page.wait_for_selector(".toast:has-text('at most 100,000 characters')")
    page.wait_for_function("document.querySelector('[data-write]').value.length === 150000")
    assert all(e["kind"] != "user_message" for e in served.events() if e["id"] > head)
    page.fill("[data-write]", "")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_clean_to_axe_and_as_wide_as_its_window(open_page: Open, served: Served, theme: str, width: int) -> None:
    page = open_page(theme=theme, width=width, height=844 if width < 768 else 800)
    page.wait_for_selector(".turn")
    memory = page.locator(".turn:has(.prose li) [data-memory]").last
    memory.click()
    page.wait_for_selector(".always")
    shoot(page, f"chat-{width}-{theme}")
    assert axe(page) == []
    assert sideways(page) == []


@pytest.mark.parametrize("width", [320, 640])  # 640: 1280 at 200%
def test_narrow_windows_have_no_sideways_scroll(open_page: Open, served: Served, width: int) -> None:
    page = open_page(width=width, height=700)
    page.wait_for_selector(".turn")
    assert sideways(page) == []
    composer, tabs = page.locator(".composer").bounding_box(), page.locator(".tabs").bounding_box()
    assert composer["y"] + composer["height"] <= tabs["y"] + 1
    shoot(page, f"chat-{width}")


def test_the_keyboard_alone_suffices(open_page: Open, served: Served) -> None:
    page = open_page()
    page.wait_for_selector(".turn")
    assert page.evaluate("document.activeElement.matches('[data-write]')")
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.matches('.turn')")
    page.keyboard.press("m")
    page.wait_for_selector(".turn:focus .used .always")
    page.keyboard.press("w")
    page.wait_for_selector("#inspector-title")
    page.keyboard.press("Escape")
    page.wait_for_selector("#inspector-title", state="detached")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.matches('[data-write]')")
    page.keyboard.type("5 j [")
    assert page.input_value("[data-write]") == "5 j ["
    page.fill("[data-write]", "")


def pickable(page: Any) -> list[str]:
    """The conversations that are offered."""
    page.get_by_label("Choose a conversation").wait_for()
    return list(page.get_by_label("Choose a conversation").locator("option").all_inner_texts())


def test_a_new_conversation_is_begun_by_a_key_and_listed_once_it_is_spoken_in(open_page: Open, served: Served) -> None:
    page = open_page()
    loaded(page)
    head = served.get("/api/state")["head"]
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.get_by_label("This conversation's name").wait_for()
    day = served.events(limit=1)[0]["ts"][:8]
    page.wait_for_url(re.compile(rf"session={day}\d\d(-\d+)?$"))
    name = page.get_by_label("This conversation's name").input_value()
    page.wait_for_function("document.activeElement.matches('[data-write]')")
    shoot(page, "chat-new")
    assert axe(page) == []
    assert f"{name} · new" in pickable(page)
    assert all(e["kind"] != "user_message" for e in served.events() if e["id"] > head), "nothing of it is in the log"
    say(page, "Where do herons sleep?")
    settled(page)
    assert served.events("user_message", limit=1)[0]["session"] == name
    page.locator("option", has_text=f"{name} · Where do herons sleep?").wait_for(state="attached")
    page.get_by_role("button", name="New conversation").click()
    page.wait_for_url(re.compile(rf"session={day}\d\d-\d+$"))
    page.get_by_text("Say something, and it is kept here.").wait_for()
    assert page.get_by_label("This conversation's name").input_value() != name
    page.get_by_label("Choose a conversation").select_option("main")
    page.wait_for_url(f"{served.url}/")
    page.get_by_text("I live in Oslo.").wait_for()
    assert not any("new" in one for one in pickable(page)), "what was never spoken in is nowhere"
    page.go_back()
    page.get_by_label("This conversation's name").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert "new conversation" in page.locator("#help").inner_text()


def test_a_new_conversation_is_given_a_name_and_stays_while_one_looks_elsewhere(open_page: Open, served: Served) -> None:
    page = open_page()
    page.get_by_role("button", name="New conversation").click()
    field = page.get_by_label("This conversation's name")
    field.wait_for()
    page.fill("[data-write]", "Which bird is that?")
    field.fill(" Birds & <b>bees</b> ")
    field.press("Enter")
    page.wait_for_function("document.querySelector('[data-write]')?.dataset.write.endsWith('bees</b>')")
    page.wait_for_function("document.querySelector('[data-write]').value === 'Which bird is that?'")
    page.press("[data-write]", "Enter")
    settled(page)
    assert served.events("user_message", limit=1)[0]["session"] == "Birds & <b>bees</b>"
    page.fill("[data-write]", "a draft for the bees")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.wait_for_selector(".main h1:has-text('Mind')")
    page.keyboard.press("1")
    page.locator(".bubble", has_text="Which bird is that?").wait_for()
    page.wait_for_function("document.querySelector('[data-write]').value === 'a draft for the bees'")
    page.get_by_label("Choose a conversation").select_option("main")
    page.get_by_text("I live in Oslo.").wait_for()
    page.wait_for_function("document.querySelector('[data-write]').value === ''")


def test_an_empty_mind_says_what_will_appear(open_page: Open, tmp_path: Any) -> None:
    with serving(tmp_path / "minds", "echo") as server:
        page = open_page(server=server)
        page.wait_for_selector("text=Say something, and it is kept here.")
        shoot(page, "chat-empty")
        assert axe(page) == []
        page.select_option("select[aria-label=Mind]", "echo")
        page.wait_for_url(f"{server.url}/minds/echo")
        say(page, "My name is Ana.")
        page.wait_for_selector(".turn .when")
        assert server.get("/api/minds/echo/state")["user_name"] == "Ana"
        assert server.get("/api/state")["user_name"] is None
