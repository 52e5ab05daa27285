"""Commitments: what is owed, by whom, and when?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from pmm.web.forms import Said, choice, field, form, picked
from pmm.web.owed import UNDONE, Card, Item, due_of, item_of
from pmm.web.parts import Paged, Part, empty, fold, heading, tag, text

if TYPE_CHECKING:
    from pmm.web.tab import Tab

COLUMN_MAX = 12
PAGE = 50
KINDS = (
    *("commitment_opened", "commitment_edited", "commitment_snoozed", "commitment_reopened", "commitment_closed", "commitment_expired"),
    *("name_adopted", "timezone_changed"),
)
COLUMNS = (
    ("overdue", "Overdue", "Nothing is overdue."),
    ("today", "Today", "Nothing is due today."),
    ("later", "Later", "Nothing waits."),
    ("done", "Done", "Nothing has ended yet."),
)
REPEATS = (
    ("", "Once"),
    ("FREQ=DAILY", "Every day"),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "Every weekday"),
    ("FREQ=WEEKLY", "Every week"),
    ("FREQ=MONTHLY", "Every month"),
)
WHICH = (("open", "Open"), ("ended", "Ended"), ("all", "All"))


class Found(msgspec.Struct, frozen=True):
    """The columns, each in its order; how many more there are in each than are shown; how many were kept ever. name: the mind's."""

    columns: dict[str, tuple[Item, ...]]
    more: dict[str, int]
    kept: int
    name: str


def moment_of(tab: Tab) -> datetime:
    """The time that is shown: now, or when the event of the tab's moment happened. Blocks."""
    event = tab.mind.log.get(tab.at) if tab.at is not None else None
    return tab.mind.now if event is None else event.ts


def load(tab: Tab) -> Found:
    """As of the tab's moment: the most pressing ones of those that are open, and the latest that ended. Blocks."""
    view, now = tab.mind.view(tab.at), moment_of(tab)
    state, name = view.commitments, view.identity.name or "The mind"
    items = sorted((item_of(tab, c, now, name) for c in state.open), key=_order)
    columns = {place: [one for one in items if one.place == place] for place, *_ in COLUMNS}
    columns["done"] = [item_of(tab, one, now, name) for one in reversed(state.closed)]
    more = {place: max(0, len(column) - COLUMN_MAX) for place, column in columns.items()}
    more["later"] += state.overflow
    more["done"] = max(0, state.opened - state.count - min(COLUMN_MAX, len(columns["done"])))
    return Found({place: tuple(column[:COLUMN_MAX]) for place, column in columns.items()}, more, state.kept, name)


def _order(item: Item) -> tuple[bool, datetime, int, int]:
    """What is due first comes first, what has no date last; the more pressing of these first."""
    c = item.commitment
    when: datetime = c.snoozed_until if item.put_off else c.opened if c.due is None else c.due.instant
    return c.due is None and not item.put_off, when, -c.priority, c.cid


def page(tab: Tab) -> None:
    """The page."""
    heading("Commitments", "What is owed, by whom, and when?")
    _Page(tab)


class _Page:
    """The columns, and the list of every one. What is being typed stays: meanwhile nothing is drawn anew."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._typing: set[int] = set()
        self._held: tuple[Found, int | None] | None = None
        self._listed_before: tuple[object, tuple[Sequence[Item], int | None]] | None = None
        self._adding()
        self._columns = Part(tab, self._load, self._show, kinds=KINDS, lines=10)
        self._list: Paged[Item] | None = None
        self._which = "open"
        fold("Every commitment, by number", self._listed, "every")

    # -- adding --------------------------------------------------------------------------------------------------------------------------

    def _adding(self) -> None:
        tab = self._tab
        with form("Add a commitment", self._add, "adding", emptied=True) as made:
            field("What is to be done?", "text", classes="grows", maxlength="2000", data_search="", placeholder="Call Ana")
            field("Due", "date", kind="date")
            field("At", "time", kind="time")
            choice("Repeats", "repeat", REPEATS)
            choice("Whose", "owner", (("user", "Yours"), ("mind", "The mind’s")))
            text("button", "Add", "button primary", type="submit")
        tab.only_now(made)

    async def _add(self, said: Said) -> None:
        mind, opened = self._tab.mind, []
        owner: Literal["mind", "user"] = "mind" if said.get("owner") == "mind" else "user"

        def do() -> None:
            due = due_of(said, self._tab.zone.key)
            opened.append(mind.commit(said.get("text", ""), owner=owner, due=due, repeat=said.get("repeat") or None))

        undo = lambda: mind.close_commitment(opened[0], "cancelled", UNDONE)
        if await self._tab.act(do, f"Added: {said.get('text', '')[:80]}", undo):
            await self._refresh()

    # -- the columns -----------------------------------------------------------------------------------------------------------------------

    def _load(self) -> Found:
        held, at = self._held, self._tab.at
        if self._typing and held is not None and held[1] == at:
            return held[0]
        self._typing.clear()
        found = load(self._tab)
        self._held = (found, at)
        return found

    def _show(self, found: Found) -> None:
        if not any(found.columns.values()):
            empty("Promises appear here, yours and the mind’s: say “Remind me to …”, or add one above.", symbol="task_alt")
            return
        with tag("div", "board"):
            for place, title, nothing in COLUMNS:
                self._column(place, title, nothing, found)

    def _column(self, place: str, title: str, nothing: str, found: Found) -> None:
        items, more = found.columns[place], found.more[place]
        with tag("section", f"column {place}", aria_label=title):
            with tag("div", "column-head"):
                text("h2", title)
                text("span", f"{len(items) + more:,}", "count")
            for item in items:
                Card(self._tab, item, self._typing, self._refresh)
            if not items:
                text("p", nothing, "muted small")
            if more:
                text("p", f"{more:,} more in the list below", "muted small")
            if place == "done" and found.kept:
                text("p", f"{found.kept:,} kept so far", "muted small")

    async def _refresh(self) -> None:
        await self._columns.refresh()
        if self._list is not None:
            await self._list.again()

    # -- every one -------------------------------------------------------------------------------------------------------------------------

    def _listed(self) -> None:
        """When the list is first opened."""
        picked("Which", WHICH, self._which, self._pick)
        self._list = Paged(self._tab, self._page, self._rows, kinds=KINDS)

    async def _pick(self, which: str) -> None:
        self._which = which
        assert self._list is not None
        await self._list.first()

    def _page(self, before: int | None) -> tuple[Sequence[Item], int | None]:
        tab = self._tab
        asked = (before, self._which, tab.at)
        if self._typing and self._listed_before is not None and self._listed_before[0] == asked:
            return self._listed_before[1]
        open = {"open": True, "ended": False}.get(self._which)
        found: list[Any] = tab.mind.commitments(open=open, at=tab.at, limit=PAGE + 1, before=before)
        now, name = moment_of(tab), tab.name
        items = [item_of(tab, one, now, name) for one in found[:PAGE]]
        self._listed_before = asked, (items, items[-1].commitment.cid if len(found) > PAGE else None)
        return self._listed_before[1]

    def _rows(self, items: Sequence[Item]) -> None:
        with tag("div", "listed"):
            for item in items:
                Card(self._tab, item, self._typing, self._refresh)
