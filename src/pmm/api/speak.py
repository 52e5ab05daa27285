"""`POST /api/turns`: one turn, whole as JSON or piece by piece as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from pmm.api import shapes
from pmm.api.asking import SSE, Body, Here
from pmm.api.errors import Problem, log, problem_of
from pmm.api.feed import BEAT_S
from pmm.api.turns import Spoken
from pmm.errors import PMMError

router = APIRouter(tags=["turns"])


class NewTurn(Body):
    """What is said. session: which conversation it belongs to. record: false for a turn that is answered, and kept nowhere."""

    text: str = Field(min_length=1, examples=["My dog's name is Rex."])
    session: str = Field(default="main", min_length=1, max_length=200)
    record: bool = True


_REPLY = {
    "text": "Rex, then.",
    "route": "model",
    "model": "openai:gpt-x",
    "finish": "stop",
    "sources": [{"id": 12, "score": 1.4, "why": {"words": 1.4}, "place": "header", "ref": None}],
    "contradicted": [],
    "usage": {"prompt": 812, "cached": 640, "completion": 5},
    "timing": {"first_token_ms": 120.5, "total_ms": 300.1},
    "user_event": 214,
    "reply_event": 216,
}
_SAYS: dict[int | str, dict[str, Any]] = shapes.says(shapes.Reply, _REPLY, "The reply, or with Accept: text/event-stream its pieces.")
_SAYS[200]["content"] |= SSE


@router.post("/turns", responses=_SAYS)
async def turn(
    here: Here,
    request: Request,
    new: NewTurn,
    idempotency_key: Annotated[str | None, Header(max_length=400, description="Sent again, it gives the recorded outcome.")] = None,
    accept: Annotated[str, Header(description="text/event-stream for the pieces as they come.")] = "",
) -> Response:
    """Say something, and get the reply. A mind that is speaking is waited for, in line.

    As server-sent events: `waiting` ({"ahead": n}) where others come first, `piece` ({"text": ...}) as it is spoken, then `reply` with the
    whole, or `problem`. A client that goes away stops its turn; what was said is kept.
    """
    spoken = here.turns.speak(new.text, session=new.session, key=idempotency_key or None, record=new.record)
    if "text/event-stream" in accept:
        told = _pieces(spoken, here.turns.ahead(spoken))
        return StreamingResponse(told, media_type="text/event-stream", headers={"cache-control": "no-store"})
    return shapes.answer(shapes.Reply.of(await whole(spoken, request)))


async def whole(spoken: Spoken, request: Request) -> Any:
    """The reply; the turn is stopped if the client goes away."""
    gone = asyncio.create_task(_gone(request))
    gone.add_done_callback(lambda task: None if task.cancelled() else spoken.stop())
    try:
        return await spoken.whole()
    finally:
        gone.cancel()
        spoken.stop()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _pieces(spoken: Spoken, ahead: int) -> AsyncIterator[bytes]:
    """The frames of a turn. Whoever stops reading them stops the turn."""
    try:
        if ahead:
            yield frame("waiting", {"ahead": ahead})
        async for piece in beating(spoken.follow()):
            yield b":\n\n" if piece is None else frame("piece", {"text": piece})
        yield frame("reply", shapes.Reply.of(spoken.reply))
    except PMMError as error:
        yield frame("problem", problem_of(error))
    except Exception as error:  # noqa: BLE001 - the status is sent already: this is the last chance to tell
        log.exception("a turn failed", exc_info=error)
        yield frame("problem", Problem("about:blank", "Failed", 500, "something went wrong here.", "The server's own log says what."))
    finally:
        spoken.stop()


def frame(event: str, value: Any) -> bytes:
    """One server-sent event."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), shapes.encode(value))


async def beating(pieces: AsyncIterator[str]) -> AsyncIterator[str | None]:
    """The pieces, and None after each heartbeat without one."""
    coming: asyncio.Task[str] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(pieces))
            if not (await asyncio.wait([coming], timeout=BEAT_S))[0]:
                yield None
                continue
            done, coming = coming, None
            try:
                piece = done.result()
            except StopAsyncIteration:
                return
            yield piece
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError):
                await coming
