"""Events over HTTP: pages by id, one event, and the stream of what happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Header, Query
from starlette.responses import Response, StreamingResponse

from pmm.api import shapes
from pmm.api.asking import SSE, At, Here, Id, Limit
from pmm.api.errors import absent
from pmm.api.feed import Feed
from pmm.errors import InvalidInput
from pmm.events import INTEGER_MAX
from pmm.runtime.typed import at_of, id_of, known_kinds

if TYPE_CHECKING:
    from pmm.events import Event
    from pmm.runtime.mind import Mind

router = APIRouter(tags=["events"])

_EXAMPLE = {
    "id": 214,
    "ts": "2026-03-02T09:00:00Z",
    "kind": "user_message",
    "content": "My dog's name is Rex.",
    "source": "api",
    "session": "main",
    "key": None,
}

SOUGHT_MAX = 200
"""characters of a text that events are searched for"""

Kinds = Annotated[list[str], Query(description="Only events of these kinds; may be repeated.", examples=[["reply"]])]
Order = Annotated[Literal["newest", "oldest"], Query(description="Which come first.")]


@router.get("/events", responses=shapes.says(shapes.Page[shapes.Event], {"items": [_EXAMPLE], "next": 214}))
def events(
    here: Here,
    kind: Kinds = [],  # noqa: B006 - FastAPI copies it
    text: Annotated[str, Query(max_length=SOUGHT_MAX, description="Only events that say this; a to z are the same as A to Z.")] = "",
    after: Annotated[int, Query(ge=0, le=INTEGER_MAX, description="Only events with a larger id.")] = 0,
    before: Annotated[int | None, Query(ge=1, le=INTEGER_MAX, description="Only events with a smaller id.")] = None,
    since: At = None,
    until: At = None,
    limit: Limit = 50,
    order: Order = "newest",
) -> Response:
    """Pages of events by id. `next` is what to pass as `before` (newest first) or `after` (oldest first).

    since, until: the events recorded after, and up to, an event or a time. With `text` a page may hold fewer events than `limit`, even
    none, and yet have a `next`: a long log is looked through a part at a time.
    """
    mind = here.mind
    low, high = span_of(mind, at_of(since, whole_day=False), at_of(until))
    span = max(after, low), min(high, high if before is None else before - 1)
    page, more = page_of(mind, span, known_kinds(kind), text, limit=limit, newest=order == "newest")
    return shapes.page((e.as_dict() for e in page), more)


def span_of(mind: Mind, since: int | datetime | None, until: int | datetime | None) -> tuple[int, int]:
    """(low, high): the events recorded after, and up to, an event or a time are those with low < id <= high."""
    last = mind.log.head[0]
    return _id_at(mind, since, 0), min(last, _id_at(mind, until, last))


def _id_at(mind: Mind, at: int | datetime | None, otherwise: int) -> int:
    """The id of the last event at that time."""
    match at:
        case None:
            return otherwise
        case int():
            return at
    return mind.log.at_time(at if at.tzinfo else at.replace(tzinfo=ZoneInfo(mind.view().identity.zone)))


def page_of(
    mind: Mind, span: tuple[int, int], kinds: tuple[str, ...] = (), text: str = "", *, limit: int = 50, newest: bool = True
) -> tuple[list[Event], int | None]:
    """The first `limit` events in that order with span[0] < id <= span[1], of these kinds, that say `text`; and the id before which (after
    which, if not newest) to go on, None where this is all. With a text there may be fewer, and yet more to come: see `EventLog.find`."""
    low, high = span
    if high <= low:
        return [], None
    if text:
        found, edge = mind.log.find(text, *kinds, since=low, until=high, limit=limit, newest=newest)
        on = edge + 1 if newest and edge > low else edge if not newest and edge < high else None
        return found[::-1] if newest else found, on
    found = _between(mind, kinds, low, high, limit + 1, newest)
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def _between(mind: Mind, kinds: tuple[str, ...], low: int, high: int, limit: int, newest: bool) -> list[Event]:
    """The first `limit` events in that order, whatever they say."""
    if kinds:
        found = mind.log.by_kind(*kinds, since=low, until=high, limit=limit, newest=newest)
    elif newest:
        found = mind.log.since(max(low, high - limit), min(limit, high - low))  # ids have no gaps
    else:
        found = mind.log.since(low, min(limit, high - low))
    return found[::-1] if newest else found


@router.get("/events/stream", response_class=StreamingResponse, responses={200: {"description": "Events as they happen.", "content": SSE}})
async def stream(
    here: Here,
    kind: Kinds = [],  # noqa: B006 - FastAPI copies it
    after: Annotated[int | None, Query(ge=0, le=INTEGER_MAX, description="Begin after this event; else with what happens next.")] = None,
    last_event_id: Annotated[str | None, Header(description="Where a client that was cut off goes on; wins over `after`.")] = None,
) -> StreamingResponse:
    """Server-sent events, each with its log id: a client that sends the last one as Last-Event-ID misses nothing and gets nothing twice."""
    kinds = known_kinds(kind)
    if last_event_id:
        after = id_of(last_event_id)
        if after is None:
            raise InvalidInput("Last-Event-ID is the id of an event.", hint="It is a whole number.")
    return StreamingResponse(_told(here.feed, after, kinds), media_type="text/event-stream", headers={"cache-control": "no-store"})


async def _told(feed: Feed, after: int | None, kinds: tuple[str, ...]) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    async with aclosing(feed.frames(after)) as pages:
        async for page in pages:
            wanted = [frame.bytes for frame in page if not kinds or frame.kind in kinds]
            if wanted or not page:
                yield b"".join(wanted) or b":\n\n"


@router.get("/events/{id}", responses=shapes.says(shapes.EventShown, {**_EXAMPLE, "refers_to": []}))
def event(here: Here, id: Id) -> Response:
    """One event, with those it refers to."""
    found = here.mind.log.get(id)
    if found is None:
        raise absent(f"event {id}", "GET /api/events lists them.")
    around = [other.as_dict() for ref in found.refers_to if (other := here.mind.log.get(ref)) is not None]
    return shapes.answer(found.as_dict() | {"refers_to": around})
