"""`/v1/chat/completions` and `/v1/models`: each mind is a model, so any client of OpenAI's API talks to a mind that remembers.

How the client's own history meets the mind's memory is decided in `history`. Errors have OpenAI's form here.
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.responses import Response, StreamingResponse

from pmm.api import shapes
from pmm.api.errors import RETRY_S, Refused, log, problem_of
from pmm.api.history import Message, aside, meet, read
from pmm.api.minds import Hosted
from pmm.api.speak import beating, whole
from pmm.api.turns import Spoken
from pmm.errors import InvalidInput, PMMError, TurnFailed
from pmm.runtime.turn import How, Reply

if TYPE_CHECKING:
    from pmm.api.minds import Minds
    from pmm.runtime.mind import Mind

SESSION_HEADER = "x-session-id"
CHAT_HEADERS = ("x-openwebui-chat-id",)
"""in which clients that send their whole history name a chat"""
STOPS_MAX = 16
UNABLE = "tools", "functions", "response_format", "logprobs", "audio", "modalities"


class Body(msgspec.Struct, frozen=True):
    """What is heeded of a request. Of the rest, what would change the meaning of an answer is refused; other fields are ignored."""

    model: str
    messages: list[Message]
    stream: bool = False
    stream_options: dict[str, Any] | None = None
    stop: str | list[str] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    n: int | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    audio: dict[str, Any] | None = None
    modalities: list[str] | None = None

    def how(self) -> How:
        """What it asks of the turn. Raises InvalidInput."""
        self._check_able()
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        if len(stop) > STOPS_MAX or not all(stop):
            raise InvalidInput(f"stop: at most {STOPS_MAX} texts, none of them empty.")
        most = self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
        if most is not None and most < 1:
            raise InvalidInput("max_tokens: at least 1.")
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            raise InvalidInput("temperature: from 0 to 2.")
        return How(max_tokens=most, temperature=self.temperature, stop=stop)

    def _check_able(self) -> None:
        plain = {"response_format": {"type": "text"}, "modalities": ["text"]}
        for name in UNABLE:
            value = getattr(self, name)
            if value and value != plain.get(name):
                raise InvalidInput(f"{name}: a mind answers in plain text alone.", hint="Leave it out.")
        if self.n not in (None, 1):
            raise InvalidInput("n: a mind gives one answer.", hint="Leave it out.")


_decode = msgspec.json.Decoder(Body).decode


class OpenAIRoute(APIRoute):
    """Tells errors as OpenAI does."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, and what it raises told so."""
        handler = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handler(request)
            except PMMError as error:
                return refusal(error)

        return told


def refusal(error: PMMError) -> Response:
    """An error in OpenAI's form."""
    body = _told(error)
    status = problem_of(error).status
    status = 400 if status == 422 else status
    headers = {"cache-control": "no-store"}
    if status == 503:
        headers["retry-after"] = str(RETRY_S)
    if isinstance(error, TurnFailed) and error.user_event is not None:
        headers["x-should-retry"] = "false"  # the message is kept already: sent again, it would be there twice
    return Response(shapes.encode(body), status, headers, media_type="application/json")


def _told(error: PMMError) -> dict[str, Any]:
    problem = problem_of(error)
    kind = "invalid_request_error" if problem.status < 500 else "server_error"
    code = "model_not_found" if problem.status == 404 else problem.reason or None
    said = " ".join(part for part in (problem.detail, problem.hint) if part)
    return {"error": {"message": said, "type": kind, "param": None, "code": code}}


def router(minds: Minds) -> APIRouter:
    """The routes, to be included without a prefix."""
    routes = APIRouter(prefix="/v1", route_class=OpenAIRoute, tags=["openai"], responses=_ERRS)

    @routes.get("/models")
    def models() -> Response:
        """The minds, as models."""
        opened = {hosted.name: hosted for hosted in minds.opened()}
        return shapes.answer({"object": "list", "data": [_model(name, opened.get(name)) for name in minds.names()]})

    @routes.get("/models/{model}")
    async def model(model: str) -> Response:
        """One of them."""
        return shapes.answer(await to_thread(_model, model, await _mind(minds, model)))

    @routes.post("/chat/completions", openapi_extra=_TAKES)
    async def chat_completions(request: Request) -> Response:
        """One turn with the mind that `model` names. Only the last message is new; headers X-Session-Id, X-PMM-Record, Idempotency-Key."""
        body = _body(await request.body())
        how = body.how()
        hosted = await _mind(minds, body.model)
        text, placed = await to_thread(_placed, hosted.mind, request.headers, body.messages, how)  # a long history takes its time
        spoken = hosted.turns.speak(text, **placed)
        about = {"id": f"chatcmpl-{hosted.mind.new_session()[5:]}", "created": int(hosted.mind.now.timestamp()), "model": body.model}
        told = {"x-session-id": spoken.session} if spoken.session.isascii() and spoken.session.isprintable() else {}
        if not body.stream:
            reply: Reply = await whole(spoken, request)
            done = _completion(about, reply, spoken)
            return Response(shapes.encode(done), headers={"cache-control": "no-store", **told}, media_type="application/json")
        pieces = beating(spoken.follow())
        try:
            first = await anext(pieces, None)  # what fails at once is told with its status
        except BaseException:
            spoken.stop()
            raise
        usage = bool((body.stream_options or {}).get("include_usage"))
        headers = {"cache-control": "no-store", **told}
        return StreamingResponse(_chunks(about, spoken, first, pieces, usage=usage), media_type="text/event-stream", headers=headers)

    return routes


