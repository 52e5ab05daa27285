"""How a client's own history meets the mind's memory.

A program that speaks OpenAI's language sends a whole conversation with every request. Only its last message is new. The rest says which of
the mind's sessions this is, and which of its turns the user has taken back there (edited, or asked again). What the program keeps and the
log doesn't is quoted to the model. Its system messages are an instruction for this one request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from pmm.errors import InvalidInput

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


class Part(msgspec.Struct, frozen=True):
    """A part of a message; only texts are understood."""

    type: str = "text"
    text: str = ""


class Message(msgspec.Struct, frozen=True):
    """One message, as clients send it."""

    role: str
    content: str | list[Part] | None = None


class Line(msgspec.Struct, frozen=True):
    """One message of the history. pair: the turn that it ends, by position; None for those that end none."""

    who: str
    text: str
    pair: int | None = None


class Asked(msgspec.Struct, frozen=True):
    """A request, read. text: the new message. pairs: the turns of the history (user's text, reply). lines: all of its messages."""

    text: str
    instruction: str
    pairs: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


class Met(msgspec.Struct, frozen=True):
    """session: the one that goes on; None for a new one. supersedes: turns of it that were taken back. earlier: what only the client
    knows of the conversation, (who, text)."""

    session: str | None
    supersedes: tuple[int, ...] = ()
    earlier: tuple[tuple[str, str], ...] = ()


def read(messages: Sequence[Message]) -> Asked:
    """What a list of messages asks. Raises InvalidInput."""
    for n, message in enumerate(messages):
        if message.role not in ROLES:
            raise InvalidInput(f"messages[{n}]: there is no role {message.role[:40]!r}.", hint=f"Roles are {', '.join(ROLES)}.")
    said = [(m.role, _text(m, n)) for n, m in enumerate(messages)]
    spoken = [(role, text) for role, text in said if role not in ("system", "developer")]
    if not spoken or spoken[-1][0] != "user" or not spoken[-1][1].strip():
        raise InvalidInput("the last message must be the user's, and say something.", hint="Put what is new last, with the role `user`.")
    lines: list[Line] = []
    pairs: list[tuple[str, str]] = []
    for n, (role, text) in enumerate(spoken[:-1]):
        ends = role == "assistant" and n > 0 and spoken[n - 1][0] == "user"
        lines.append(Line(role, text, len(pairs) if ends else None))
        if ends:
            pairs.append((spoken[n - 1][1], text))
    instruction = "\n\n".join(text for role, text in said if role in ("system", "developer") and text.strip())
    return Asked(spoken[-1][1], instruction, tuple(pairs), tuple(lines))


def _text(message: Message, n: int) -> str:
    content = message.content
    if content is None or isinstance(content, str):
        return content or ""
    for part in content:
        if part.type not in ("text", "input_text", "output_text", "refusal"):
            raise InvalidInput(f"messages[{n}]: a mind reads text, no {part.type[:40]!r}.", hint="Send the text alone.")
    return "\n".join(part.text for part in content)


def meet(asked: Asked, threads: Any, *, named: str | None = None, whole: bool = False) -> Met:
    """Where a request belongs. threads: what the mind knows of its sessions (`view.threads`). named: the session, if the client says it.

    whole: it always sends its whole history, so that none means that the user took back everything. Without a name the session is the one
    that holds most of the history; then the newest that needs least taken back. It must hold the history's beginning, or end with its end.
    """
    found = threads.find(asked.pairs, named)
    if named is None:
        last = len(asked.pairs) - 1
        found = [f for f in found if f.exact and (f.held[0] == 0 or (f.held[-1] == last and not f.after))]
    if not found:
        back = tuple(said.user for said in threads.sessions.get(named, ())) if whole and not asked.lines else ()
        return Met(named, back, _earlier(asked.lines))
    best = max(found, key=lambda f: (len(f.held), -len(f.after)))
    known = next(n for n, line in enumerate(asked.lines) if line.pair == best.held[-1])
    return Met(best.session, best.after, _earlier(asked.lines[known + 1 :]))


def _earlier(lines: Sequence[Line]) -> tuple[tuple[str, str], ...]:
    return tuple((line.who, line.text) for line in lines if line.text.strip())


_TASK = re.compile(r"### Task:\s.*<chat_history>", re.DOTALL)
"""how Open WebUI asks for titles, tags, follow-ups and search queries"""
_TITLE = re.compile(r"\b(titles?|tags?)\b", re.IGNORECASE)
_TRANSCRIPT = re.compile(
    r"<(chat_history|conversation|messages|history)>|^#+ *(chat history|conversation)\b|^(user|human): .*\n+(assistant|ai|bot): ",
    re.IGNORECASE | re.MULTILINE,
)


def aside(asked: Asked) -> bool:
    """Whether this is no message of the user's, but a program's own question about a conversation that it quotes: for a title, tags and
    so on. Such a request is answered, and not recorded."""
    if asked.lines:
        return False
    titled = _TITLE.search(f"{asked.instruction}\n{asked.text}") and _TRANSCRIPT.search(asked.text)
    return bool(titled or _TASK.match(asked.text.lstrip()))
