"""Ledger: what exactly happened, unaltered? Every event, found by kind, text and date; questions in SQL; and whether the log is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
from nicegui import background_tasks

from pmm.api.events import SOUGHT_MAX, page_of, span_of
from pmm.runtime.typed import at_of, id_of
from pmm.web import query, verify
from pmm.web.inspector import brief
from pmm.web.parts import FAMILIES, Part, button, day, empty, event_link, heading, kind_tag, relabel, tag, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from nicegui.element import Element

    from pmm.events import Event
    from pmm.web.tab import Tab

ROWS = 50
GROUPS = {
    "dialogue": "Dialogue",
    "knowledge": "Knowledge",
    "commitment": "Commitments",
    "governance": "Rules",
    "identity": "Identity",
    "work": "Work",
}
_TROUBLES = ("bad", "warn")
"""what went wrong in a dialogue is a part of it"""


def page(tab: Tab, view: str = "") -> None:
    """The page. view: "" for the events, "sql" or "verify"."""
    heading("Ledger", "What exactly happened, unaltered?")
    shown = view if view in VIEWS else ""
    with tag("nav", "segments", aria_label="Of the ledger") as nav:
        links = {
            name: text("a", title, href=tab.path("ledger", view=name or None), aria_current="page" if name == shown else None)
            for name, (title, _) in VIEWS.items()
        }

    async def moved() -> None:
        for name, link in links.items():
            link.props["href"] = tab.path("ledger", view=name or None)

    tab.follow(nav, frozenset(), moved)
    VIEWS[shown][1](tab)


class Filter(msgspec.Struct, frozen=True):
    """Which events. kind: one, a group of them, or "" for all. since, until: local days, as a date field gives them."""

    kind: str = ""
    text: str = ""
    since: str = ""
    until: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those that are asked for; none is all."""
        return kinds_of(self.kind) or ((self.kind,) if self.kind else ())


def filter_of(said: Mapping[str, str]) -> Filter:
    """What the address of the page, or its fields, ask for. What can't be meant is left out."""
    kind = said.get("kind", "")
    days = {name: day for name in ("since", "until") if _is_day(day := said.get(name, ""))}
    return Filter(kind if kind in FAMILIES or kind in GROUPS else "", said.get("text", "").strip()[:SOUGHT_MAX], **days)


class Sought(msgspec.Struct, frozen=True):
    """Events that were found, newest first. next: before which to go on; whole: whether the page is full, or all was looked at.

    low, high: the ids that were asked for. total: how many there are; None: many.
    """

    filter: Filter
    events: tuple[Event, ...]
    next: int | None
    low: int
    high: int
    total: int | None
    whole: bool


class Page:
    """A page of events that is being found, a slice at a time. before: those with a smaller id; None: the newest. at: as of then."""

    def __init__(self, filter: Filter, before: int | None, at: int | None) -> None:
        self.filter = filter
        self.before = before
        self.at = at
        self.whole = False
        self._found: list[Event] = []
        self._next = before
        self._total: int | None = None
        self._span: tuple[int, int] | None = None

    def look(self, tab: Tab) -> Sought:
        """Look a slice further. Blocks for 0.2 s or so. Raises InvalidInput."""
        asked = self.filter
        if self._span is None:
            self._span = self._all(tab)
            self._total = tab.mind.log.count(*asked.kinds, text=asked.text, since=self._span[0], until=self._span[1])
        low, high = self._span
        span = low, high if self._next is None else min(high, self._next - 1)
        found, self._next = page_of(tab.mind, span, asked.kinds, asked.text, limit=ROWS - len(self._found))
        self._found += found
        self.whole = self._next is None or len(self._found) >= ROWS
        return Sought(asked, tuple(self._found), self._next, low, high, self._total, self.whole)

    def newer(self, tab: Tab) -> int | None:
        """Before which event the next newer page is; None: it is the newest. Blocks until it has found that page."""
        low, high = self._all(tab)
        after: int | None = max(low, (self.before or high + 1) - 1)
        found: list[Event] = []
        while after is not None and len(found) < ROWS:
            some, after = page_of(tab.mind, (after, high), self.filter.kinds, self.filter.text, limit=ROWS - len(found), newest=False)
            found += some
        return None if after is None else found[-1].id + 1

    def _all(self, tab: Tab) -> tuple[int, int]:
        """Between which events to look. Raises InvalidInput."""
        low, high = span_of(tab.mind, at_of(self.filter.since or None, whole_day=False), at_of(self.filter.until or None))
        return low, high if self.at is None else min(high, self.at)


