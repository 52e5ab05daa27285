"""What pages are made of, without a browser: parts that load, fail, refresh and follow; the moment; who is told what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction
from nicegui.testing.user_simulation import user_simulation

from pmm import Mind
from pmm.api.minds import Hosted
from pmm.errors import InvalidInput
from pmm.testing import ScriptedModel
from pmm.web import conversations, inspector, transcript
from pmm.web.live import Live
from pmm.web.parts import Paged, Part, table, text
from pmm.web.said import to_html
from pmm.web.tab import Tab

Build = Callable[[Tab], object]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@asynccontextmanager
async def looking(mind: Mind, build: Build) -> AsyncIterator[tuple[User, Tab, Live]]:
    """A page of that mind, built by `build`, and somebody who looks at it."""
    hosted = Hosted("default", Path("default.db"), mind)
    live = Live(hosted)
    tabs: list[Tab] = []

    def root() -> None:
        tabs.append(Tab(hosted, live))
        tabs[0].toast = lambda says, undo, bad: text("p", says)  # type: ignore[assignment, return-value]
        build(tabs[0])

    async with user_simulation(root=root) as user:
        await user.open("/")
        yield user, tabs[0], live
        if not tabs[0].client.is_deleted:
            tabs[0].client.delete()


def press(user: User, label: str) -> None:
    """Click the button that holds this text: what is clicked in a browser bubbles up to it."""
    (inner,) = user.find(content=label).elements
    assert inner.parent_slot is not None
    UserInteraction(user, {inner.parent_slot.parent}, None).click()


def run(mind: Mind, build: Build, look: Callable[[User, Tab, Live], Awaitable[None]]) -> None:
    async def inside() -> None:
        async with looking(mind, build) as (user, tab, live):
            await look(user, tab, live)

    asyncio.run(inside())


@pytest.fixture
def mind(tmp_path: Path) -> Any:
    with Mind.open(tmp_path / "a.db", model=ScriptedModel(), settings={"zone": "UTC"}) as opened:
        yield opened


async def until(condition: Callable[[], object]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come")


def test_a_part_shows_what_it_loads_and_again_when_something_happened(mind: Mind) -> None:
    loads: list[int] = []

    def load() -> int:
        loads.append(1)
        return len(mind.view().directives.active)

    async def look(user: User, tab: Tab, live: Live) -> None:
        await user.should_see("0 rules", retries=100)
        mind.set_directive("Answer briefly.")
        await user.should_see("1 rules", retries=100)

    run(mind, lambda tab: Part(tab, load, lambda n: text("p", f"{n} rules"), kinds=("directive_set",)), look)


def test_a_part_heeds_only_its_kinds(mind: Mind) -> None:
    loads: list[int] = []

    async def look(user: User, tab: Tab, live: Live) -> None:
        await user.should_see("loaded", retries=100)
        mind.assert_fact("user", "lives in", "Oslo")
        mind.set_directive("Answer briefly.")
        await until(lambda: len(loads) == 2)
        await asyncio.sleep(0.5)
        assert len(loads) == 2

    run(mind, lambda tab: Part(tab, lambda: loads.append(1), lambda _: text("p", "loaded"), kinds=("directive_set",)), look)


def test_a_part_that_fails_says_why_and_can_be_tried_again(mind: Mind) -> None:
    broken = [True]

    def load() -> str:
        if broken:
            raise InvalidInput("the wheel came off.", hint="Put it on again.")
        return "It rolls."

    async def look(user: User, tab: Tab, live: Live) -> None:
        await user.should_see("The wheel came off. Put it on again.", retries=100)
        broken.clear()
        press(user, "Retry")
        await user.should_see("It rolls.", retries=100)

    run(mind, lambda tab: Part(tab, load, lambda said: text("p", said)), look)


def test_a_list_goes_by_pages_back_and_forth(mind: Mind) -> None:
    rows = list(range(120, 0, -1))

    def load(before: int | None) -> tuple[list[int], int | None]:
        found = [row for row in rows if before is None or row < before]
        return found[:50], found[49] if len(found) > 50 else None

    async def look(user: User, tab: Tab, live: Live) -> None:
        await user.should_see("row 120", retries=100)
        await user.should_not_see("row 70")
        press(user, "Older")
        await user.should_see("row 70", retries=100)
        press(user, "Older")
        await user.should_see("row 1", retries=100)
        press(user, "Newer")
        await user.should_see("row 70", retries=100)
        await user.should_not_see("row 120")

    run(mind, lambda tab: Paged(tab, load, lambda page: table("Rows", ["Row"], [[f"row {n}"] for n in page])), look)


def test_nothing_is_changed_in_the_past_and_errors_are_told(mind: Mind) -> None:
    async def look(user: User, tab: Tab, live: Live) -> None:
        with user:
            tab.move_to(1)
            assert not await tab.act(lambda: mind.set_directive("Answer briefly."))
            await user.should_see("This is the past: it can be looked at, not changed.")
            tab.move_to(None)
            assert not await tab.act(lambda: mind.revoke_directive(99))
            assert await tab.act(lambda: mind.set_directive("Answer briefly."), "Set.")
            await user.should_see("Set.")
        assert [rule.text for rule in mind.view().directives.active] == ["Answer briefly."]

    run(mind, lambda tab: ui.element("div"), look)


def test_one_subscription_serves_all_pages_and_none_is_left(mind: Mind) -> None:
    async def look(user: User, tab: Tab, live: Live) -> None:
        await live.ready()
        stops = [live.listen(lambda kinds: None) for _ in range(5)]
        await until(lambda: tab.hosted.feed.listeners == 1)
        for stop in stops:
            stop()
        assert tab.hosted.feed.listeners == 1
        tab.client.delete()
        await until(lambda: tab.hosted.feed.listeners == 0)

    run(mind, lambda tab: ui.element("div"), look)


def test_the_inspector_finds_what_was_so_before(mind: Mind) -> None:
    old = mind.assert_fact("user", "lives in", "Lyon")
    new = mind.assert_fact("user", "lives in", "Oslo")

    async def look(user: User, tab: Tab, live: Live) -> None:
        shown = inspector.load(tab, new)
        assert shown.before is not None and shown.before.id == old
        assert len(shown.hash) == len(shown.seal) == 64
        assert inspector.load(tab, new + 1).prev_hash == shown.hash
        assert f'"id": {new}' in shown.raw
        with pytest.raises(Exception, match="no event 999"):
            inspector.load(tab, 999)

    run(mind, lambda tab: ui.element("div"), look)


def test_a_transcript_holds_at_most_thirty_turns_and_goes_back(mind: Mind) -> None:
    for n in range(70):
        mind.handle_user(f"message {n}", session="main" if n % 2 else "other")
    newest = transcript.load(mind, "main")
    assert [turn.user.content for turn in newest.turns if turn.user] == [f"message {n}" for n in range(11, 71, 2)]
    assert newest.earlier and not newest.later
    older = transcript.load(mind, "main", before=newest.turns[0].first.id)
    assert [turn.user.content for turn in older.turns if turn.user] == [f"message {n}" for n in range(1, 11, 2)]
    assert not older.earlier and older.later
    assert [one.begins for one in conversations.load(mind, None)] == ["message 1", "message 0"]


def test_a_prompt_is_put_together_again_to_the_byte(mind: Mind) -> None:
    for n in range(5):
        mind.handle_user(f"I like the number {n}, and my dog Rex.")
    for receipt in mind.log.by_kind("context_built"):
        assert transcript.prompt(mind, receipt.id).exact


def test_what_a_turn_found_says_whether_it_still_holds(mind: Mind) -> None:
    mind.handle_user("I live in Lyon. Remind me to call Ana on Friday.")
    (turn,) = transcript.load(mind, "main").turns
    assert {finding.event.kind for finding in turn.found} == {"fact_asserted", "commitment_opened"}
    assert all(finding.holds for finding in turn.found)
    mind.assert_fact("user", "lives in", "Oslo")
    (turn,) = transcript.load(mind, "main").turns
    fact = next(finding for finding in turn.found if finding.event.kind == "fact_asserted")
    assert (fact.holds, fact.now) == (False, "Oslo")


@pytest.mark.parametrize(
    ("said", "never"),
    [
        ("![cat](http://a.example/c.png)", "<img"),
        ("![cat][1]\n\n[1]: http://a.example/c.png", "<img"),
        ("<img src=http://a.example/c.png>", "<img"),
        ("<script>alert(1)</script>", "<script"),
        ("[x](javascript:alert(1))", "javascript:"),
        ('<a href="http://a" onclick="x()">y</a>', "<a href"),
        ("<svg><image href=http://a.example/c.png></svg>", "<svg"),
        ('![a](http://a.example/"onerror="x)', "<img"),
        ("![" * 2000, "<img"),
    ],
)
def test_what_a_model_writes_becomes_neither_picture_nor_script(said: str, never: str) -> None:
    assert never not in to_html(said)
