"""Facts on the page: what holds, since when, who says so, what was so before; and putting one right where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from pmm.web.forms import Said, field, form, picked, sends
from pmm.web.parts import Paged, button, day, empty, event_link, icon, tag, text

if TYPE_CHECKING:
    from pmm.web.tab import Refresh, Tab

PAGE = 50
BEFORE_MAX = 5
KINDS = ("fact_asserted", "fact_retracted", "name_adopted", "timezone_changed")
WHICH = (("current", "What holds"), ("past", "What held before"), ("all", "Both"))
USER = "user"
UNDONE = "undone"


class Known(msgspec.Struct, frozen=True):
    """A fact as it is shown. about: its subject, as it is called. before: what it took the place of, the latest first. It compares."""

    fact: Any
    about: str
    before: tuple[Any, ...] = ()


class Facts:
    """The list of them, a page at a time. What is being typed stays: meanwhile nothing is drawn anew."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._which = "current"
        self._subject = ""
        self._typing: set[int] = set()
        self._held: tuple[object, tuple[Sequence[Known], int | None]] | None = None
        with tag("div", "filters"):
            picked("Which facts", WHICH, self._which, self._pick)
            about = tag("input", "field", type="search", aria_label="About whom or what", placeholder="About …", maxlength="100")
            about.on("change", lambda event: self._about(str(event.args)), js_handler="(event) => emit(event.target.value)")
        self._list = Paged(tab, self._page, self._rows, kinds=KINDS, nothing=self._nothing)

    async def _pick(self, which: str) -> None:
        self._which = which
        await self._list.first()

    async def _about(self, subject: str) -> None:
        self._subject = subject.strip()[:200]
        await self._list.first()

    def _page(self, before: int | None) -> tuple[Sequence[Known], int | None]:
        asked = (before, self._which, self._subject, self._tab.at)
        if self._typing and self._held is not None and self._held[0] == asked:
            return self._held[1]
        self._typing.clear()
        found = load(self._tab, self._which, self._subject, before)
        self._held = (asked, found)
        return found

    def _nothing(self) -> None:
        if self._subject or self._which == "past":
            empty("No such fact is known.", symbol="lightbulb")
        else:
            empty(
                "What you tell about yourself and your world appears here: say “I live in Oslo” or “Ana is my sister”.", symbol="lightbulb"
            )

    def _rows(self, rows: Sequence[Known]) -> None:
        with tag("ul", "plain facts"):
            for known in rows:
                Row(self._tab, known, self._typing, self._list.again)


def load(tab: Tab, which: str, subject: str, before: int | None) -> tuple[Sequence[Known], int | None]:
    """A page of facts as of the tab's moment, the newest first. subject: only those about it, as it is called on the page. Blocks."""
    view = tab.mind.view(tab.at)
    user = view.identity.user_name
    about = USER if subject and subject.casefold() in {"i", "me", "you", "user", "the user", (user or "").casefold()} else subject
    current = {"current": True, "past": False}.get(which)
    found = tab.mind.facts(about or None, at=tab.at, current=current, limit=PAGE + 1, before=before)
    replaced = {fact.superseded_by: fact for fact in view.facts.past if fact.superseded_by is not None}
    rows = []
    for fact in found[:PAGE]:
        older: list[Any] = []
        last = replaced.get(fact.id) if which == "current" else None
        while last is not None and len(older) < BEFORE_MAX:
            older.append(last)
            last = replaced.get(last.id)
        rows.append(Known(fact, (user or "The user") if fact.subject == USER else fact.subject, tuple(older)))
    return rows, found[PAGE - 1].id if len(found) > PAGE else None