class _Events:
    """The list, its filters, and what is new since it was shown."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._filter = filter_of(tab.query)
        self._page = Page(self._filter, _before(tab.query), tab.at)
        self._top: int | None = None
        self._filters()
        with tag("div", "news", role="status") as self._news:
            pass
        self._part = Part(tab, self._look, self._show, kinds=(), lines=12)
        tab.follow(self._news, None, self._heard)
        tab.turned = self._turned

    # -- filters -----------------------------------------------------------------------------------------------------------------------

    def _filters(self) -> None:
        with tag("div", "filters", role="search", aria_label="Events"):
            with _labelled("Text", "grow"):
                sought = tag("input", "field", type="search", maxlength=str(SOUGHT_MAX), placeholder="What an event says", data_search="")
            with _labelled("Kind"):
                kind = self._kinds()
            with _labelled("From"):
                since = tag("input", "field", type="date")
            with _labelled("Until"):
                until = tag("input", "field", type="date")
            self._clearing = button("Clear", self._clear, symbol="filter_alt_off")
        self._clearing.set_visibility(self._filter != Filter())
        self._fields = {"text": sought, "kind": kind, "since": since, "until": until}
        for name, field in self._fields.items():
            if field is not kind and getattr(self._filter, name):
                field.props["^value"] = getattr(self._filter, name)
            field.on("change", partial(self._change, name), js_handler="(event) => emit(event.target.value)")

    def _kinds(self) -> Element:
        chosen = self._filter.kind
        with tag("select", "field") as made:
            text("option", "All kinds", value="")
            for family, title in GROUPS.items():
                with tag("optgroup", label=title):
                    text("option", f"All of {title.lower()}", value=family, selected=True if family == chosen else None)
                    for kind in kinds_of(family):
                        text("option", FAMILIES[kind][0], value=kind, selected=True if kind == chosen else None)
        return made

    async def _change(self, name: str, event: Any) -> None:
        await self._find(filter_of({**msgspec.structs.asdict(self._filter), name: str(event.args or "")}))

    async def _clear(self) -> None:
        self._write(Filter())
        await self._find(Filter())

    def _write(self, filter: Filter) -> None:
        """Into the fields."""
        values = {field.html_id: getattr(filter, name) for name, field in self._fields.items()}
        script = "Object.entries(VALUES).forEach(([id, value]) => { document.getElementById(id).value = value })"
        self._tab.client.run_javascript(script.replace("VALUES", json.dumps(values)))

    async def _find(self, filter: Filter) -> None:
        self._filter = filter
        await self._turn_to(None)

    async def _turn_to(self, before: int | None) -> None:
        """Show another page, or other events, and say in the address which."""
        asked = {name: value or None for name, value in msgspec.structs.asdict(self._filter).items()}
        self._tab.note({**asked, "before": before})
        await self._open(before)

    async def _turned(self) -> None:
        """Back, forward, or a link to this page: show what the address says now."""
        if self._news.is_deleted:
            return
        self._filter = filter_of(self._tab.query)
        self._write(self._filter)
        await self._open(_before(self._tab.query))

    async def _open(self, before: int | None) -> None:
        self._clearing.set_visibility(self._filter != Filter())
        self._page = Page(self._filter, before, self._tab.at)
        self._news.clear()
        await self._part.refresh()

    # -- the list ----------------------------------------------------------------------------------------------------------------------

    def _look(self) -> Sought:
        if self._page.whole or self._page.at != self._tab.at:  # asked for once more
            self._page = Page(self._filter, self._page.before, self._tab.at)
        return self._page.look(self._tab)

    def _show(self, found: Sought) -> None:
        if self._top != found.high:
            self._top = found.high
            background_tasks.create(self._heard(), name="what is new by now")
        first = self._page.before is None
        text("p", counted(found), "small muted count", role="status")
        if found.events:
            self._rows(found.events)
        elif found.whole:
            self._nothing(found)
        if not found.whole:
            background_tasks.create(self._part.refresh(), name="search on")
        elif found.next is not None or not first:
            with tag("nav", "pager", aria_label="Older and newer"):
                button("Newer", self._newer, symbol="chevron_left", disabled=None if not first else True)
                button("Older", lambda: self._turn_to(found.next), symbol="chevron_right", disabled=None if found.next else True)

    def _rows(self, events: tuple[Event, ...]) -> None:
        local = self._tab.local
        for _, of_day in groupby(events, lambda event: local(event.ts).date()):
            some = list(of_day)
            named = local(some[0].ts)
            text("h2", f"{named:%A} {day(named)}", "day")
            with tag("ul", "plain events"):
                for event in some:
                    with tag("li", "event", tabindex="-1", data_row=""):
                        text("time", f"{local(event.ts):%H:%M:%S}", "muted small", datetime=event.ts.isoformat())
                        kind_tag(event.kind)
                        text("p", brief(event), "what")
                        event_link(event.id)

    def _nothing(self, found: Sought) -> None:
        if found.filter == Filter():
            empty("Here stands everything that happens, in order. Say something to the mind, and it is kept.", symbol="receipt_long")
        else:
            empty("No event is like that.", "Show all events", self._clear, symbol="search_off")

    async def _newer(self) -> None:
        page = self._page
        await self._turn_to(await self._tab.ask(lambda: page.newer(self._tab)))

    # -- what is new -------------------------------------------------------------------------------------------------------------------

    async def _heard(self) -> None:
        """Something happened. Nothing moves under the reader's eyes: a line says how much is new, and shows it when it is pressed."""
        filter, top = self._filter, self._top
        if self._tab.at is not None or top is None or filter.until:
            self._news.clear()
            return
        new = await self._tab.ask(lambda: self._tab.mind.log.count(*filter.kinds, text=filter.text, since=top))
        if self._news.is_deleted or filter is not self._filter or top != self._top:
            return
        if new == 0:
            self._news.clear()
            return
        says = "Show new events" if new is None else f"Show {new:,} new event{'s' if new > 1 else ''}"
        if self._news.default_slot.children:  # the same button: one that is replaced while it is pressed does nothing
            relabel(self._news.default_slot.children[0], says)
            return
        with self._news:
            button(says, lambda: self._turn_to(None), symbol="arrow_upward", kind="primary")


