"""Memory: what do you know, and is it still true?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pmm.events import MessageImported
from pmm.web import linked
from pmm.web.forms import Said, form
from pmm.web.inspector import brief
from pmm.web.known import Facts
from pmm.web.parts import Part, button, empty, event_link, fold, heading, icon, kind_tag, moment, section, tag, text
from pmm.web.signals import share_line

if TYPE_CHECKING:
    from pmm.events import Event
    from pmm.web.linked import Graph, Key
    from pmm.web.tab import Tab

FIRST, MOST = 8, 48
"""memories shown at first, and at most"""
QUERY_MAX = 1000
QUOTE_MAX = 600


class Recalled(msgspec.Struct, frozen=True):
    """What was recalled: each memory and its event. encoded: how many messages could be compared by meaning, of how many; None: all."""

    query: str
    memories: tuple[tuple[Any, Event | None], ...]
    more: bool
    encoded: tuple[int, int] | None


def recalled(tab: Tab, query: str, count: int) -> Recalled:
    """What the mind recalls about something, as of the tab's moment. Blocks."""
    mind = tab.mind
    found = mind.recall(query, count + 1, at=tab.at, facts=True) if query else []
    vectors = mind.encoded()
    behind = None if vectors is None or vectors.encoded >= vectors.messages else (vectors.encoded, vectors.messages)
    memories = tuple((memory, mind.log.get(memory.id)) for memory in found[:count])
    return Recalled(query, memories, len(found) > count and count < MOST, behind)


def page(tab: Tab) -> None:
    """The page."""
    heading("Memory", "What do you know, and is it still true?")
    _Page(tab)


class _Page:
    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._query = ""
        self._count = FIRST
        self._focus: Key | None = None
        with form("Search the memory", self._search, "searching", role="search"):
            icon("search")
            tag("input", "field", type="search", _name="q", aria_label="What to recall", maxlength=str(QUERY_MAX), data_search="",
                placeholder="What do you know about …")  # fmt: skip
            text("button", "Recall", "button primary", type="submit")
        with section("Recalled") as self._found:
            self._memories = Part(tab, lambda: recalled(tab, self._query, self._count), self._show, kinds=(), lines=6)
        self._found.set_visibility(False)
        with section("Links") as self._linked:
            self._graph = Part(tab, lambda: linked.load(tab, self._query, self._focus), self._draw, kinds=(), lines=6)
        self._linked.set_visibility(False)
        with section("Facts"):
            Facts(tab)

    async def _search(self, said: Said) -> None:
        self._query = said.get("q", "")[:QUERY_MAX]
        self._count, self._focus = FIRST, None
        for one in (self._found, self._linked):
            one.set_visibility(bool(self._query))
        await self._memories.refresh()
        await self._graph.refresh()

    # -- what is recalled ------------------------------------------------------------------------------------------------------------------

    def _show(self, found: Recalled) -> None:
        if found.encoded is not None:
            text("p", f"By meaning, {found.encoded[0]:,} of {found.encoded[1]:,} messages were searched; by words, all.", "muted small")
        if found.query and not found.memories:
            empty("Nothing that was said has to do with that.", symbol="search_off")
            return
        if not found.memories:
            return
        with tag("ol", "plain used recalled"):
            for memory, event in found.memories:
                self._memory(memory, event)
        if found.more:
            button("More", self._more, symbol="expand_more")

    def _memory(self, memory: Any, event: Event | None) -> None:
        said = memory.excerpt or memory.text
        if memory.origin == "fact" and event is not None:
            said = brief(event, QUOTE_MAX)
        with tag("li", "source", tabindex="-1", data_row=""):
            text("p", said if len(said) <= QUOTE_MAX else f"{said[: QUOTE_MAX - 1]}…")
            with tag("p", "meta"):
                if event is not None:
                    imported = isinstance(event, MessageImported)
                    kind_tag(
                        event.kind,
                        f"{'You' if memory.who == 'user' else memory.who} said, imported from {memory.origin}" if imported else "",
                    )
                moment(self._tab, memory.at, clock=False)
                event_link(memory.id)
            share_line(memory.why)

    async def _more(self) -> None:
        self._count = min(MOST, self._count * 3)
        await self._memories.refresh()

    # -- what is linked --------------------------------------------------------------------------------------------------------------------

    def _draw(self, graph: Graph) -> None:
        if not graph.nodes:
            if graph.topic:
                empty("Nothing is linked with that.", symbol="hub")
            return
        with tag("div", "graph-head"):
            with tag("p", "muted small"):
                self._around(graph)
            if self._focus is not None:
                button("Back to the search", lambda: self._expand(None), symbol="arrow_back", key="Escape")
        linked.show(graph, self._expand)
        with tag("ul", "plain key", aria_label="What the lines mean"):
            for colour, says in (("mentions", "mentions"), ("dialogue", "replies to, cites"), ("commitment", "led to, opens, closes")):
                with tag("li"):
                    tag("span", f"swatch {colour}", aria_hidden="true")
                    text("span", says)
        fold(f"The same as a list: {len(graph.links)} links", lambda: linked.twin(graph))

    def _around(self, graph: Graph) -> None:
        whole = "" if graph.whole else f", the nearest of more than {len(graph.nodes)}"
        if self._focus is None:
            text("span", f"{len(graph.nodes)} things linked with “{graph.topic}”{whole}. Choose one to see what is linked with it.")
            return
        text("span", f"Around {self._focus if isinstance(self._focus, str) else f'event {self._focus:,}'}{whole}. ")
        if isinstance(self._focus, int):
            event_link(self._focus)

    async def _expand(self, key: Key | None) -> None:
        self._focus = None if key == self._focus else key
        await self._graph.refresh()
