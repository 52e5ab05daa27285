"""One commitment on the page: what is owed, by whom, until when; and what can be done about it, in its place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from pmm.errors import InvalidInput
from pmm.events import Due
from pmm.runtime.plain import spoken_rule
from pmm.web.forms import Said, choice, field, form, sends
from pmm.web.parts import button, day, event_link, icon, tag, text

if TYPE_CHECKING:
    from pmm.web.tab import Refresh, Tab

NEAR_DAYS = 7
OUTCOMES = {
    "kept": ("Kept", "check_circle", "ok"),
    "broken": ("Broken", "cancel", "bad-text"),
    "cancelled": ("Cancelled", "do_not_disturb_on", "muted"),
    "superseded": ("Superseded", "published_with_changes", "muted"),
    "expired": ("Expired", "event_busy", "warn-text"),
}
"""outcome -> its word, icon and colour"""
HOURS = {"1h": ("For an hour", 1), "3h": ("For three hours", 3)}
MORNINGS = {"1d": ("Until tomorrow, 9:00", 1), "2d": ("Until the day after tomorrow, 9:00", 2), "7d": ("For a week, until 9:00", 7)}
MORNING = time(9, 0)
UNDONE = "undone"


class Item(msgspec.Struct, frozen=True):
    """A commitment as it is shown: as the mind has it, where it stands, and the day it is. It compares.

    place: "overdue", "today", "later" or "done". ended: how it ended, None while it is open. owner: whose it is, in words.
    """

    commitment: Any
    place: str
    today: date
    put_off: bool
    owner: str
    ended: Any = None


def item_of(tab: Tab, one: Any, now: datetime, name: str) -> Item:
    """How one, open or ended, stands at that moment. name: the mind's."""
    today = tab.local(now).date()
    ended = one if hasattr(one, "commitment") else None
    c = one if ended is None else ended.commitment
    put_off = ended is None and c.snoozed(now)
    if ended is not None:
        place = "done"
    elif put_off:
        place = "today" if tab.local(c.snoozed_until).date() <= today else "later"
    elif c.due is None:
        place = "later"
    else:
        place = "overdue" if c.due.instant <= now else "today" if c.due.date <= today else "later"
    return Item(c, place, today, put_off, "Yours" if c.owner == "user" else f"{name}’s", ended)


def spoken_day(that: date, today: date) -> str:
    """today, tomorrow, Thursday, 12 June, 12 June 2027"""
    ahead = (that - today).days
    if -1 <= ahead <= 1:
        return ("yesterday", "today", "tomorrow")[ahead + 1]
    if 0 < ahead < NEAR_DAYS:
        return f"{that:%A}"
    return f"{that.day} {that:%B}" if that.year == today.year else day(datetime.combine(that, MORNING))


def snoozed_until(how: str, at: str, now: datetime) -> datetime:
    """When a snooze ends. how: a key of HOURS or MORNINGS, else `at` counts. now: local. Raises InvalidInput."""
    if how in HOURS:
        return now + timedelta(hours=HOURS[how][1])
    if how in MORNINGS:
        return datetime.combine(now.date() + timedelta(days=MORNINGS[how][1]), MORNING)
    try:
        return datetime.fromisoformat(at)
    except ValueError:
        raise InvalidInput("a snooze needs a moment.", hint="Choose one from the list, or a date and a time.") from None


