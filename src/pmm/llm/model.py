"""ChatModel: the port every model stands behind.

`stream()` is final: it wraps deadlines, retries before the first piece, and cancellation from any thread around `_stream()`, which is
what an adapter implements. So no adapter can forget one of them, and no caller can skip one.
"""

from __future__ import annotations

import itertools
import os
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import Any, Literal, final

import msgspec

from pmm.errors import ModelCancelled, ModelCutOff, ModelError, ModelMalformed, ModelRefused, ModelTimeout, ModelUnavailable

Message = dict[str, str]
"""{"role": "system" | "user" | "assistant", "content": text}"""

PURPOSES = frozenset({"reply", "extract", "reflect", "scene"})
WARM = "warm"
"""the purpose of a call that only has the prompt read, for the engine to know it; its answer is not read"""


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
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._keys = itertools.count()

    def set(self) -> None:
        """Stop whatever listens. Safe to call twice, from any thread. Every callback runs, even if another raises."""
        with self._lock:
            self._set.set()
            callbacks, self._callbacks = self._callbacks, {}
        with ExitStack() as stack:
            for callback in reversed(callbacks.values()):
                stack.callback(callback)

    def is_set(self) -> bool:
        return self._set.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep up to `seconds`; True if it was set meanwhile."""
        return self._set.wait(seconds)

    def on_set(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back once when set (at once if it is). Adapters close their connection here.

        Returns a function that forgets the callback, so that a Cancel that outlives many calls doesn't collect them. A callback may
        still run just after it was forgotten, when `set()` was under way in another thread.
        """
        with self._lock:
            if not self._set.is_set():
                key = next(self._keys)
                self._callbacks[key] = callback
                return lambda: self._forget(key)
        callback()
        return lambda: None

    def _forget(self, key: int) -> None:
        with self._lock:
            self._callbacks.pop(key, None)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How one call is to be made. Times are real seconds.

    schema: a JSON schema the answer must follow (adapters that can enforce it do). draft: what can be said without any model;
    the offline model says it, others ignore it; it is called in the model's thread. timeout_s: the whole call, retries included.
    first_piece_timeout_s: each try, up to its first piece. on_retry: told the error and the pause in seconds before each new try.
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
    on_retry: Callable[[ModelUnavailable, float], None] | None = None