class Row:
    """One fact. typing: the ids of those with an open form; refresh: draws everything anew."""

    def __init__(self, tab: Tab, known: Known, typing: set[int], refresh: Refresh) -> None:
        self._tab, self._known, self._typing, self._refresh = tab, known, typing, refresh
        self._fact = known.fact
        ended = self._fact.ended is not None
        with tag("li", "fact gone" if ended else "fact", tabindex="-1", data_row="") as self._box:
            self._draw()

    def _draw(self, back_to: str = "") -> None:
        fact = self._fact
        with tag("div", "fact-text"):
            with tag("p", "what"):
                text("span", f"{self._known.about} · {fact.relation} · ")
                text("strong", fact.value)
            with tag("p", "marks"):
                self._span(fact)
                self._source(fact)
                if fact.stale:
                    with tag("span", "mark warn-text", title="Something that it was derived from holds no longer."):
                        icon("running_with_errors")
                        text("span", "Stale: it rests on what ended")
                if fact.used:
                    text("span", f"Used in {fact.used:,} turn{'s' if fact.used > 1 else ''}")
            for older in self._known.before:
                with tag("p", "marks before"):
                    text("span", f"Before: {older.value}")
                    self._span(older)
                    event_link(older.id)
        if self._tab.at is None and fact.ended is None:
            with tag("div", "acts"):
                correct = lambda: self._form()
                button("Correct", correct, kind="quiet", aria_label=f"Correct: {fact.value}", data_focus="" if back_to else None)
                button("Retract", self._retract, kind="quiet", aria_label=f"Retract: {fact.value}")

    def _span(self, fact: Any) -> None:
        """From when until when."""
        since = self._since(fact)
        if fact.ended is None:
            text("span", f"Since {day_of(since)}")
            return
        until = self._tab.local(fact.until).date()
        word = UNDONE.capitalize() if fact.reason == UNDONE else "Until"
        text("span", f"{day_of(since)} – {day_of(until)}" if word == "Until" else f"{word} {day_of(until)}")
        if fact.superseded_by is None and fact.reason not in ("", UNDONE):
            text("span", fact.reason)

    def _since(self, fact: Any) -> date:
        said: date = fact.valid_from or self._tab.local(fact.since).date()
        return said

    def _source(self, fact: Any) -> None:
        sure = "" if fact.confidence == 1 else f", {fact.confidence:.0%} sure"
        match fact.origin:
            case "user":
                said = "You said so" if fact.source is not None else "You set it"
            case "model":
                said = "A model read it"
            case _:
                said = f"Imported from {fact.origin}"
        text("span", said + sure)
        event_link(fact.id)
        if fact.source is not None:
            event_link(fact.source, "Source")
        if fact.ended is not None:
            event_link(fact.ended, "Ended by")

    # -- what is done about it -------------------------------------------------------------------------------------------------------------

    def _form(self) -> None:
        fact = self._fact
        self._typing.add(fact.id)
        self._box.clear()
        with self._box, form("Correct the fact", self._correct, "correcting"):
            field(f"{self._known.about} {fact.relation}", "value", fact.value, classes="grows", maxlength="500", data_focus="")
            field("Since, if not today", "since", kind="date")
            sends("Correct", partial(self._shut, "Correct"))

    async def _shut(self, back_to: str = "") -> None:
        if self._fact.id in self._typing and not self._box.is_deleted:
            self._box.clear()
            with self._box:
                self._draw(back_to)
        self._typing.discard(self._fact.id)
        await self._refresh()

    async def _correct(self, said: Said) -> None:
        mind, fact, new = self._tab.mind, self._fact, []
        do = lambda: new.append(mind.correct_fact(fact.id, said.get("value", ""), valid_from=said.get("since") or None))

        def undo() -> None:
            mind.retract_fact(new[0], UNDONE)
            self._assert_again()

        says = f"Now: {self._known.about} {fact.relation} {said.get('value', '')}. The old value stays listed."
        if await self._tab.act(do, says, undo):
            await self._shut()

    async def _retract(self) -> None:
        mind, fact = self._tab.mind, self._fact
        says = f"Retracted: {self._known.about} {fact.relation} {fact.value}"
        if await self._tab.act(lambda: mind.retract_fact(fact.id, "taken back on the page"), says, self._assert_again):
            await self._refresh()

    def _assert_again(self) -> None:
        fact = self._fact
        since = self._since(fact)
        self._tab.mind.assert_fact(fact.subject, fact.relation, fact.value, valid_from=since, confidence=fact.confidence)


def day_of(that: date) -> str:
    """12 June 2026"""
    return day(datetime(that.year, that.month, that.day))