class Card:
    """Draws itself in a box of its own. typing: the cids of cards with an open form: as long as there are any, nothing is drawn anew.
    refresh: draws everything anew."""

    def __init__(self, tab: Tab, item: Item, typing: set[int], refresh: Refresh) -> None:
        self._tab, self._item, self._typing, self._refresh = tab, item, typing, refresh
        self._c = item.commitment
        with tag("article", f"card owed {item.place}", tabindex="-1", data_row="", aria_label=self._c.text[:100]) as self._box:
            self._draw()

    # -- what is so ----------------------------------------------------------------------------------------------------------------------

    def _draw(self, back_to: str = "") -> None:
        c, item = self._c, self._item
        text("p", c.text, "what")
        with tag("p", "marks"):
            self._ending() if item.ended is not None else self._when()
            _mark("person" if c.owner == "user" else "smart_toy", item.owner)
            if c.repeat:
                said = spoken_rule(c.repeat)
                _mark("repeat", said[:1].upper() + said[1:])
            if c.project:
                _mark("folder_open", c.project)
            if c.priority:
                _mark("flag", f"Priority {c.priority}")
        if item.ended is not None and item.ended.note:
            text("p", item.ended.note, "small muted note")
        with tag("div", "card-foot"):
            with tag("span", "small cites"):
                event_link(c.cid)
                if c.source is not None:
                    event_link(c.source, "Why")
                if item.ended is not None and item.ended.evidence is not None:
                    event_link(item.ended.evidence, "Evidence")
            if self._tab.at is None:
                self._buttons(back_to)

    def _when(self) -> None:
        c, item = self._c, self._item
        if item.put_off:
            until = self._tab.local(c.snoozed_until)
            _mark("snooze", f"Put off until {spoken_day(until.date(), item.today)}, {until:%H:%M}", "warn-text")
        if c.due is None:
            _mark("event", "No date")
            return
        clock = f", {c.due.time:%H:%M}" if c.due.time else ""
        late = item.place == "overdue"
        colour = "bad-text" if late else "warn-text" if item.place == "today" else ""
        said = f"{'Was due' if late else 'Due'} {spoken_day(c.due.date, item.today)}{clock}"
        _mark("event_busy" if late else "event", said, colour, title=f"{c.due} ({c.due.zone})")

    def _ending(self) -> None:
        ended = self._item.ended
        word, symbol, colour = OUTCOMES[ended.outcome]
        with tag("span", f"mark {colour}"):
            icon(symbol)
            event_link(ended.event, f"{word} {spoken_day(self._tab.local(ended.at).date(), self._item.today)}")

    def _buttons(self, back_to: str) -> None:
        """back_to: the one that had the focus before a form took it."""
        says = self._c.text[:60]
        acts: list[tuple[str, str, Callable[[], object]]] = [
            ("Snooze", "snooze", lambda: self._form(self._snoozing)),
            ("Edit", "edit", lambda: self._form(self._editing)),
            ("Close with an outcome", "rule", lambda: self._form(self._closing)),
        ]
        if self._item.ended is not None:
            button(f"Open again: {says}", self._reopen, symbol="replay", kind="icon")
            return
        with tag("div", "acts"):
            button("Done", lambda: self._close("kept", ""), symbol="check", aria_label=f"Done: {says}")
            for word, symbol, does in acts:
                button(f"{word}: {says}", does, symbol=symbol, kind="icon", data_focus="" if word == back_to else None)

    # -- what is done about it -------------------------------------------------------------------------------------------------------------

    async def _done(self, do: Callable[[], object], says: str, undo: Callable[[], object] | None) -> None:
        if await self._tab.act(do, says, undo):
            await self._shut()

    async def _close(self, outcome: str, note: str) -> None:
        mind, cid = self._tab.mind, self._c.cid
        how: Any = outcome  # which there are, the mind says
        await self._done(
            lambda: mind.close_commitment(cid, how, note),
            f"{OUTCOMES[outcome][0]}: {self._c.text}" if outcome in OUTCOMES else "",
            self._unclose,
        )

    def _unclose(self) -> None:
        """The next occurrence, which came with the closing, goes with it too."""
        mind, cid = self._tab.mind, self._c.cid
        ended = mind.view().commitments.ended(cid)
        mind.reopen_commitment(cid, UNDONE)
        following = None if ended is None else ended.commitment.followed
        if following is not None and mind.view().commitments.get(following) is not None:
            mind.close_commitment(following, "cancelled", UNDONE)

    async def _reopen(self) -> None:
        mind, cid, ended = self._tab.mind, self._c.cid, self._item.ended
        outcome: Any = "cancelled" if ended.outcome == "expired" else ended.outcome  # only the clock can say expired
        shut = lambda: mind.close_commitment(cid, outcome, ended.note)
        await self._done(lambda: mind.reopen_commitment(cid), f"Open again: {self._c.text}", shut)

    async def _snooze(self, said: Said) -> None:
        mind, cid, tab, before = self._tab.mind, self._c.cid, self._tab, self._c.snoozed_until

        def do() -> None:
            mind.snooze_commitment(cid, snoozed_until(said.get("how", ""), said.get("at", ""), tab.local(mind.now)))

        def undo() -> None:
            """To where it was put off before; a snooze that was none ends in a moment."""
            soon = mind.now + timedelta(seconds=1)
            mind.snooze_commitment(cid, before if before is not None and before > soon else soon)

        await self._done(do, f"Put off: {self._c.text}", undo)

    async def _edit(self, said: Said) -> None:
        mind, c = self._tab.mind, self._c

        def do() -> None:
            priority = said.get("priority") or "0"
            if not priority.removeprefix("-").isdecimal():
                raise InvalidInput("a priority is a whole number.", hint="Higher is more pressing.")
            due = due_of(said, c.due.zone if c.due is not None else self._tab.zone.key)
            mind.edit_commitment(c.cid, text=said.get("text", ""), due=due, priority=int(priority[:9]), project=said.get("project", ""))

        undo = lambda: mind.edit_commitment(c.cid, text=c.text, due=c.due, priority=c.priority, project=c.project or "")
        await self._done(do, "Changed. The log keeps how it was.", undo)

    # -- forms ---------------------------------------------------------------------------------------------------------------------------

    def _form(self, make: Callable[[], None]) -> None:
        self._typing.add(self._c.cid)
        self._box.clear()
        with self._box:
            make()

    async def _shut(self, back_to: str = "") -> None:
        if self._c.cid in self._typing and not self._box.is_deleted:
            self._box.clear()
            with self._box:
                self._draw(back_to)
        self._typing.discard(self._c.cid)
        await self._refresh()

    def _editing(self) -> None:
        c = self._c
        with form("Edit the commitment", self._edit):
            field("What", "text", c.text, maxlength="2000", data_focus="")
            with tag("div", "pair"):
                field("Due", "date", c.due.date.isoformat() if c.due is not None else "", kind="date")
                field("At", "time", f"{c.due.time:%H:%M}" if c.due is not None and c.due.time else "", kind="time")
            with tag("div", "pair"):
                field("Project", "project", c.project or "", maxlength="100")
                field("Priority", "priority", str(c.priority), kind="number", min="-1000", max="1000")
            sends("Save", partial(self._shut, "Edit"))

    def _closing(self) -> None:
        with form("Close the commitment", lambda said: self._close(said.get("outcome", ""), said.get("note", ""))):
            text("p", self._c.text, "what")
            ways = [(name, word) for name, (word, *_) in OUTCOMES.items() if name != "expired"]
            choice("How did it end?", "outcome", ways, "kept", data_focus="")
            field("Evidence, or a word about it", "note", maxlength="2000")
            if self._c.repeat:
                text("p", "Kept and broken open the next one; cancelled and superseded end the series.", "small muted")
            sends("Close it", partial(self._shut, "Close with an outcome"))

    def _snoozing(self) -> None:
        ways = [(name, word) for name, (word, _) in (HOURS | MORNINGS).items()]
        with form("Snooze the commitment", self._snooze):
            text("p", self._c.text, "what")
            choice("Put off", "how", [*ways, ("at", "Until the moment below")], "1d", data_focus="")
            field("Or until", "at", kind="datetime-local")
            sends("Snooze", partial(self._shut, "Snooze"))


def due_of(said: Said, zone: str) -> Due | None:
    """What a form's `date` and `time` come to. Raises InvalidInput."""
    if not said.get("date"):
        if said.get("time"):
            raise InvalidInput("a time needs a day.", hint="Choose the day too, or leave both empty.")
        return None
    return Due.parse("T".join(filter(None, (said["date"], said.get("time")))), zone)


def _mark(symbol: str, says: str, colour: str = "", **attributes: object) -> None:
    with tag("span", f"mark {colour}", **attributes):
        icon(symbol)
        text("span", says)
