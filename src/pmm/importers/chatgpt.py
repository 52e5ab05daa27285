"""ChatGPT's data export: conversations.json, alone or in its zip.

A conversation is a tree, since messages can be edited and replies regenerated. What is read is the branch the user last saw, from
`current_node` up to the root. Counted as left out, not as skipped: messages on other branches, system and tool messages, calls to
tools, reasoning, and what ChatGPT itself hides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pmm.events import Turn
from pmm.importers.format import Format
from pmm.importers.notes import Notes
from pmm.importers.values import caption, dated, files, get, instant, spoken, word

_REASONING = ("thoughts", "reasoning_recap")
_CONTEXT = ("user_editable_context", "model_editable_context")


def _label(item: dict[str, Any]) -> tuple[str, str]:
    title = word(item.get("title")) or "untitled"
    return word(item.get("id")) or word(item.get("conversation_id")) or title, title


def _turns(item: dict[str, Any], where: str, notes: Notes) -> Iterator[Turn]:
    session, mapping = _label(item)[0], item["mapping"]
    branch = _branch(item, session, notes)
    on_it = set(branch)
    for ref, node in mapping.items():
        if ref not in on_it and isinstance(message := get(node, "message"), dict) and not _aside(message):
            notes.left_out["on another branch"] += 1
    for ref in branch:
        message = mapping[ref].get("message")
        if not isinstance(message, dict):
            if message is not None:
                notes.skipped.add(f"{session} {ref}", "not a message")
            continue
        if aside := _aside(message):
            notes.left_out[aside] += 1
            continue
        yield _turn(message, session, ref, notes)


def _turn(message: dict[str, Any], session: str, ref: str, notes: Notes) -> Turn:
    content = message.get("content")
    text, captions = spoken(content if isinstance(content, str) else get(content, "parts") or get(content, "text"))
    is_user = get(message, "author", "role") == "user"
    return Turn(
        speaker=(word(get(message, "author", "name")) or "user") if is_user else "ChatGPT",
        text=text,
        at=dated(message.get("create_time"), f"{session} {ref}", notes),
        session=session,
        ref=ref,
        role="user" if is_user else "assistant",
        caption=caption(captions + files(get(message, "metadata", "attachments"))),
    )


def _aside(message: dict[str, Any]) -> str | None:
    """Why a message is no part of the dialogue; None if it is."""
    kind = word(get(message, "content", "content_type"))
    if get(message, "author", "role") not in ("user", "assistant"):
        return "system or tool message"
    if get(message, "metadata", "is_visually_hidden_from_conversation") is True or kind in _CONTEXT:
        return "hidden message"
    if kind in _REASONING:
        return "reasoning"
    return None if word(message.get("recipient")) in ("", "all") else "call to a tool"


def _branch(item: dict[str, Any], session: str, notes: Notes) -> list[str]:
    """Ids of the nodes from the root to the current one; as far as they can be followed."""
    mapping: dict[str, Any] = item["mapping"]
    at = item.get("current_node")
    if not isinstance(at, str) or at not in mapping:
        at = _newest(mapping)
        if at is not None:
            notes.repaired.add(session, "it does not say where it ends: the branch of the newest message was taken")
    branch: dict[str, None] = {}
    while isinstance(at, str):
        node = mapping.get(at)
        if at in branch or not isinstance(node, dict):
            why = "its parents go round in a circle" if at in branch else "it is missing, and with it what was said before"
            notes.skipped.add(f"{session} {at}", why)
            break
        branch[at] = None
        at = node.get("parent")
    return list(reversed(branch))


def _newest(mapping: dict[str, Any]) -> str | None:
    """The message with the latest date; the last of those without one."""
    dated = [(instant(get(node, "message", "create_time")), ref) for ref, node in mapping.items() if get(node, "message")]
    moments = [(at.replace(tzinfo=None), place) for place, (at, _) in enumerate(dated) if at]
    return dated[max(moments)[1]][1] if moments else dated[-1][1] if dated else None


FORMAT = Format(
    "chatgpt", lambda item: isinstance(get(item, "mapping"), dict), _label, _turns, "not a ChatGPT conversation (it has no mapping)"
)
