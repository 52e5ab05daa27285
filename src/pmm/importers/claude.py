"""Claude's data export: conversations.json, alone or in its zip.

Files that were attached are named in the caption; what was in them is not read. Thinking and tool use are no part of the dialogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pmm.events import Turn
from pmm.importers.format import Format
from pmm.importers.notes import Notes
from pmm.importers.values import caption, dated, files, get, spoken, word


def _label(item: dict[str, Any]) -> tuple[str, str]:
    title = word(item.get("name")) or "untitled"
    return word(item.get("uuid")) or title, title


def _turns(item: dict[str, Any], where: str, notes: Notes) -> Iterator[Turn]:
    session = _label(item)[0]
    for position, message in enumerate(item["chat_messages"], 1):
        here = f"{session} {word(get(message, 'uuid')) or position}"
        if not isinstance(message, dict) or message.get("sender") not in ("human", "assistant"):
            notes.skipped.add(here, "neither from a human nor from the assistant")
            continue
        text, captions = spoken(message.get("content"))
        if not text.strip() and isinstance(plain := message.get("text"), str):
            text = plain  # older exports have the text here alone
        is_user = message["sender"] == "human"
        yield Turn(
            speaker="user" if is_user else "Claude",
            text=text,
            at=dated(message.get("created_at"), here, notes),
            session=session,
            ref=word(message.get("uuid")) or None,
            role="user" if is_user else "assistant",
            caption=caption(captions + files(message.get("attachments"), message.get("files"), message.get("files_v2"))),
        )


FORMAT = Format(
    "claude",
    lambda item: isinstance(get(item, "chat_messages"), list),
    _label,
    _turns,
    "not a Claude conversation (it has no chat_messages)",
)
