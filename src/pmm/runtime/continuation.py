"""Speaking: the pieces of a model's answer as the user sees them, continued without a seam when it was cut for length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from pmm.clock import stopwatch
from pmm.errors import ModelMalformed
from pmm.events import Timing
from pmm.llm.model import ChatModel, Message, Options, Piece, TokenUsage

CONTINUATIONS_MAX = 2
SEAM_CHARS = 80
META_BYTES = 4096
"""left for what an event says beside its content"""
GO_ON = "Go on exactly where you broke off. Repeat nothing and add no introduction."


class Speech:
    """What has been said so far, and what it took. started: a stopwatch reading at the turn's start."""

    def __init__(self, started: float) -> None:
        self.started = started
        self.finish: Literal["stop", "length", "interrupted"] | None = None
        self.usage = TokenUsage()
        self.calls = 0
        self.waited = 0.0
        """seconds spent waiting for the model; what the listener took between two pieces is not in it"""
        self._pieces: list[str] = []
        self._first: float | None = None
        self.bytes = 0

    def add(self, text: str) -> str:
        """Note a piece that is about to be shown."""
        if self._first is None:
            self._first = stopwatch()
        self._pieces.append(text)
        self.bytes += len(text.encode())
        return text

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def spent(self, usage: TokenUsage | None) -> None:
        """Add a call's tokens."""
        if usage is not None:
            mine = self.usage
            pairs = ((mine.prompt, usage.prompt), (mine.cached, usage.cached), (mine.completion, usage.completion))
            self.usage = TokenUsage(*(b if a is None else a if b is None else a + b for a, b in pairs))

    def timing(self) -> Timing:
        """Milliseconds since the turn began."""
        first = None if self._first is None else round((self._first - self.started) * 1e3, 3)
        return Timing(first_token_ms=first, total_ms=round((stopwatch() - self.started) * 1e3, 3))


def speak(
    model: ChatModel, messages: Sequence[Message], options: Options, speech: Speech, bytes_max: int, stop: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the answer's pieces and note them in `speech`. Raises ModelError; an empty answer is one (malformed).

    stop: texts before the first of which the answer ends.
    """
    call = list(messages)
    for _ in range(1 + CONTINUATIONS_MAX):
        before = speech.text
        speech.calls += 1
        yield from _once(model, call, options, speech, before, bytes_max, stop)
        if speech.finish != "length" or not speech.text or speech.bytes >= bytes_max // 2:
            break
        left = options.max_tokens - (speech.usage.completion or options.max_tokens)
        if left < 16:
            break
        options = msgspec.structs.replace(options, max_tokens=left)
        call = [*messages, {"role": "assistant", "content": speech.text}, {"role": "user", "content": GO_ON}]
    if not speech.text.strip():
        raise ModelMalformed(f"{model.name} answered nothing.")


def _once(
    model: ChatModel, messages: Sequence[Message], options: Options, speech: Speech, before: str, bytes_max: int, stop: Sequence[str]
) -> Iterator[str]:
    pieces = _noted(model.stream(messages, options), speech)
    for text in _until(stop, _well_formed(_joined(before, pieces)), speech):
        room = bytes_max - META_BYTES - speech.bytes
        if len(text) * 4 > room and len(text.encode()) > room:  # what is shown must fit the event that keeps it
            text = text.encode()[: max(0, room)].decode(errors="ignore")
            speech.finish = "length"
        if text:
            yield speech.add(text)
        if speech.finish == "length" and speech.bytes >= bytes_max - META_BYTES - 4:
            return


def _noted(pieces: Iterator[Piece], speech: Speech) -> Iterator[str]:
    while True:
        asked = stopwatch()
        try:
            piece = next(pieces, None)
        finally:
            speech.waited += stopwatch() - asked
        if piece is None:
            return
        speech.spent(piece.usage)
        if piece.finish is not None:
            speech.finish = piece.finish
        yield piece.text


def _until(stop: Sequence[str], pieces: Iterator[str], speech: Speech) -> Iterator[str]:
    """The pieces up to the first of the texts in `stop`. What may be the beginning of one is held back until that is known."""
    held = ""
    for piece in pieces:
        held += piece
        found = [at for text in stop if (at := held.find(text)) >= 0]
        if found:
            speech.finish = "stop"
            yield held[: min(found)]
            return
        begun = max((n for text in stop for n in range(1, len(text)) if held.endswith(text[:n])), default=0)
        ready, held = held[: len(held) - begun], held[len(held) - begun :]
        yield ready
    if held:
        yield held


def _joined(before: str, pieces: Iterator[str]) -> Iterator[str]:
    """The pieces of a continuation without what they repeat of the end of `before`."""
    if not before:
        yield from pieces
        return
    tail, held = before[-SEAM_CHARS:], ""
    for piece in pieces:
        held += piece
        if len(held) >= SEAM_CHARS:
            break
    overlap = next((n for n in range(min(len(tail), len(held)), 3, -1) if tail.endswith(held[:n])), 0)
    yield held[overlap:]
    yield from pieces


def _well_formed(pieces: Iterator[str]) -> Iterator[str]:
    """Join surrogate pairs that were split over two pieces; replace lone ones, which no text can store, by U+FFFD."""
    high = ""
    for piece in pieces:
        text, high = high + piece, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, high = text[:-1], text[-1]
        yield _paired(text)
    if high:
        yield "\ufffd"


def _paired(text: str) -> str:
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
