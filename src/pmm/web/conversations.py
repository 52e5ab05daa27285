"""The conversations of a mind: which one is shown, the others there are, and a new one. What nobody has spoken in is an address alone."""

from __future__ import annotations

from functools import partial
from itertools import chain, count
from typing import TYPE_CHECKING

import msgspec
from nicegui import ui

from pmm.web.forms import picked
from pmm.web.parts import Part, button, tag, text

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind
    from pmm.web.tab import Tab

MAIN = "main"
"""the conversation where none is named"""
LISTED_MAX = 30
NAME_MAX = 100
BEGINS_CHARS = 48


class Conversation(msgspec.Struct, frozen=True):
    """begins: what was said first in it, cut."""

    name: str
    begins: str


def load(mind: Mind, at: int | None) -> tuple[Conversation, ...]:
    """Those that were spoken in last as of event `at`, the latest first. Blocks."""
    names = list(mind.view(at).threads.sessions)[::-1][:LISTED_MAX]
    return tuple(Conversation(name, _begins(mind, name)) for name in names)


def _begins(mind: Mind, name: str) -> str:
    said = " ".join(event.content for event in mind.said_in(name, limit=1)).split()
    whole = " ".join(said)
    return whole if len(whole) <= BEGINS_CHARS else f"{whole[:BEGINS_CHARS].rstrip()}…"


def new_name(tab: Tab) -> str:
    """The day, and a number if that day has one already. Blocks."""
    mind = tab.mind
    known = {*mind.view().threads.sessions, *(spoken.session for spoken in tab.hosted.turns.all)}
    day = f"{tab.local(mind.now):%Y-%m-%d}"
    names = chain([day], (f"{day}-{number}" for number in count(2)))
    return next(name for name in names if name not in known and not mind.said_in(name, limit=1))


def go(tab: Tab, name: str) -> None:
    """Show a conversation."""
    ui.navigate.to(tab.path("", session=None if name == MAIN else name))


class Head:
    """What stands above a conversation: its name, the others to choose from, and a button that begins a new one."""

    def __init__(self, tab: Tab, session: str) -> None:
        self._tab = tab
        self._session = session
        with tag("div", "talk-head"):
            Part(tab, lambda: load(tab.mind, tab.at), self._show, kinds=("reply",), lines=1)

    def _show(self, known: tuple[Conversation, ...]) -> None:
        labels = {one.name: f"{one.name} · {one.begins}" if one.begins else one.name for one in known}
        labels = {self._session: labels.get(self._session, f"{self._session} · new"), **labels}
        if len(labels) > 1:
            picked("Choose a conversation", list(labels.items()), self._session, partial(go, self._tab))
        if self._tab.at is None:
            button("New conversation", self._new, symbol="add_comment", key="c", classes="new-talk")

    async def _new(self) -> None:
        name = await self._tab.ask(lambda: new_name(self._tab))
        with self._tab.client:
            go(self._tab, name)


def naming(tab: Tab, session: str) -> None:
    """A field for the name of a conversation that nobody has spoken in."""

    def name(said: str) -> None:
        if (chosen := said[:NAME_MAX]) and chosen != session:
            go(tab, chosen)

    with tag("label", "labelled naming"):
        text("span", "This conversation's name")
        field = tag("input", "field", type="text", maxlength=str(NAME_MAX), autocomplete="off")
        field.props["^value"] = session
    field.on("change", lambda event: name(str(event.args)), js_handler="(event) => emit(pmmCarry(event.target.value.trim()))")


def draft(tab: Tab, session: str) -> str:
    """Under which name a browser keeps what is being written in a conversation."""
    return f"{tab.base} {session}"
