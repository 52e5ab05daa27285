"""ChatModel: the port every model stands behind.

`stream()` is final: it wraps deadlines, retries before the first piece, and cancellation from any thread around `_stream()`, which is
what an adapter implements. So no adapter can forget one of them, and no caller can skip one.
"""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, final

import msgspec

from pmm.errors import ModelCancelled, ModelCutOff, ModelError, ModelMalformed, ModelTimeout, ModelUnavailable

Message = dict[str, str]
"""{"role": "system" | "user" | "assistant", "content": text}"""

PURPOSES = frozenset({"reply", "extract", "reflect", "scene"})


class TokenUsage(msgspec.Struct, frozen=True):
    """Tokens as the model counted them; None where it didn't say. cached: prompt tokens it reused instead of reading."""

    prompt: int | None = None
    cached: int | None = None
    completion: int | None = None


class Piece(msgspec.Struct, frozen=True):
    """A part of an answer. The last piece carries `finish` (and usage, where known); its text may be empty."""

    text: str = ""
    finish: Literal["stop", "length"] | None = None
    usage: TokenUsage | None = None


class Cancel:
    """A way to stop a call from another thread. Once set it stays set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = threading.Event()
        self._callbacks: list[Callable[[], None]] = []

    def set(self) -> None:
        """Stop whatever listens. Safe to call twice, from any thread."""
        with self._lock:
            self._set.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def is_set(self) -> bool:
        return self._set.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep up to `seconds`; True if it was set meanwhile."""
        return self._set.wait(seconds)

    def on_set(self, callback: Callable[[], None]) -> None:
        """Call back once when set (at once if it is). Adapters close their connection here."""
        with self._lock:
            if not self._set.is_set():
                self._callbacks.append(callback)
                return
        callback()


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How one call is to be made. Times are real seconds.

    schema: a JSON schema the answer must follow (adapters that can enforce it do). draft: what can be said without any model;
    the offline model says it, others ignore it.
    """

    purpose: str = "reply"
    max_tokens: int = 1024
    temperature: float | None = None
    schema: dict[str, Any] | None = None
    timeout_s: float = 120.0
    first_piece_timeout_s: float = 60.0
    retries: int = 2
    cancel: Cancel = msgspec.field(default_factory=Cancel)
    draft: Callable[[], str] | None = None


class ChatModel(ABC):
    """A model that answers a list of messages, piece by piece.

    name: as a user would write it, with its adapter ("openai:gpt-x"). window: context size in tokens. serves: the purposes it takes.
    """

    name: str = "model"
    window: int = 8192
    serves: frozenset[str] = PURPOSES
    route: ClassVar[Literal["model", "offline"]] = "model"

    @abstractmethod
    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        """Yield pieces; the last one has `finish`. Raise a ModelError when it can't. Runs in a thread of its own."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text: the model's own tokenizer where an adapter has one, else an estimate that errs high."""
        return estimate_tokens(text)

    def close(self) -> None:
        """Let go of connections and memory."""
        return

    @final
    def stream(self, messages: Sequence[Message], options: Options | None = None) -> Iterator[Piece]:
        """Yield the answer. Raises ModelError: unavailable after retries, refused, late, cut off, malformed, cancelled."""
        options = options or Options()
        deadline = time.monotonic() + options.timeout_s
        for attempt in range(options.retries + 1):
            started = False
            try:
                for piece in self._attempt(messages, options, deadline):
                    started = True
                    yield piece
                return
            except ModelUnavailable as error:
                pause = error.retry_after_s if error.retry_after_s is not None else 0.25 * 2**attempt
                if started or attempt == options.retries or time.monotonic() + pause >= deadline:
                    raise
                if options.cancel.wait(pause):
                    raise ModelCancelled("stopped while waiting to try again.") from None

    def _attempt(self, messages: Sequence[Message], options: Options, deadline: float) -> Iterator[Piece]:
        """One try: `_stream` runs in its own thread, so that a call that hangs can still be cancelled and timed out."""
        if options.cancel.is_set():
            raise ModelCancelled("stopped before the model was called.")
        inbox: queue.SimpleQueue[Piece | ModelError | BaseException | None] = queue.SimpleQueue()
        abandoned = threading.Event()
        options.cancel.on_set(lambda: inbox.put(ModelCancelled("stopped.")))
        threading.Thread(target=self._pump, args=(messages, options, inbox, abandoned), name=f"pmm-{self.name}", daemon=True).start()
        first, finished = True, False
        try:
            while True:
                limit = deadline if not first else min(deadline, time.monotonic() + options.first_piece_timeout_s)
                item = self._next(inbox, limit, first)
                if item is None:
                    break
                first = False
                finished = finished or item.finish is not None
                yield item
            if not finished:
                raise ModelCutOff(f"{self.name} broke off in mid-answer.")
        finally:
            abandoned.set()

    def _next(self, inbox: queue.SimpleQueue[Any], limit: float, first: bool) -> Piece | None:
        try:
            item = inbox.get(timeout=max(0.0, limit - time.monotonic()))
        except queue.Empty:
            what = "did not begin to answer" if first else "did not finish"
            raise ModelTimeout(f"{self.name} {what} in time.") from None
        if isinstance(item, BaseException):
            raise item
        return item  # type: ignore[no-any-return]

    def _pump(self, messages: Sequence[Message], options: Options, inbox: queue.SimpleQueue[Any], abandoned: threading.Event) -> None:
        pieces = self._stream(messages, options)
        try:
            for piece in pieces:
                inbox.put(piece)
                if abandoned.is_set() or options.cancel.is_set():
                    break
            inbox.put(None)
        except ModelError as error:
            inbox.put(error)
        except Exception as error:  # noqa: BLE001 - whatever an adapter raises must reach the turn, or it would wait for its deadline
            inbox.put(ModelMalformed(f"{self.name} failed: {type(error).__name__}: {error}"))
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()


def estimate_tokens(text: str) -> int:
    """Tokens of a text without a tokenizer, erring high: about 3.2 ASCII characters a token, 1 to 1.5 tokens per other character."""
    if text.isascii():
        return int(len(text) / 3.2) + 1
    ascii_count = len(text.encode("ascii", "ignore"))
    other_bytes = len(text.encode("utf-8", "replace")) - ascii_count
    return int(ascii_count / 3.2 + other_bytes / 2) + 1