class ChatModel(ABC):
    """A model that answers a list of messages, piece by piece.

    name: as a user would write it, with its adapter ("openai:gpt-x"). window: context size in tokens. serves: the purposes it takes.
    notices: what a user should know of it. loaded: whether its window can be told at once.
    """

    name: str = "model"
    window: int = 8192
    serves: frozenset[str] = PURPOSES
    route: Literal["model", "offline"] = "model"
    notices: tuple[str, ...] = ()
    loaded: bool = True

    @cached_property
    def _threads(self) -> _Threads:
        return _Threads(f"pmm-{self.name}")

    @abstractmethod
    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        """Yield pieces; the last one has `finish`. Raise a ModelError when it can't. Runs in a thread of its own.

        `options.cancel` belongs to this one try: it is set when the caller stops, when the deadline passes and when nobody listens any
        more, so whatever could block must end when it is set. Between the last piece and its end an adapter has TIDY_S seconds.
        """

    def count_tokens(self, text: str) -> int:
        """Tokens of a text: the model's own tokenizer where an adapter has one, else an estimate that errs high."""
        return estimate_tokens(text)

    def close(self) -> None:
        """Let go of connections and memory."""
        return

    @final
    def stream(self, messages: Sequence[Message], options: Options | None = None) -> Iterator[Piece]:
        """Yield the answer. Raises ModelError: unavailable after retries, refused, late, cut off, malformed, cancelled.

        Nothing happens before the first `next()`. Closing the iterator early ends the call. A caller that reads slowly still gets all
        that arrived before the deadline.
        """
        options = options or Options()
        if options.purpose not in self.serves:
            raise ModelRefused(f"{self.name} doesn't serve {options.purpose!r}.", hint="Choose a model that does, or none for it.")
        yield from self._tried(messages, options)

    def _tried(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        """The answer, with deadlines, and tried again where that may help. Only what stands for other models does otherwise."""
        deadline = time.monotonic() + options.timeout_s
        for attempt in range(options.retries + 1):
            call = _Try(self, messages, options, deadline)
            try:
                yield from call.pieces()
                return
            except ModelUnavailable as error:
                pause = max(0.0, error.retry_after_s) if error.retry_after_s is not None else 0.25 * 2**attempt
                if call.started or attempt == options.retries or time.monotonic() + pause >= deadline:
                    raise
                if options.on_retry is not None:
                    options.on_retry(error, pause)
            if options.cancel.wait(pause):
                raise ModelCancelled("stopped while waiting to try again.")


TIDY_S = 0.1
"""how long a try that has given its last piece may take to end by itself (reading a connection dry, so that it can be used again)"""

AHEAD = 1024
"""pieces a model may be ahead of a caller that reads slowly; bounds memory"""


REST_S = 5.0
"""how long a thread that has nothing to do waits for another call"""


class _Threads:
    """The threads that one model speaks in. One that is done waits a while for the next call: to start another takes ten times as long."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._process = os.getpid()
        self._resting: list[queue.SimpleQueue[Callable[[], None]]] = []

    def run(self, work: Callable[[], None]) -> None:
        """Do this, in a thread that nothing else is done in."""
        if self._process != os.getpid():  # a fork takes no threads along
            self._process = os.getpid()
            self._resting.clear()
        try:
            self._resting.pop().put(work)
        except IndexError:
            threading.Thread(target=self._serve, args=(work,), name=self._name, daemon=True).start()

    def _serve(self, work: Callable[[], None]) -> None:
        me, inbox = threading.current_thread(), queue.SimpleQueue[Callable[[], None]]()
        while True:
            me.name = self._name
            work()
            del work  # what it holds is not kept for the sake of a thread that rests
            me.name = "pmm-resting"
            self._resting.append(inbox)
            try:
                work = inbox.get(timeout=REST_S)
            except queue.Empty:
                try:
                    self._resting.remove(inbox)
                except ValueError:
                    work = inbox.get()  # it was chosen in this very moment
                else:
                    return


class _Try:
    """One try at an answer: `_stream` runs in its own thread, so that a call that hangs can still be cancelled and timed out."""

    def __init__(self, model: ChatModel, messages: Sequence[Message], options: Options, deadline: float) -> None:
        self.started = False
        self._model = model
        self._messages = messages
        self._cancel = options.cancel
        self._stop = Cancel()
        self._options = msgspec.structs.replace(options, cancel=self._stop)
        self._deadline = deadline
        self._inbox: queue.SimpleQueue[Piece | ModelError | None] = queue.SimpleQueue()

    def pieces(self) -> Iterator[Piece]:
        """What arrives, as it arrives. Raises ModelError."""
        if self._cancel.is_set():
            raise ModelCancelled("stopped before the model was called.")
        limit = min(self._deadline, time.monotonic() + self._options.first_piece_timeout_s)
        finished = False
        forget = self._cancel.on_set(self._cancelled)
        try:
            self._model._threads.run(self._pump)
            while not finished:
                piece = self._next(limit)
                if piece is None:
                    raise ModelCutOff(f"{self._model.name} broke off in mid-answer.")
                self.started, limit = True, self._deadline
                finished = piece.finish is not None
                yield piece
        finally:
            forget()
            if finished:
                self._tidy()
            self._stop.set()

    def _cancelled(self) -> None:
        # First free the caller, then the adapter: closing a connection may take its time.
        self._inbox.put(None)
        self._stop.set()

    def _next(self, limit: float) -> Piece | None:
        try:
            item = self._inbox.get(timeout=max(0.0, limit - time.monotonic()))
        except queue.Empty:
            item = self._late()
        if self._cancel.is_set():
            # Whatever came, a call that was stopped says so, not that its connection broke.
            raise ModelCancelled("stopped.")
        if isinstance(item, ModelError):
            try:
                raise item
            finally:
                del item  # else this frame and the error's traceback hold each other
        return item

    def _late(self) -> ModelTimeout:
        what = "did not finish" if self.started else "did not begin to answer"
        return ModelTimeout(f"{self._model.name} {what} in time.")

    def _tidy(self) -> None:
        until = time.monotonic() + TIDY_S
        try:
            while isinstance(self._inbox.get(timeout=max(0.0, until - time.monotonic())), Piece):
                pass
        except queue.Empty:
            pass

    def _pump(self) -> None:
        end: ModelError | None = None
        try:
            pieces = self._model._stream(self._messages, self._options)
            try:
                end = self._pass_on(pieces)
            finally:
                close = getattr(pieces, "close", None)
                if close is not None:
                    close()
        except ModelError as error:
            end = error
        except Exception as error:  # noqa: BLE001 - whatever an adapter raises must reach the turn, or it would wait for its deadline
            end = ModelMalformed(f"{self._model.name} failed: {type(error).__name__}: {error}")
        finally:
            self._inbox.put(end)

    def _pass_on(self, pieces: Iterator[Piece]) -> ModelTimeout | None:
        inbox, stop = self._inbox, self._stop
        for piece in pieces:
            if time.monotonic() > self._deadline:
                # Judged here, where pieces arrive: a fast stream without end would keep the inbox full for ever.
                return self._late()
            inbox.put(piece)
            while inbox.qsize() > AHEAD and not stop.wait(0.005):
                pass
            if stop.is_set():
                return None
        return None


def estimate_tokens(text: str) -> int:
    """Tokens of a text without a tokenizer, erring high: about 3.2 ASCII characters a token, 1 to 1.5 tokens per other character."""
    if text.isascii():
        return int(len(text) / 3.2) + 1
    ascii_count = len(text.encode("ascii", "ignore"))
    other_bytes = len(text.encode("utf-8", "replace")) - ascii_count
    return int(ascii_count / 3.2 + other_bytes / 2) + 1
