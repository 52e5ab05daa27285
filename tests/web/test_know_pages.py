"""Mind, Commitments and Memory in a browser: what they say is what the log says, what is changed there is changed, and can be undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from looking import Served, axe, serving, shoot, sideways, wait_for
from story import write

Open = Callable[..., Any]
PAGES = ("/mind", "/commitments", "/memory")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One with three months of a life in its mind, and a mind called bare without any."""
    folder = tmp_path_factory.mktemp("minds")
    write(folder / "default.db")
    with serving(folder, "bare") as server:
        yield server


def shown(page: Any) -> None:
    """Everything is loaded."""
    page.locator(".main h1").wait_for()
    page.wait_for_function("document.querySelectorAll('.main .part').length > 0 && !document.querySelector('.main .skeleton')")


def toast(page: Any, says: str) -> Any:
    found = page.locator(".toast", has_text=says)
    found.wait_for()
    return found


def undo(page: Any, says: str) -> None:
    toast(page, says).get_by_role("button", name="Undo").click()
    toast(page, "Undone.")


def commitments(served: Served, which: str = "open") -> dict[str, Any]:
    return {c["text"]: c for c in served.get(f"/api/commitments?which={which}")["items"]}


def card(page: Any, says: str) -> Any:
    found = page.locator(".board .owed", has_text=says)
    found.wait_for()
    return found


# -- commitments -------------------------------------------------------------------------------------------------------------------------


def test_each_commitment_stands_where_its_date_says(open_page: Open) -> None:
    page = open_page("/commitments")
    shown(page)
    column = lambda name: page.locator(f".column.{name} .owed .what").all_inner_texts()
    assert column("overdue") == ["Send Ana the photos from the harbour"]
    assert sorted(column("today")) == ["Remind you to book the ferry", "Water the plants"]
    assert column("later") == ["Read your grant draft, section 3", "File the quarterly report", "Find a good umbrella"]
    assert column("done")[0] == "Look up the sailing times" and len(column("done")) == 12
    plants = card(page, "Water the plants").inner_text()
    assert "Every Monday and Thursday" in plants and "Yours" in plants and "Home" in plants
    assert "Was due yesterday" in card(page, "the photos").inner_text()


def test_a_commitment_is_added_done_and_taken_back(open_page: Open, served: Served) -> None:
    page = open_page("/commitments")
    shown(page)
    page.keyboard.press("/")
    page.keyboard.type("Call <b>Ana</b>")
    page.keyboard.press("Enter")
    toast(page, "Added: Call <b>Ana</b>")
    assert "Call <b>Ana</b>" in commitments(served) and page.input_value("[data-search]") == ""
    card(page, "Call <b>Ana</b>").get_by_role("button", name="Done").click()
    toast(page, "Kept: Call")
    page.locator(".column.done", has_text="Call <b>Ana</b>").wait_for()
    assert commitments(served, "ended")["Call <b>Ana</b>"]["state"] == "kept"
    undo(page, "Kept: Call")
    wait_for(lambda: "Call <b>Ana</b>" in commitments(served))
    card(page, "Call <b>Ana</b>").get_by_role("button", name="Close with").click()
    page.get_by_label("How did it end?").select_option("cancelled")
    page.get_by_label("Evidence").fill("she called me")
    page.get_by_role("button", name="Close it").click()
    toast(page, "Cancelled: Call")
    ended = commitments(served, "ended")["Call <b>Ana</b>"]
    assert (ended["state"], ended["note"]) == ("cancelled", "she called me")


def test_undoing_what_was_done_of_a_repeat_takes_its_next_occurrence_along(open_page: Open, served: Served) -> None:
    page = open_page("/commitments")
    shown(page)
    first = commitments(served)["Water the plants"]["cid"]
    card(page, "Water the plants").get_by_role("button", name="Done").click()
    toast(page, "Kept: Water")
    assert commitments(served)["Water the plants"]["cid"] != first
    undo(page, "Kept: Water")
    still = [c["cid"] for c in served.get("/api/commitments")["items"] if c["text"] == "Water the plants"]
    assert still == [first]


