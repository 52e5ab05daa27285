"""Any server that speaks OpenAI's chat completions: the hosted API, vLLM, llama.cpp's server, LM Studio, OpenRouter.

What a server can do is never probed: it is asked for all, and if it refuses a parameter by name, asked again without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pmm.errors import ModelCutOff, ModelError, ModelMalformed, ModelRefused, ModelUnavailable
from pmm.llm.model import PURPOSES, WARM, ChatModel, Message, Options, Piece, TokenUsage
from pmm.llm.wire import CONNECT_S, MAX_LINE, Answer, Complaint, Wire, complaint_error, count, read_complaint

HOSTED = "https://api.openai.com/v1"


class OpenAIModel(ChatModel):
    """A model behind an OpenAI-compatible server. base_url: with its version, such as http://127.0.0.1:8080/v1. window, max_output: tokens.
    warm: whether it may be sent a prompt only to have it read.

    Raises ConfigError when the address or the key can't be used.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str = HOSTED,
        api_key: str = "",
        window: int = 8192,
        max_output: int | None = None,
        warm: bool = False,
    ) -> None:
        self.name = f"openai:{model}"
        self.serves = PURPOSES | {WARM} if warm else PURPOSES
        self.window = window
        self._model = model
        self._max_output = max_output
        self._wire = openai_wire(base_url, api_key)
        # The hosted API gave the limit a new name, and its newer models refuse the old one; most other servers know only the old one.
        self._limit_name = "max_completion_tokens" if self._wire.host == "api.openai.com" else "max_tokens"
        self._refused: frozenset[str] = frozenset()
        """parameters this server refused by name; kept for the life of this object"""

    def close(self) -> None:
        self._wire.close()

    def _stream(self, messages: Sequence[Message], options: Options) -> Iterator[Piece]:
        refused = self._refused
        while True:
            body = self._body(messages, options, refused)
            with self._wire.post("/chat/completions", body, options.timeout_s, options.cancel) as answer:
                name = _refused_parameter(answer, body, refused)
                if name is None:
                    answer.check()
                    self._refused = refused  # only what made it work is remembered
                    yield from _Reader(self._wire, answer).pieces()
                    return
            refused |= {name}

    def _body(self, messages: Sequence[Message], options: Options, refused: frozenset[str]) -> dict[str, Any]:
        limit = self._limit_name
        if limit in refused:
            limit = "max_tokens" if limit == "max_completion_tokens" else "max_completion_tokens"
        body: dict[str, Any] = {
            "model": self._model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
            limit: min(options.max_tokens, self._max_output or options.max_tokens),
        }
        if options.temperature is not None:
            body["temperature"] = options.temperature
        if options.schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": options.purpose, "schema": options.schema}}
            if "json_schema" in refused:  # the older form; llama-cpp-python's server holds to the schema in it
                body["response_format"] = {"type": "json_object", "schema": options.schema}
        return {name: value for name, value in body.items() if name not in refused}


def openai_wire(base_url: str, api_key: str) -> Wire:
    """The connection to an OpenAI-compatible server. Raises ConfigError."""
    key = api_key.strip()
    base_url = base_url.strip().rstrip("/").removesuffix("/chat/completions")
    return Wire(base_url, setting="openai_base_url", headers={"Authorization": f"Bearer {key}"} if key else {}, secret=key)


def server_models(wire: Wire, timeout_s: float = CONNECT_S) -> list[tuple[str, str]]:
    """(name, note) of the models a server has. Raises ModelError."""
    return wire.models("/models", "data", "id", _size, timeout_s)


def _size(row: dict[str, Any]) -> str:
    size = count(row.get("max_model_len") or row.get("context_length"))
    return f"context {size}" if size else ""


ADJUSTABLE = ("stream_options", "max_completion_tokens", "max_tokens", "temperature", "response_format")


def _refused_parameter(answer: Answer, body: dict[str, Any], refused: frozenset[str]) -> str | None:
    """The parameter that the server refuses by name and that it can be asked without; None if it isn't that."""
    status = answer.response.status_code
    if status not in (400, 422, 500):
        return None
    found = answer.complaint()
    if found.kind == "context_length_exceeded":
        return None  # its words name the limit, but another name for it won't help
    if status == 500 and "validation error" not in found.said:
        return None  # llama-cpp-python's server reports a parameter it doesn't know as its own failure
    named = [name for name in ADJUSTABLE if name in body and name not in refused]
    exact = [name for name in named if found.param.split(".")[0] == name]
    said = [name for name in named if re.search(rf"\b{name}\b", found.said)]
    name = next(iter(exact + said), None)
    return "json_schema" if name == "response_format" and "json_schema" not in refused else name


class _Delta(msgspec.Struct):
    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: Any = None
    timings: Any = None
    error: Any = None


_decoder = msgspec.json.Decoder(_Chunk)