_ERRS: dict[int | str, dict[str, Any]] = {"default": {"description": "What went wrong, as OpenAI tells it."}}
_EXAMPLE = {"model": "default", "messages": [{"role": "user", "content": "Where do I live?"}]}
_SCHEMA = {
    "type": "object",
    "required": ["model", "messages"],
    "properties": {
        "model": {"type": "string"},
        "messages": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["role", "content"],
                "properties": {"role": {"type": "string"}, "content": {"type": "string"}},
            },
        },
        "stream": {"type": "boolean"},
    },
}
_TAKES = {"requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA, "example": _EXAMPLE}}}}


def _body(sent: bytes) -> Body:
    try:
        return _decode(sent)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInput(f"the request can't be read: {error}", hint="Send JSON as OpenAI's chat completions take it.") from None


async def _mind(minds: Minds, name: str) -> Hosted:
    try:
        return await minds.get(name)
    except Refused as error:
        if error.status != 404:
            raise
        raise Refused(404, f"the model {name[:80]!r} does not exist.", hint="GET /v1/models lists the minds of this server.") from None


def _model(name: str, hosted: Hosted | None) -> dict[str, Any]:
    born = hosted.mind.view().identity.created if hosted is not None else None
    return {"id": name, "object": "model", "created": int(born.timestamp()) if born else 0, "owned_by": "pmm"}


def _placed(mind: Mind, headers: Headers, messages: list[Message], how: How) -> tuple[str, dict[str, Any]]:
    """What is said, and how and in which session: the arguments of a turn. Raises InvalidInput."""
    asked = read(messages)
    how = msgspec.structs.replace(how, instruction=asked.instruction)
    if aside(asked):
        return asked.text, {"session": mind.new_session(), "record": False, "how": how}
    record = headers.get("x-pmm-record", "").strip().lower() not in ("no", "false", "0")
    chat = next((f"chat:{headers[name]}" for name in CHAT_HEADERS if headers.get(name)), None)
    named = headers.get(SESSION_HEADER) or chat
    met = meet(asked, mind.view().threads, named=named, whole=named is not None and named == chat)
    how = msgspec.structs.replace(how, earlier=met.earlier, supersedes=met.supersedes)
    key = headers.get("idempotency-key") or None
    return asked.text, {"session": met.session or mind.new_session(), "key": key, "record": record, "how": how}


_FINISH = {"interrupted": "stop"}


def _completion(about: dict[str, Any], reply: Reply, spoken: Spoken) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH.get(reply.finish, reply.finish)}
    return {**about, "object": "chat.completion", "choices": [choice], "usage": _usage(reply), "pmm": _pmm(reply, spoken)}


def _pmm(reply: Reply, spoken: Spoken) -> dict[str, Any]:
    """What OpenAI's form has no place for."""
    shown = {"session": spoken.session, "route": reply.route, "model": reply.model}
    return {**shown, "user_event": reply.user_event, "reply_event": reply.reply_event, "sources": [s.id for s in reply.sources]}


def _usage(reply: Reply) -> dict[str, Any]:
    prompt, said, cached = reply.usage.prompt or 0, reply.usage.completion or 0, reply.usage.cached or 0
    details = {"prompt_tokens_details": {"cached_tokens": cached}}
    return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said, **details}


async def _chunks(
    about: dict[str, Any], spoken: Spoken, first: str | None, pieces: AsyncIterator[str | None], *, usage: bool
) -> AsyncIterator[bytes]:
    """The frames of a streamed answer. Whoever stops reading them stops the turn."""
    about = {**about, "object": "chat.completion.chunk"}
    try:
        yield _chunk(about, {"role": "assistant", "content": first or ""})
        async for piece in pieces:
            yield b":\n\n" if piece is None else _chunk(about, {"content": piece})
        reply = spoken.reply
        assert reply is not None
        yield _chunk(about, {}, _FINISH.get(reply.finish, reply.finish), pmm=_pmm(reply, spoken))
        if usage:
            yield _frame({**about, "choices": [], "usage": _usage(reply)})
        yield b"data: [DONE]\n\n"
    except PMMError as error:
        yield _frame(_told(error))
    except Exception as error:  # noqa: BLE001 - the status is sent already: this is the last chance to tell
        log.exception("a turn failed", exc_info=error)
        yield _frame({"error": {"message": "something went wrong here.", "type": "server_error", "param": None, "code": None}})
    finally:
        spoken.stop()


def _chunk(about: dict[str, Any], delta: dict[str, str], finish: str | None = None, **more: Any) -> bytes:
    return _frame({**about, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], **more})


def _frame(value: Any) -> bytes:
    return b"data: %s\n\n" % shapes.encode(value)