def test_a_commitment_is_edited_in_place_and_snoozed(open_page: Open, served: Served) -> None:
    page = open_page("/commitments")
    shown(page)
    umbrella = card(page, "umbrella")
    umbrella.get_by_role("button", name="Edit").click()
    field = page.get_by_label("What", exact=True)
    wait_for(lambda: field.evaluate("(el) => el === document.activeElement"))
    field.fill("Find a red umbrella")
    page.locator(".owed form").get_by_label("At", exact=True).fill("10:00")
    served.say("Good morning.")  # something happens meanwhile: what is typed stays
    page.keyboard.press("Enter")
    toast(page, "A time needs a day.")
    assert field.input_value() == "Find a red umbrella"
    page.locator(".owed form").get_by_label("Due", exact=True).fill("2031-05-06")
    field.press("Enter")
    undone = toast(page, "Changed.").get_by_role("button", name="Undo")
    assert commitments(served)["Find a red umbrella"]["due"] == "2031-05-06T10:00"
    card(page, "Find a red umbrella").get_by_text("Due 6 May 2031, 10:00").wait_for()
    undone.click()
    wait_for(lambda: commitments(served).get("Find a good umbrella", {"due": ""})["due"] is None)
    card(page, "Find a good umbrella").get_by_role("button", name="Snooze").click()
    page.get_by_role("button", name="Snooze", exact=True).click()
    toast(page, "Put off: Find a good umbrella")
    assert commitments(served)["Find a good umbrella"]["state"] == "snoozed"
    card(page, "Find a good umbrella").get_by_text("Put off until tomorrow, 09:00").wait_for()
    undo(page, "Put off")
    wait_for(lambda: commitments(served)["Find a good umbrella"]["state"] == "open")


