"""Imported messages, read by a model because somebody asked for it: in batches, once each, for facts alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from pmm.agent import propose
from pmm.agent.extract import normalise
from pmm.errors import InvalidInput, MindBusy
from pmm.events import Event, FactAsserted, MessageImported
from pmm.llm.model import ChatModel, Message
from pmm.runtime.archive import with_facts
from pmm.runtime.calls import Said, tokens_of
from pmm.runtime.parts import Parts
from pmm.views import View

PAGE = 500
BATCH_MESSAGES, BATCH_CHARS = 40, 8_000
"""of one call: little enough for a small model's window"""


class Estimate(msgspec.Struct, frozen=True):
    """What reading would take: messages not read yet, calls, and tokens at most."""

    messages: int = 0
    calls: int = 0
    tokens: int = 0


class Read(msgspec.Struct, frozen=True):
    """What was read: calls made, facts found, answers that could not be read."""

    calls: int = 0
    facts: int = 0
    unreadable: int = 0


class Reading:
    """The messages of one origin. What was read before isn't read again, so a reading that broke off can be gone on with."""

    def __init__(self, parts: Parts, *, model: ChatModel, origin: str) -> None:
        if "extract" not in model.serves:
            raise InvalidInput(f"{model.name} can't read transcripts.", hint="`pmm models` shows others; --model chooses one.")
        self._parts = parts
        self._model = model
        self._origin = origin

    def estimate(self) -> Estimate:
        """What it would take, without asking the model anything."""
        messages = calls = tokens = 0
        for batch in self._batches():
            messages, calls = messages + len(batch), calls + 1
            tokens += tokens_of(self._model, self._prompt(batch)[0]) + self._most
        return Estimate(messages, calls, tokens)

    def run(self, on_progress: Callable[[int], Any] | None = None) -> Read:
        """Read what wasn't read yet. on_progress is told how many calls are done.

        Raises ModelError, MindBusy (a turn is being spoken); what was read before stays.
        """
        calls = facts = unreadable = 0
        for batch in self._batches():
            messages, shown = self._prompt(batch)
            schema = propose.schema(("facts",))
            said = self._parts.calls.make(self._model, "extract", messages, max_tokens=self._most, schema=schema)
            if said is None:
                raise MindBusy("a turn is being spoken.", hint="Run it again when the chat is quiet; it goes on from there.")
            done = self._parts.append(partial(self._judged, batch, said, shown))
            calls, facts = calls + 1, facts + sum(isinstance(event, FactAsserted) for event in done)
            unreadable += len(done) == 1 and getattr(done[0], "outcome", "") == "invalid"
            if on_progress:
                on_progress(calls)
        return Read(calls, facts, unreadable)

    @property
    def _most(self) -> int:
        return min(propose.ANSWER_TOKENS, self._model.window // 4)

    def _batches(self) -> Iterator[list[MessageImported]]:
        """In order, each with what fits in a call; those that were read before are left out."""
        batch: list[MessageImported] = []
        size = 0
        for message in self._messages():
            chars = min(len(message.content), propose.IMPORTED_CHARS)
            if batch and (len(batch) == BATCH_MESSAGES or size + chars > BATCH_CHARS):
                if self._parts.log.by_key(_key(batch)) is None:
                    yield batch
                batch, size = [], 0
            batch.append(message)
            size += chars
        if batch and self._parts.log.by_key(_key(batch)) is None:
            yield batch

    def _messages(self) -> Iterator[MessageImported]:
        """What people said: an assistant's words are no evidence of anything."""
        at, until = 0, self._parts.log.head[0]
        while events := self._parts.log.by_kind("message_imported", since=at, until=until, limit=PAGE):
            at = events[-1].id
            for event in events:
                if isinstance(event, MessageImported) and event.origin == self._origin and event.role != "assistant":
                    yield event

    def _prompt(self, batch: list[MessageImported]) -> tuple[list[Message], propose.Shown]:
        text, shown = propose.transcript_instruction(batch, self._parts.ids.marker())
        return [{"role": "user", "content": text}], shown

    def _judged(self, batch: list[MessageImported], said: Said, shown: propose.Shown, view: View) -> list[Event]:
        called = msgspec.structs.replace(said.called, key=_key(batch))
        found = propose.read(said.text)
        if found is None:
            return [msgspec.structs.replace(called, outcome="invalid", error="the answer can't be read")]
        others = {message.id for message in batch if message.role != "user"}
        facts = found.get("facts")
        kept = [item for item in facts if not _misattributed(item, others)] if isinstance(facts, list) else []
        view = with_facts(view, self._parts.archive, propose.facts_of({"facts": kept}))
        judged = propose.judge(view, {"facts": kept}, shown, now=self._parts.clock.now(), before=1, origin=self._origin)
        refused = judged.refused + (len(facts) - len(kept) if isinstance(facts, list) else 0)
        return [msgspec.structs.replace(called, error=f"{refused} refused: {judged.why}" if refused else ""), *judged.events]


def _misattributed(item: Any, others: set[int]) -> bool:
    """Whether what somebody else said would become a fact about the user."""
    if not isinstance(item, dict):
        return False
    subject = item.get("subject")
    return isinstance(subject, str) and normalise(subject) == "user" and item.get("source") in others


def _key(batch: list[MessageImported]) -> str:
    return f"read:{batch[0].id}-{batch[-1].id}"
