"""JSON Lines: one message per line, from any program that can write a few fields.

The first name that has a value counts: speaker, name, author, sender, role · text, content, message (a text, or a list of
{"type": "text", "text": ...} parts) · at, timestamp, date, created_at, ts (ISO 8601, or seconds / milliseconds since 1970) · session,
conversation, conversation_id · ref, id · caption. Role is user, assistant or other, taken from `role`, else from the speaker's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pmm.events import Turn
from pmm.importers.format import Format
from pmm.importers.notes import Notes
from pmm.importers.values import caption, dated, first, get, spoken, word

SPEAKER = ("speaker", "name", "author", "sender", "role")
TEXT = ("text", "content", "message")
AT = ("at", "timestamp", "date", "created_at", "ts")
SESSION = ("session", "conversation", "conversation_id")
REF = ("ref", "id")

_USER = frozenset(("user", "human", "me"))
_ASSISTANT = frozenset(("assistant", "ai", "bot", "model", "chatgpt", "claude"))


def _claims(item: Any) -> bool:
    return isinstance(item, dict) and any(isinstance(item.get(name), (str, list)) for name in TEXT)


def _label(item: dict[str, Any]) -> tuple[str, str]:
    session = word(first(item, SESSION))
    return session, session


def _turns(item: dict[str, Any], where: str, notes: Notes) -> Iterator[Turn]:
    text, captions = spoken(next((item[name] for name in TEXT if isinstance(item.get(name), (str, list)) and item[name]), ""))
    who = first(item, SPEAKER)
    speaker = word(who) or word(get(who, "name")) or word(get(who, "role")) or "unknown"
    own = item.get("caption")
    yield Turn(
        speaker=speaker,
        text=text,
        at=dated(first(item, AT), where, notes),
        session=_label(item)[0],
        ref=word(first(item, REF)) or None,
        role=_role(word(item.get("role")) or word(get(item.get("author"), "role")) or speaker),
        caption=own if isinstance(own, str) and own else caption(captions),
    )


def _role(name: str) -> Literal["user", "assistant", "other"]:
    name = name.casefold()
    return "user" if name in _USER else "assistant" if name in _ASSISTANT else "other"


FORMAT = Format("jsonl", _claims, _label, _turns, "no text in it", by_line=True)
