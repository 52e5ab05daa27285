"""A mind as the session of an agent built with the OpenAI Agents SDK: it keeps the agent's conversation, and recalls it like any other.

    from pmm import Mind, MindSession
    with Mind.open("echo.db") as mind:
        await Runner.run(agent, "Hello", session=MindSession(mind, "support-17"))

The SDK itself isn't needed here. The agent's own model speaks, so its messages are kept as imported ones: recalled, without authority.
"""

from __future__ import annotations

from asyncio import to_thread
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from pmm.errors import InvalidInput
from pmm.events import MessageImported, Turn

if TYPE_CHECKING:
    from pmm.runtime.mind import Mind

ORIGIN = "agents"
ITEM, MARK = "item", "session"
"""who speaks: an item that is no plain message (a tool's call, a result), as JSON; the session itself, to tell what was taken back"""
CLEARED, TAKEN = "cleared", "taken back: "

Item = dict[str, Any]


class MindSession:
    """See the module; the SDK's `Session` protocol. session_id: which conversation.

    Nothing is deleted: what is popped or cleared is told to be taken back, and no longer given. Plain messages come back as role and
    content, everything else as it came. Raises InvalidInput for items that JSON can't tell.
    """

    def __init__(self, mind: Mind, session_id: str) -> None:
        if not session_id or len(session_id.encode("utf-8", "replace")) > 150:
            raise InvalidInput("a session's name has 1 to 150 bytes.")
        self.session_id = session_id
        self.session_settings: Any = None
        self._mind = mind
        self._items: dict[str, Item] = {}
        self._seen = 0

    async def get_items(self, limit: int | None = None) -> list[Item]:
        """The latest `limit` items (all, if None), oldest first."""
        if limit is None:
            limit = getattr(self.session_settings, "limit", None)
        items = await to_thread(self._caught_up)
        return items if limit is None else items[-limit:] if limit > 0 else []

    async def add_items(self, items: list[Item]) -> None:
        """Keep these, after what is there."""
        exact = any(item.get("type") == "reasoning" for item in items)  # it names the message that follows it
        turns = [self._turn(item, exact) for item in items]
        if turns:
            await to_thread(self._keep, turns)

    async def pop_item(self) -> Item | None:
        """Take the latest one back, and give it."""
        items = await to_thread(self._caught_up)
        if not items:
            return None
        await to_thread(self._keep, [self._mark(f"{TAKEN}{next(reversed(self._items))}")])
        return items[-1]

    async def clear_session(self) -> None:
        """Take all of them back."""
        if await to_thread(self._caught_up):
            await to_thread(self._keep, [self._mark(CLEARED)])

    # -- inside ----------------------------------------------------------------------------------------------------------------------

    def _turn(self, item: Item, exact: bool) -> Turn:
        plain = None if exact else _plain(item)
        if plain is not None:
            return self._of(*plain)
        try:
            return self._of(ITEM, msgspec.json.encode(item).decode())
        except (TypeError, msgspec.MsgspecError, UnicodeError) as error:
            raise InvalidInput(f"an item can't be kept: {error}.") from None

    def _mark(self, text: str) -> Turn:
        return self._of(MARK, text)

    def _of(self, who: str, text: str) -> Turn:
        role: Literal["user", "assistant", "other"] = "user" if who == "user" else "assistant" if who == "assistant" else "other"
        return Turn(who, text, session=self.session_id, ref=self._mind.new_session(), role=role)

    def _keep(self, turns: list[Turn]) -> None:
        kept = self._mind.import_turns(turns, origin=ORIGIN)
        if kept.skipped:
            raise InvalidInput(f"an item can't be kept: {kept.reasons[0]}")

    def _caught_up(self) -> list[Item]:
        """What is there now; read from where the last look ended."""
        for event in self._mind.said_in(f"{ORIGIN}/{self.session_id}", after=self._seen):
            self._seen = event.id
            assert isinstance(event, MessageImported) and event.ref is not None
            if event.speaker == MARK and event.content == CLEARED:
                self._items.clear()
            elif event.speaker == MARK:
                self._items.pop(event.content.removeprefix(TAKEN), None)
            elif event.speaker == ITEM:
                self._items[event.ref] = msgspec.json.decode(event.content)
            else:
                self._items[event.ref] = {"role": event.speaker, "content": event.content}
        return list(self._items.values())


def _plain(item: Item) -> tuple[str, str] | None:
    """(role, text) of an item that is nothing more than a message."""
    role, content = item.get("role"), item.get("content")
    if role not in ("user", "assistant") or item.get("type", "message") != "message":
        return None
    if isinstance(content, list) and role == "assistant":
        whole = all(isinstance(part, dict) and part.get("type") == "output_text" and not part.get("annotations") for part in content)
        content = "".join(str(part.get("text", "")) for part in content) if whole else None
    elif set(item) - {"role", "content", "type"}:
        return None
    return (role, content) if isinstance(content, str) and content.strip() else None
