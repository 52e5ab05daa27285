"""Model calls behind the user's back: within the day's cap, never while a turn is spoken, and each leaves its record.

The user's turn goes first. When one begins, the call under way is cancelled at once; it is made again when the turn is over.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec

from pmm.agent.spend import Today, today, wait_for
from pmm.clock import Clock
from pmm.config import Settings
from pmm.errors import MindBusy, ModelCancelled, ModelError, ModelRefused, ModelUnavailable
from pmm.events import ModelCalled, Usage
from pmm.llm.model import Cancel, ChatModel, Message, Options, TokenUsage
from pmm.storage.eventlog import EventLog
from pmm.storage.locks import ProcessLock
from pmm.views import View

ANSWER_CHARS = 100_000
"""after so many an answer is not listened to any longer"""
ERROR_CHARS = 300


class Said(msgspec.Struct, frozen=True):
    """A whole answer, and the record of the call, to be appended with what comes of it."""

    text: str
    called: ModelCalled


class Calls:
    """See the module. One at a time. Thread-safe."""

    def __init__(self, log: EventLog, settings: Settings, clock: Clock, turns: ProcessLock) -> None:
        self._log = log
        self._settings = settings
        self._clock = clock
        self._turns = turns
        self._changed = threading.Lock()
        self._speaking = 0
        self._call: Cancel | None = None
        self.closed = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """A user's turn: meanwhile no call is under way, and none begins."""
        with self._changed:
            self._speaking += 1
            call = self._call
        if call is not None:
            call.set()
        try:
            yield
        finally:
            with self._changed:
                self._speaking -= 1

    def close(self) -> None:
        """Cancel the call under way; no other begins."""
        with self._changed:
            self.closed, call = True, self._call
        if call is not None:
            call.set()

    def today(self, view: View) -> Today:
        """What was spent today, and the caps."""
        s = self._settings
        return today(view, self._clock.now(), foreground_cap=s.foreground_tokens_per_day, background_cap=s.background_tokens_per_day)

    def wait(self, view: View, cost: int) -> datetime | None:
        """Until when a call of at most `cost` tokens must wait for the day's cap; None if it need not."""
        return wait_for(self.today(view), cost)

    def make(
        self, model: ChatModel, purpose: str, messages: Sequence[Message], *, max_tokens: int, schema: dict[str, Any] | None = None
    ) -> Said | None:
        """Ask the model. None: the user's turn (or the end of this process) came first.

        One that was stopped or failed is recorded here. Raises ModelError when it failed.
        """
        cancel = self._begin()
        if cancel is None:
            return None
        made = _Made(model, purpose, messages)
        try:
            made.listen(self._options(purpose, max_tokens, schema, cancel, made))
        except ModelError as error:
            self._log.append([made.record(error)])
            if isinstance(error, ModelCancelled):
                return None
            raise
        except KeyboardInterrupt:
            self._log.append([made.record(ModelCancelled("stopped."))])
            raise
        finally:
            with self._changed:
                self._call = None
        return Said(made.text, made.record())

    def _begin(self) -> Cancel | None:
        try:
            self._turns.acquire()  # whoever speaks in another process holds it
            self._turns.release()
        except MindBusy:
            return None
        with self._changed:
            if self._speaking or self.closed:
                return None
            self._call = Cancel()
            return self._call

    def _options(self, purpose: str, max_tokens: int, schema: dict[str, Any] | None, cancel: Cancel, made: _Made) -> Options:
        s = self._settings
        return Options(
            purpose=purpose,
            max_tokens=max_tokens,
            temperature=s.temperature,
            schema=schema,
            timeout_s=s.model_timeout_s,
            first_piece_timeout_s=s.first_piece_timeout_s,
            retries=s.model_retries,
            cancel=cancel,
            on_retry=made.again,
        )


class _Made:
    """One call as it goes on."""

    def __init__(self, model: ChatModel, purpose: str, messages: Sequence[Message]) -> None:
        self.text = ""
        self._model = model
        self._purpose = purpose
        self._messages = messages
        self._usage = TokenUsage()
        self._attempts = 1

    def again(self, error: ModelError, pause: float) -> None:
        self._attempts += 1

    def listen(self, options: Options) -> None:
        heard, size = [], 0
        pieces = self._model.stream(self._messages, options)
        try:
            for piece in pieces:
                heard.append(piece.text)
                size += len(piece.text)
                self._usage = piece.usage or self._usage
                if size > ANSWER_CHARS:
                    break
        finally:
            self.text = "".join(heard)
            pieces.close()  # type: ignore[attr-defined]

    def record(self, error: ModelError | None = None) -> ModelCalled:
        """What the call took: as the model counted it, else estimated, so that one that doesn't count can't spend without end."""
        reached = self.text or not isinstance(error, (ModelUnavailable, ModelRefused))
        prompt = tokens_of(self._model, self._messages) if reached else 0
        said = self._model.count_tokens(self.text) if self.text else 0
        counted = self._usage
        usage = Usage(
            prompt=prompt if counted.prompt is None else counted.prompt,
            cached=counted.cached,
            completion=said if counted.completion is None else counted.completion,
        )
        return ModelCalled(
            purpose=self._purpose,
            model=self._model.name,
            outcome="ok" if error is None else "failed",
            usage=usage,
            error="" if error is None else "cancelled" if isinstance(error, ModelCancelled) else error.message[:ERROR_CHARS],
            attempts=self._attempts,
        )


def tokens_of(model: ChatModel, messages: Sequence[Message]) -> int:
    """Tokens of a prompt, erring high."""
    return sum(model.count_tokens(message["content"]) + 4 for message in messages)