def counted(found: Sought) -> str:
    """How many there are, or how far the search is."""
    if not found.whole:
        looked = found.high - (found.next or found.low) + 1
        return f"{looked:,} of {found.high - found.low:,} events searched"
    if found.total is None:
        return "Many events" if found.filter.kinds or not found.filter.text else "Many events say this"
    return f"{found.total:,} event{'' if found.total == 1 else 's'}"


def kinds_of(family: str) -> tuple[str, ...]:
    """The kinds that a group of the filter has."""
    return tuple(kind for kind, (_, _, of) in FAMILIES.items() if ("dialogue" if of in _TROUBLES else of) == family)


def _before(said: Mapping[str, str]) -> int | None:
    """The place in the list that an address names."""
    return id_of(said.get("before", "")) or None


def _is_day(said: str) -> bool:
    try:
        return 2 < date.fromisoformat(said).year < 9998
    except ValueError:
        return False


def _labelled(name: str, classes: str = "") -> Element:
    """A field with its name above it, to be filled with `with`."""
    made = tag("label", f"labelled {classes}")
    with made:
        text("span", name)
    return made


VIEWS: dict[str, tuple[str, Callable[[Tab], object]]] = {
    "": ("Events", _Events),
    "sql": ("SQL", query.box),
    "verify": ("Verify", verify.panel),
}
"""name -> title, and what makes it"""
