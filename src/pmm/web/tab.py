"""Tab: one open page of a browser. It knows whose mind is shown and as of when, and passes on what happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from nicegui import background_tasks, ui

from pmm.api.errors import problem_of
from pmm.errors import PMMError
from pmm.runtime.typed import id_of

if TYPE_CHECKING:
    from nicegui.element import Element

    from pmm.api.minds import Hosted
    from pmm.runtime.mind import Mind
    from pmm.web.live import Live

T = TypeVar("T")
Message = dict[str, str]
"""text: what was typed; key: an idempotency key of its own"""
Refresh = Callable[[], Awaitable[object]]
Toast = Callable[[str, "Refresh | None", bool], None]


class Tab:
    """at: the event as of which everything is shown; None: now. base: what the paths of this mind's pages begin with. session: the
    conversation that was shown last; None: the main one.

    toast(text, undo, bad): a line at the foot of the page. say(text): what a screen reader is to say. choose_model: offers the
    models there are. write: the page that is shown takes what was typed into its composer. turned: it shows what its address says, which
    changed under it.

    Made while a page is built, and closed with it. Everything here is called from the event loop; what may block goes through `ask`.
    """

    def __init__(self, hosted: Hosted, live: Live, base: str = "", at: str | None = None) -> None:
        self.hosted = hosted
        self.mind: Mind = hosted.mind
        self.live = live
        self.base = base
        self.client = ui.context.client
        self.at: int | None = id_of(at) if at else None
        self.zone = ZoneInfo("UTC")
        self.name, self.initial = "the mind", "?"
        self.toast: Toast = lambda text, undo, bad: None
        self.say: Callable[[str], object] = lambda text: None
        self.choose_model: Callable[[], None] = lambda: None
        self.write: Callable[[Message], object] = lambda message: None
        self.turned: Refresh = _nothing
        self.session: str | None = None
        self._following: list[tuple[Element, frozenset[str] | None, Refresh]] = []
        stop = live.listen(self._heard)
        self.client.on_delete(stop)

    # -- looking ---------------------------------------------------------------------------------------------------------------------

    def call(self, name: str | None) -> None:
        """What the mind is called on the page."""
        self.name, self.initial = (name, name[:1].upper()) if name else ("the mind", "?")

    async def ask(self, question: Callable[[], T]) -> T:
        """What a function answers that may block: it runs in a thread."""
        return await asyncio.to_thread(question)

    def follow(self, element: Element, kinds: frozenset[str] | None, refresh: Refresh) -> None:
        """Call back when such events happened (None: any), and when the moment changes, as long as the element is there."""
        self._following.append((element, kinds, refresh))

    def only_now(self, element: Element) -> None:
        """The element is there as long as the page shows what is so now."""

        async def shown() -> None:
            element.set_visibility(self.at is None)

        element.set_visibility(self.at is None)
        self.follow(element, frozenset(), shown)

    def _heard(self, kinds: frozenset[str]) -> None:
        self._following = [one for one in self._following if not one[0].is_deleted]
        for _, wanted, refresh in self._following:
            if wanted is None or not kinds or wanted & kinds:
                background_tasks.create(refresh(), name="refresh")

    # -- the moment ------------------------------------------------------------------------------------------------------------------

    def move_to(self, at: int | None) -> None:
        """Show everything as of that event; None: now."""
        self.at = at
        self._heard(frozenset())

    def local(self, moment: datetime) -> datetime:
        """In the mind's zone."""
        return moment.astimezone(self.zone)

    # -- going and doing ---------------------------------------------------------------------------------------------------------------

    def path(self, page: str = "", **query: object) -> str:
        """The address of one of this mind's pages ("" is the chat), at this tab's moment."""
        asked = {**({} if page else {"session": self.session}), **query, "at": self.at}
        more = {name: value for name, value in asked.items() if value is not None}
        return (f"{self.base}/{page}" if page or not self.base else self.base) + (f"?{urlencode(more)}" if more else "")

    @property
    def query(self) -> dict[str, str]:
        """What the address of the page that is shown asks for."""
        return dict(parse_qsl(self.client.sub_pages_router.current_path.partition("?")[2]))

    def note(self, changes: Mapping[str, object], *, back: bool = True) -> None:
        """Put changes into that address (None: out of it), so that it can be kept, sent and come back to. Nothing is drawn anew.

        back: the browser's Back leads to the address as it was.
        """
        router = self.client.sub_pages_router
        query = {name: value for name, value in {**self.query, **changes}.items() if value is not None}
        router.current_path = router.current_path.partition("?")[0] + (f"?{urlencode(query)}" if query else "")
        to, how = json.dumps(router.current_path), "push" if back else "replace"
        self.client.run_javascript(f"history.{how}State({{page: {to}}}, '', (window.path_prefix || '') + {to})")

    async def act(self, do: Callable[[], object], done: str = "", undo: Callable[[], object] | None = None) -> bool:
        """Have the mind do something, and say that it is done, with a way back. False where it can't be done, which is said too."""
        if self.at is not None:
            self.toast("This is the past: it can be looked at, not changed.", None, True)
            return False
        try:
            await self.ask(do)
        except PMMError as error:
            self.toast(told(error), None, True)
            return False

        async def back() -> None:
            assert undo is not None
            await self.act(undo, "Undone.")

        if done:
            self.toast(done, back if undo is not None else None, False)
        return True


async def _nothing() -> None:
    pass


def told(error: PMMError) -> str:
    """An error in a line: what it says, and its hint."""
    problem = problem_of(error)
    detail = problem.detail or problem.title
    return " ".join(filter(None, (detail[:1].upper() + detail[1:], problem.hint)))
