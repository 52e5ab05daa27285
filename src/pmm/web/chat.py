"""Chat: what did you say, and what did you use? Turns as the log has them, and those that are spoken now, which the server owns: a page
that is loaded anew, or a second one, follows the same turn from its beginning."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from nicegui import background_tasks

from pmm.errors import PMMError, TurnFailed
from pmm.runtime.turn import PLAINLY, How
from pmm.web import conversations, transcript
from pmm.web.parts import Part, button, day, empty, icon, tag, text, trouble
from pmm.web.said import Append, markdown
from pmm.web.tab import told
from pmm.web.transcript import Transcript, Turn
from pmm.web.turn_view import TurnView

if TYPE_CHECKING:
    from nicegui.element import Element

    from pmm.api.turns import Spoken
    from pmm.web.tab import Message, Tab

PIECE_S = 0.05
"""between two pieces that are sent to a browser"""
NOTHING = "Say something, and it is kept here. Each reply shows what was remembered for it, and lets you put that right."
ASKED_MAX = 100_000
"""characters of one message; a mind may take fewer"""


def page(tab: Tab, session: str = "") -> None:
    """The page. session: which conversation."""
    _Chat(tab, session or conversations.MAIN)


class _Chat:
    def __init__(self, tab: Tab, session: str) -> None:
        self._tab = tab
        self._session = session
        self._before: int | None = None
        self._record = True
        self._data: Transcript | None = None
        self._asides: list[int] = []
        self._drawn: dict[int, tuple[object, Element]] = {}
        self._following: dict[int, _Following] = {}
        text("h1", f"Chat with {tab.name}", "aloud", tabindex="-1")
        with tag("div", "talk"):
            conversations.Head(tab, session)
            self._earlier = tag("div")
            load: Callable[[], Transcript] = lambda: transcript.load(tab.mind, session, tab.at, self._before)
            self._part = Part(tab, load, self._draw, kinds=transcript.KINDS, lines=9)
            self._turns = tag("div", "transcript", role="log", aria_live="off", aria_label="Conversation")
            self._nothing = tag("div")
            self._now = tag("div", "transcript now")
        self._compose()
        tab.write = lambda message: background_tasks.create(self._write(message), name="write")
        tab.follow(self._now, None, self._look)
        self._look_now()

    # -- what the log has --------------------------------------------------------------------------------------------------------------

    def _draw(self, data: Transcript) -> None:
        """Draw what changed, and leave the rest as it stands."""
        self._data = data
        shown = [turn for turn in data.turns if not self._is_spoken(turn, data)]
        last_day = ""
        wanted: dict[int, tuple[object, Turn, str]] = {}
        for turn in shown:
            local = self._tab.local(turn.first.ts)
            today = f"{local:%A} {day(local)}"
            newest = turn is shown[-1] and not data.later  # only what failed last is asked again
            wanted[turn.first.id] = ((turn, today != last_day, newest, self._tab.at), turn, today if today != last_day else "")
            last_day = today
        for id in [id for id in self._drawn if id not in wanted]:
            self._drawn.pop(id)[1].delete()
        for place, (id, (key, turn, heading)) in enumerate(wanted.items()):
            known = self._drawn.get(id)
            if known is not None and known[0] == key:
                continue
            box = known[1] if known is not None else self._new_row(place + sum(after < id for after in self._asides))
            box.clear()
            with box:
                self._draw_turn(turn, heading, newest=place == len(wanted) - 1 and not data.later)
            self._drawn[id] = (key, box)
        self._draw_around(data)

    def _new_row(self, place: int) -> Element:
        with self._turns:
            box = tag("div", "turn", data_row="", tabindex="-1")
        box.move(self._turns, place)
        return box

    def _draw_turn(self, turn: Turn, heading: str, *, newest: bool) -> None:
        if heading:
            _day(heading)
        TurnView(self._tab, turn, again=self._again if newest else None)

    def _draw_around(self, data: Transcript) -> None:
        self._earlier.clear()
        with self._earlier:
            if data.earlier and data.turns:
                button("Earlier", lambda: self._show_before(data.turns[0].first.id), symbol="expand_less")
        self._nothing.clear()
        with self._nothing:
            if data.later:
                button("Latest", lambda: self._show_before(None), symbol="expand_more")
            elif not data.turns and not self._following:
                empty(NOTHING if self._tab.at is None else "Nothing had been said then.", symbol="forum")
                if self._tab.at is None and self._session != conversations.MAIN:
                    conversations.naming(self._tab, self._session)

    async def _show_before(self, before: int | None) -> None:
        self._before = before
        await self._part.refresh()

    # -- what is spoken now --------------------------------------------------------------------------------------------------------------

    def _is_spoken(self, turn: Turn, data: Transcript) -> bool:
        """Whether this turn is the one being followed below: it is drawn here when it has ended there."""
        asked = turn.user.content if turn.user is not None else None
        return turn is data.turns[-1] and any(
            one.spoken.record and not one.ended and one.spoken.asked == asked for one in self._following.values()
        )

    async def _look(self) -> None:
        self._look_now()

    def _look_now(self) -> None:
        """Follow what is spoken in this conversation, whoever began it."""
        if self._tab.at is None:
            for spoken in self._tab.hosted.turns.all:
                if spoken.session == self._session and spoken.record:
                    self._follow(spoken)
        for one in self._following.values():
            one.tell_place()
        self._now.set_visibility(self._tab.at is None)
        self._composer.set_visibility(self._tab.at is None)

    def _follow(self, spoken: Spoken) -> None:
        if id(spoken) in self._following:
            return
        with self._now:
            one = self._following[id(spoken)] = _Following(self._tab, spoken)
        self._nothing.clear()
        self._speaking()
        background_tasks.create(self._followed(one), name="follow a turn")

    async def _followed(self, one: _Following) -> None:
        """To its end; then the log tells the rest."""
        error = await one.run()
        one.ended = True
        if one.box.is_deleted:
            return
        if isinstance(error, TurnFailed) and error.user_event is not None:
            error = None  # the log tells it
        if error is None and one.spoken.record:
            await self._part.refresh()
            if one.box.is_deleted:  # the page was closed meanwhile
                return
            if self._data is not None:
                with self._part.box:
                    self._draw(self._data)
            one.box.delete()
            del self._following[id(one.spoken)]
        else:
            one.close(error, self._put_back)
            one.box.move(self._turns)  # what isn't in the log keeps its place on this page
            self._asides.append(max(self._drawn, default=0))
        self._speaking()

    def _speaking(self) -> None:
        """Say in the composer whether something is spoken."""
        busy = any(not one.ended for one in self._following.values())
        self._stop.set_visibility(busy)
        self._send.set_visibility(not busy)

    # -- speaking ------------------------------------------------------------------------------------------------------------------------

    async def _write(self, message: Message) -> None:
        said = str(message.get("text", ""))
        if len(said) > ASKED_MAX:
            self._tab.toast(f"A message has at most {ASKED_MAX:,} characters; this one has {len(said):,}. Send it in parts.", None, True)
            self._put_back(said)
            return
        await self._speak(said, key=f"web:{message.get('key', '')}"[:100], record=self._record)

    async def _again(self, turn: Turn) -> None:
        """Ask the same once more, in its place: once, however often and wherever that is pressed."""
        assert turn.user is not None
        await self._speak(turn.user.content, key=f"again:{turn.user.id}", how=How(supersedes=(turn.user.id,)))

    async def _speak(self, said: str, *, key: str, record: bool = True, how: How = PLAINLY) -> None:
        if self._tab.at is not None or not said.strip():
            return
        self._before = None
        try:
            spoken = self._tab.hosted.turns.speak(said, session=self._session, source="web", key=key, record=record, how=how)
        except PMMError as error:
            self._tab.toast(told(error), None, True)
            self._put_back(said)
            return
        with self._now:
            self._follow(spoken)

    def _put_back(self, said: str) -> None:
        """Into the composer, to be changed and sent again."""
        self._tab.client.run_javascript(f"pmmDraft({json.dumps(said)})")

    def _stop_all(self) -> None:
        for one in self._following.values():
            one.spoken.stop()

    def _compose(self) -> None:
        with tag("div", "composer-space") as self._composer:
            with tag("button", "below", type="button", data_below="", hidden=True):
                text("span", "New reply")
                icon("arrow_downward")
            with tag("div", "composer"):
                self._recorded = button("Recorded", self._toggle, symbol="bookmark_border", kind="record", aria_pressed="false")
                says, kept_as = f"Message {self._tab.name}", conversations.draft(self._tab, self._session)
                tag("textarea", "", rows="1", placeholder=says, aria_label=says, data_write=kept_as)
                self._send = button("Send", symbol="arrow_upward", kind="icon", classes="send", data_send="")
                self._stop = button("Stop", self._stop_all, symbol="stop", kind="icon", key="Escape", classes="send")
            with tag("p", "hints", aria_hidden="true"):
                for key, does in (("Enter", "send"), ("Shift Enter", "new line"), ("/", "write"), ("?", "all keys")):
                    with tag("span"):
                        text("kbd", key)
                        text("span", does)
        self._speaking()

    def _toggle(self) -> None:
        """Whether what is said is kept. A private turn is answered, and nothing of it is recorded."""
        self._record = not self._record
        symbol, word = self._recorded.default_slot.children
        symbol.text, word.text = ("bookmark_border", "Recorded") if self._record else ("lock", "Private")  # type: ignore[attr-defined]
        self._recorded.props["aria-pressed"] = "false" if self._record else "true"
        self._tab.say("What you say is recorded." if self._record else "What you say is private: answered, and kept nowhere.")


def _day(heading: str) -> None:
    with tag("div", "day"):
        text("span", heading)


class _Following:
    """A turn that is spoken now, in its place at the end. box: holds it all."""

    def __init__(self, tab: Tab, spoken: Spoken) -> None:
        self._tab = tab
        self.spoken = spoken
        self.ended = False
        with tag("div", "turn", data_row="", tabindex="-1") as self.box:
            text("div", spoken.asked, "bubble")
            with tag("div", "reply"):
                text("span", tab.initial, "avatar", aria_hidden="true")
                with tag("div", "answer") as self._answer:
                    self._place = text("p", "", "muted small waiting")
                    self._said = Append()
        self.tell_place()

    def tell_place(self) -> None:
        """Say who comes first, if somebody does."""
        ahead = 0 if self.spoken.speaking or self.ended else self._tab.hosted.turns.ahead(self.spoken)
        says = "Another chat is speaking; you are next." if ahead == 1 else f"{ahead} turns come before yours." if ahead else ""
        if self._place.text != says:
            self._place.text = says

    async def run(self) -> PMMError | None:
        """Follow it to its end; what it raised."""
        self._tab.say(f"{self._tab.name} is replying.")
        try:
            async for piece in self.spoken.follow():
                if self.box.is_deleted:
                    return None
                self.tell_place()
                self._said.add(piece)
                await asyncio.sleep(PIECE_S)
        except PMMError as error:
            self._tab.say(error.message)
            return error
        self._tab.say(f"{self._tab.name} replied: {self.spoken.text}")
        return None

    def close(self, error: PMMError | None, put_back: Callable[[str], None]) -> None:
        """It stays as it is: nothing of it is in the log."""
        self._answer.clear()
        with self._answer:
            if self.spoken.text:
                markdown(self.spoken.text)
            if error is not None:
                trouble(error)
                button("Change and send again", lambda: put_back(self.spoken.asked), symbol="edit")
            else:
                with tag("p", "meta"):
                    icon("lock")
                    text("span", "Private: kept nowhere, and gone when this page is.")