def test_escape_leaves_a_form_and_the_focus_goes_back(open_page: Open) -> None:
    page = open_page("/commitments")
    shown(page)
    card(page, "umbrella").get_by_role("button", name="Snooze").press("Enter")
    page.locator(".owed form").wait_for()
    page.keyboard.press("Escape")
    wait_for(lambda: page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''").startswith("Snooze"))
    assert page.locator(".owed form").count() == 0


def test_every_commitment_is_listed_by_number(open_page: Open, served: Served) -> None:
    page = open_page("/commitments")
    shown(page)
    page.get_by_text("Every commitment, by number").click()
    page.get_by_label("Which").select_option("ended")
    wanted = [c["text"] for c in served.get("/api/commitments?which=ended&limit=50")["items"]]
    wait_for(lambda: page.locator(".listed .what").all_inner_texts() == wanted)


# -- memory ------------------------------------------------------------------------------------------------------------------------------


def search(page: Any, query: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(query)
    page.keyboard.press("Enter")
    page.locator(".recalled .source, .empty").first.wait_for()


def test_what_is_recalled_is_what_the_mind_recalls_and_leads_to_why_in_three_clicks(open_page: Open, served: Served) -> None:
    page = open_page("/memory")
    shown(page)
    search(page, "when does Ana eat dinner")
    found = [m["excerpt"] for m in served.get("/api/recall?q=when does Ana eat dinner&k=3")["items"]]
    told = page.locator(".recalled .source > p:first-child").all_inner_texts()
    assert set(found) <= set(told)
    shares = page.locator(".recalled .source", has=page.get_by_text("You said")).first.locator(".shares span").last.inner_text()
    assert sum(int(part.rpartition(" ")[2].rstrip("%")) for part in shares.split(", ")) in range(97, 104)
    fact = page.locator(".recalled .source", has=page.get_by_text("Fact", exact=True)).first
    fact.locator("[data-event]").click()  # one: the event, with why it is there beside it
    side = page.locator(".side")
    side.get_by_role("heading", name="Why").wait_for()
    cause = side.locator("section[aria-label=Why] [data-event]").first
    id = cause.get_attribute("data-event")
    cause.click()  # two: what it came from
    side.get_by_role("heading", name=f"Event {int(id):,}").wait_for()
    assert served.get(f"/api/events/{id}")["kind"] == "user_message"


def test_a_corrected_fact_is_listed_as_it_was_and_until_when(open_page: Open, served: Served) -> None:
    page = open_page("/memory")
    shown(page)
    row = page.locator(".fact", has_text="lives in").first
    assert "Oslo" in row.inner_text() and "Before: Lyon" in row.inner_text()
    row.get_by_role("button", name="Correct: Oslo").press("Enter")
    page.locator(".correcting input[name=value]").fill("Bergen")
    page.keyboard.press("Enter")
    toast(page, "lives in Bergen")
    now = page.locator(".fact", has_text="Bergen")
    now.get_by_text("Before: Oslo").wait_for()
    assert page.locator(".before").all_inner_texts()[1].startswith("Before: Lyon")  # what it had taken the place of itself
    oslo = next(f for f in served.get("/api/facts?which=past")["items"] if f["value"] == "Oslo")
    assert oslo["until"] is not None and oslo["superseded_by"] is not None
    assert "–" in now.locator(".before", has_text="Oslo").inner_text()
    page.get_by_label("Which facts").select_option("past")
    page.locator(".fact.gone", has_text="Oslo").wait_for()
    undo(page, "lives in Bergen")
    page.get_by_label("Which facts").select_option("current")
    page.locator(".fact", has_text="lives in · Oslo").wait_for()


def test_a_fact_is_retracted_and_asserted_again(open_page: Open, served: Served) -> None:
    page = open_page("/memory")
    shown(page)
    values = lambda: [f["value"] for f in served.get("/api/facts")["items"]]
    page.get_by_role("button", name="Retract: to work on board").click()
    toast(page, "Retracted")
    assert "to work on board" not in values()
    undo(page, "Retracted")
    wait_for(lambda: "to work on board" in values())
    page.locator(".fact", has_text="Stale").wait_for()
    page.get_by_label("About whom or what").fill("me")
    page.get_by_label("About whom or what").press("Enter")
    wait_for(lambda: all("Scott" in said for said in page.locator(".fact .what").all_inner_texts()))


def test_the_graph_is_small_is_expanded_and_has_a_list(open_page: Open) -> None:
    page = open_page("/memory")
    shown(page)
    search(page, "Ana grant ferry Oslo")
    nodes = page.locator(".linked .node")
    nodes.first.wait_for()
    labels = nodes.evaluate_all("(all) => all.map((one) => one.lastElementChild.textContent)")
    assert 2 <= len(labels) <= 25 and all(0 < len(label) <= 24 for label in labels)
    assert page.locator(".lines path").count() <= 50
    page.locator(".node", has_text="Ana").first.press("Enter")
    page.get_by_text("Around Ana").wait_for()
    assert page.locator(".node[aria-pressed=true]").count() == 1 and nodes.count() <= 25
    page.get_by_text("The same as a list").press("Enter")
    page.locator(".fold .table tbody tr").first.wait_for()
    assert page.locator(".fold .table tbody tr").count() == page.locator(".lines path").count()
    page.get_by_role("button", name="Back to the search").click()
    page.get_by_text("things linked with").wait_for()


def test_nothing_found_says_so(open_page: Open) -> None:
    page = open_page("/memory")
    shown(page)
    search(page, "zyzzyva")
    page.get_by_text("Nothing that was said has to do with that.").wait_for()


# -- mind --------------------------------------------------------------------------------------------------------------------------------


def test_the_mind_is_as_the_log_has_it(open_page: Open, served: Served) -> None:
    page = open_page("/mind")
    shown(page)
    state, metrics = served.get("/api/state"), served.get("/api/metrics")
    assert page.locator(".self-name").inner_text() == "Echo"
    assert page.locator(".tone li").all_inner_texts() == state["tone"]
    assert page.locator(".trait-value").all_inner_texts() == [f"{state['traits'][letter]:.2f}" for letter in "OCEAN"]
    assert page.locator(".score .figure").all_inner_texts() == [f"{metrics['scores'][name]:.2f}" for name in ("ias", "gas")]
    assert page.locator(".stages [aria-current=true]").inner_text() == f"S{state['stage']['level']}"
    assert (
        page.locator(".trait .stepline")
        .evaluate_all("(all) => all.map((one) => one.getAttribute('aria-label'))")[2]
        .startswith("Extraversion")
    )
    page.get_by_text("Openness moved").click()
    moved = [move for move in metrics["moves"] if move["trait"] == "O"][::-1]
    rows = page.locator(".moves[open] tbody tr")
    rows.first.wait_for()
    assert rows.count() >= len(moved) > 1 and f"{moved[0]['delta']:+.2f} to {moved[0]['value']:.2f}" in rows.first.inner_text()
    rows.first.locator("[data-event]").first.click()
    page.get_by_role("heading", name=f"Event {moved[0]['event']:,}").wait_for()


def test_rules_and_permissions_are_changed_and_changed_back(open_page: Open, served: Served) -> None:
    page = open_page("/mind")
    shown(page)
    rules = lambda: [d["text"] for d in served.get("/api/directives")["items"]]
    page.get_by_role("button", name="Revoke: Never book").click()
    toast(page, "Revoked")
    assert not any(rule.startswith("Never book") for rule in rules())
    undo(page, "Revoked")
    wait_for(lambda: "Never book anything before 8:00." in rules())
    page.get_by_label("A rule it keeps to").fill("Use metric units.")
    page.keyboard.press("Enter")
    toast(page, "Set: Use metric units.")
    assert "Use metric units." in rules()
    page.get_by_role("switch", name="Let it: Reflect").press("Enter")
    toast(page, "Reflect: switched off")
    assert "reflect" not in served.get("/api/state")["stage"]["permits"]
    undo(page, "Reflect: switched off")
    wait_for(lambda: "reflect" in served.get("/api/state")["stage"]["permits"])
    page.get_by_label("Memories a turn").select_option("12")
    toast(page, "Memories a turn: 12")
    assert served.get("/api/state")["policy"]["recall_k"] == 12


# -- all of them -------------------------------------------------------------------------------------------------------------------------


def test_the_past_is_as_it_was_and_nothing_can_be_changed_in_it(open_page: Open, served: Served) -> None:
    at = 100
    then = served.get(f"/api/state?at={at}")
    page = open_page(f"/mind?at={at}")
    shown(page)
    assert page.locator(".trait-value").all_inner_texts() == [f"{then['traits'][letter]:.2f}" for letter in "OCEAN"]
    assert page.get_by_role("switch").count() == page.get_by_role("button", name="Revoke").count() == 0
    page.goto(f"{served.url}/memory?at={at}")
    shown(page)
    facts = served.get(f"/api/facts?at={at}")["items"]
    wait_for(lambda: page.locator(".fact strong").all_inner_texts() == [fact["value"] for fact in facts])
    assert any(fact["value"] == "Lyon" for fact in facts) and page.get_by_role("button", name="Correct").count() == 0
    page.goto(f"{served.url}/commitments?at={at}")
    shown(page)
    open = served.get(f"/api/commitments?at={at}&limit=50")["items"]
    shown_open = page.locator(".column:not(.done) .owed .what").all_inner_texts()
    assert sorted(shown_open) == sorted(one["text"] for one in open)
    assert page.locator(".owed .acts").count() == 0 and not page.locator(".adding").is_visible()


def test_a_bare_mind_says_what_will_be_there(open_page: Open, served: Served) -> None:
    page = open_page("/minds/bare/mind")
    shown(page)
    page.get_by_text("No name yet").wait_for()
    page.get_by_text("What it observes about itself appears here").wait_for()
    page.goto(f"{served.url}/minds/bare/commitments")
    page.get_by_text("Promises appear here").wait_for()
    page.goto(f"{served.url}/minds/bare/memory")
    page.get_by_text("What you tell about yourself").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
@pytest.mark.parametrize("path", PAGES)
def test_pages_fit_and_axe_finds_nothing(open_page: Open, path: str, width: int, theme: str) -> None:
    page = open_page(path, theme=theme, width=width, height=844 if width < 768 else 800)
    shown(page)
    if path == "/memory":
        page.fill("[data-search]", "Ana Oslo ferry")
        page.press("[data-search]", "Enter")
        page.locator(".linked").wait_for()
    shoot(page, f"{path[1:]}-{width}-{theme}")
    assert sideways(page) == []
    if width != 320:
        assert axe(page) == []
    assert page.errors == []


def test_the_story_is_written_into_a_new_file(tmp_path: Path) -> None:
    write(tmp_path / "one.db")
    from pmm import Mind

    with Mind.open(tmp_path / "one.db", model="offline") as mind:
        assert mind.view().identity.name == "Echo" and len(mind.facts(current=False)) == 1