class _Reader:
    """Reads one answer: chunks as they come, then one last piece with finish and usage."""

    def __init__(self, wire: Wire, answer: Answer) -> None:
        self._wire = wire
        self._answer = answer
        self._finish = ""
        self._usage: Any = None
        self._timings: Any = None
        self._spoke = False
        self._thought = False

    def pieces(self) -> Iterator[Piece]:
        """Raises ModelError."""
        if self._answer.content_type == "text/html":
            raise ModelMalformed(self._stray(self._answer.body()), hint="Is openai_base_url right? It usually ends in /v1.")
        strays: list[bytes] = []
        events = server_events(self._answer.lines(), strays)
        if self._answer.content_type == "application/json":
            yield from self._whole(self._answer.body(MAX_LINE))  # a server that doesn't stream
        else:
            yield from self._events(events)
        if not self._finish and not self._spoke and strays:
            yield from self._whole(strays[0])
        if not self._finish and not self._spoke:
            # Some servers end so when the prompt is too long for them.
            hint = "Is the prompt longer than its context? Set model_window to the size the server was started with."
            raise ModelCutOff(f"{self._wire.place} sent no answer.", hint=hint)
        if not self._finish:
            raise ModelCutOff(f"{self._wire.place} stopped in mid-answer.")
        yield self._last()
        for _ in events:  # read dry, so that the connection can be used again
            pass

    def _events(self, events: Iterator[tuple[str, bytes, bool]]) -> Iterator[Piece]:
        try:
            for event, data, whole in events:
                if data.strip() == b"[DONE]":
                    self._finish = self._finish or "stop"
                    return
                if data.strip():
                    yield from self._read(data, event, whole)
        except ModelCutOff:
            if not self._finish:
                raise  # else all had been said before it broke

    def _whole(self, body: bytes) -> Iterator[Piece]:
        if not body.strip():
            return
        if not body.lstrip().startswith(b"{"):
            raise ModelMalformed(self._stray(body))
        yield from self._read(body, "", whole=True)
        self._finish = self._finish or ("stop" if self._spoke else "")

    def _read(self, data: bytes, event: str, whole: bool) -> Iterator[Piece]:
        try:
            chunk = _decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if not whole:
                raise ModelCutOff(f"{self._wire.place} broke off in mid-answer.") from None
            raise ModelMalformed(f"{self._wire.place} sent a chunk that can't be read ({error}): {self._wire.shown(data)}") from None
        if chunk.error is not None or event == "error":
            raise self._complaint(read_complaint(data))
        self._usage = chunk.usage or self._usage
        self._timings = chunk.timings or self._timings
        for choice in (chunk.choices or ())[:1]:
            self._finish = choice.finish_reason or self._finish
            delta = choice.delta or choice.message or _Delta()
            if text := _text(delta.content) or _text(delta.refusal):
                self._spoke = True
                yield Piece(text)
            elif (delta.reasoning_content or delta.reasoning or delta.content) and not self._thought:
                # It thinks before it speaks: a sign of life, or it would be taken for hung.
                self._thought = True
                yield Piece()

    def _last(self) -> Piece:
        reason, place = self._finish, self._wire.place
        if reason == "content_filter":
            raise ModelRefused(f"{place} stopped the answer with its content filter.", hint="Say it in other words, or switch the model.")
        if reason in ("tool_calls", "function_call") and not self._spoke:
            raise ModelMalformed(f"{place} called a tool, though none was offered.")
        if reason == "error":
            raise ModelCutOff(f"{place} failed in mid-answer.")
        return Piece(finish="length" if reason in ("length", "max_tokens") else "stop", usage=_usage(self._usage, self._timings))

    def _complaint(self, found: Complaint) -> ModelError:
        if found.status >= 400:
            return complaint_error(found, self._wire)
        said = f"{self._wire.place} said: {self._wire.shown(found.said) or 'error'}"
        if re.search("overload|rate_limit|server_error|unavailable|timeout|internal", found.kind):
            return ModelUnavailable(said, hint="The server is there, but busy or in trouble; try again later.")
        if re.search("invalid|auth|permission|not_found|context_length|quota|exceed", found.kind):
            return ModelRefused(said, hint="The server doesn't take what it was sent; see its own words.")
        return ModelCutOff(said) if self._spoke else ModelUnavailable(said)

    def _stray(self, body: bytes) -> str:
        return f"{self._wire.place} sent something that is no answer: {self._wire.shown(read_complaint(body).said or body)}"


def server_events(lines: Iterator[tuple[bytes, bool]], strays: list[bytes]) -> Iterator[tuple[str, bytes, bool]]:
    """(event, data, whole) of a stream of server-sent events. whole is False for one that the stream's end broke off.

    strays receives the first line that doesn't belong in such a stream.
    """
    event = ""
    data: list[bytes] = []
    for line, whole in lines:
        if not line:
            if data:
                yield event, b"\n".join(data), True
            event, data = "", []
            continue
        name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name == b"event":
            event = value.decode("utf-8", "replace")
        elif name == b"error":  # not in the standard; older llama.cpp servers send it
            event, data = "error", [value]
        elif name not in (b"", b"id", b"retry") and not strays:
            strays.append(line)
        if data and not whole:
            yield event, b"\n".join(data), False
            return
    if data:
        yield event, b"\n".join(data), False


def _text(content: Any) -> str:
    """The text of a delta's content: a string, or a list of parts of which some are text."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict) and part.get("type", "text") == "text")
    return content if isinstance(content, str) else ""


def _usage(usage: Any, timings: Any) -> TokenUsage | None:
    """usage: as OpenAI reports it. timings: as llama.cpp's server does."""
    usage = usage if isinstance(usage, dict) else {}
    timings = timings if isinstance(timings, dict) else {}
    details = usage.get("prompt_tokens_details")
    cached = count(details.get("cached_tokens")) if isinstance(details, dict) else None
    reused, read = count(timings.get("cache_n")), count(timings.get("prompt_n"))
    prompt, completion = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    if prompt is None and read is not None:
        prompt = read + (reused or 0)
    found = TokenUsage(
        prompt, cached if cached is not None else reused, completion if completion is not None else count(timings.get("predicted_n"))
    )
    return None if found == TokenUsage() else found
