"""Ollama, the local daemon, through its own interface: unlike its OpenAI-compatible one, it lets the context size be set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pmm.errors import ModelCutOff, ModelMalformed, ModelRefused
from pmm.llm.model import PURPOSES, WARM, ChatModel, Message, Options, Piece, TokenUsage
from pmm.llm.wire import CONNECT_S, Answer, Wire, complaint_error, count, read_complaint

HOST = "http://127.0.0.1:11434"
KEEP_LOADED = "30m"
"""how long the daemon keeps the model, and what it has read, in memory; its own five minutes are shorter than a pause between two talks"""


class OllamaModel(ChatModel):
    """A model that an Ollama daemon serves. window: the context size in tokens it is loaded with (memory grows with it).
    warm: whether it may be sent a prompt only to have it read.

    Raises ConfigError when the address can't be used.
    """

    def __init__(self, model: str, *, host: str = HOST, window: int = 8192, max_output: int | None = None, warm: bool = False) -> None:
        self.name = f"ollama:{model}"
        self.serves = PURPOSES | {WARM} if warm else PURPOSES
        self.window = window
        self._model = model
        self._max_output = max_output
        self._wire = ollama_wire(host)

    def close(self) -> None:
        self._wire.close()

    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        settings: dict[str, Any] = {"num_ctx": self.window, "num_predict": min(options.max_tokens, self._max_output or options.max_tokens)}
        if options.temperature is not None:
            settings["temperature"] = options.temperature
        body: dict[str, Any] = {
            "model": self._model,
            "messages": messages,
            "stream": True,
            "options": settings,
            "keep_alive": KEEP_LOADED,
        }
        if options.schema is not None:
            body["format"] = options.schema
        with self._wire.post("/api/chat", body, options.timeout_s, options.cancel) as answer:
            self._check(answer)
            lines = answer.lines()
            yield from self._pieces(lines)
            for _ in lines:  # read dry, so that the connection can be used again
                pass

    def _check(self, answer: Answer) -> None:
        if answer.response.status_code == 404 and "not found" in answer.complaint().said:
            raise ModelRefused(f"{self._wire.place} has no model {self._model!r}.", hint=f"Get it with `ollama pull {self._model}`.")
        answer.check()

    def _pieces(self, lines: Iterator[tuple[bytes, bool]]) -> Iterator[Piece]:
        place, thought = self._wire.place, False
        for line, whole in lines:
            if not line.strip():
                continue
            try:
                chunk = _decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if not whole and line.startswith(b"{"):
                    break  # the end of the stream broke it off
                raise ModelMalformed(f"{place} sent a line that can't be read ({error}): {self._wire.shown(line)}") from None
            if chunk.error is not None:
                found = read_complaint(line)
                status = count(chunk.status_code) or found.status or 500
                raise complaint_error(msgspec.structs.replace(found, status=status), self._wire)
            message = chunk.message or _Message()
            if message.content:
                yield Piece(message.content)
            elif message.thinking and not thought:
                thought = True
                yield Piece()  # it thinks before it speaks: a sign of life, or it would be taken for hung
            if chunk.done:
                usage = TokenUsage(prompt=count(chunk.prompt_eval_count), completion=count(chunk.eval_count))
                yield Piece(finish="length" if chunk.done_reason == "length" else "stop", usage=None if usage == TokenUsage() else usage)
                return
        raise ModelCutOff(f"{place} broke off in mid-answer.")


def ollama_wire(host: str) -> Wire:
    """The connection to a daemon. host: as OLLAMA_HOST has it, so it may lack the port, or be the address the daemon binds to.

    Raises ConfigError.
    """
    host = host.strip().rstrip("/")
    host = host if "://" in host else f"http://{host}"
    try:
        parts = urlsplit(host)
        if parts.scheme == "http" and parts.hostname and parts.port is None and not parts.path:
            host += ":11434"
    except ValueError:
        pass  # Wire says what is wrong with it
    for everywhere in ("//0.0.0.0", "//[::]"):
        host = host.replace(everywhere, "//127.0.0.1", 1)
    return Wire(host, setting="ollama_host")


def server_models(wire: Wire, timeout_s: float = CONNECT_S) -> list[tuple[str, str]]:
    """(name, note) of the models a daemon has, the one changed last first. Raises ModelError."""
    return wire.models("/api/tags", "models", "name", _size, timeout_s)


def _size(row: dict[str, Any]) -> str:
    details = row.get("details")
    return str(details.get("parameter_size") or "") if isinstance(details, dict) else ""


class _Message(msgspec.Struct):
    content: str | None = None
    thinking: Any = None


class _Chunk(msgspec.Struct):
    message: _Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    error: Any = None
    status_code: Any = None


_decoder = msgspec.json.Decoder(_Chunk)
