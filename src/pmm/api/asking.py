"""What routes ask for alike: the mind in question, a moment, an id, a limit."""

from __future__ import annotations

from datetime import date, datetime, time
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict

from pmm.api.minds import DEFAULT, Hosted
from pmm.errors import InvalidInput
from pmm.events import INTEGER_MAX, KINDS

if TYPE_CHECKING:
    from pmm.api.minds import Minds

LIMIT_MAX = 500
TEXT_MAX = 10_000
"""characters of a short text, such as a query or a rule"""
SSE: dict[str, Any] = {"text/event-stream": {"schema": {"type": "string"}}}


class Body(BaseModel):
    """What is sent: nothing unknown in it, nothing guessed at."""

    model_config = ConfigDict(extra="forbid", strict=True)


async def _here(request: Request) -> Hosted:
    minds: Minds = request.app.state.minds
    return await minds.get(request.path_params.get("mind", DEFAULT), make=request.method == "POST")


async def named(mind: Annotated[str, Path(description="The mind's name.", examples=["default"])]) -> None:
    """Declares the name in the path of a router that is mounted under it."""


Here = Annotated[Hosted, Depends(_here)]
Id = Annotated[int, Path(ge=1, le=INTEGER_MAX - 1, description="An event's id.")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="At most so many.")]
Before = Annotated[int | None, Query(ge=1, le=INTEGER_MAX - 1, description="Only those with a smaller id: `next` of the page before.")]
At = Annotated[str | None, Query(max_length=64, description="As of an event's id, or a time such as 2026-03-05T12:00.", examples=["214"])]


def at_of(text: str | None, *, whole_day: bool = True) -> int | datetime | None:
    """An event's id, or a time; of a day alone, its end (its beginning, if not whole_day). Raises InvalidInput."""
    if text is None:
        return None
    bare = text.strip()
    if bare.isascii() and bare.isdigit() and len(bare) < 19:
        return int(bare)
    try:
        if len(bare) == 10:
            moment = datetime.combine(date.fromisoformat(bare), time.max if whole_day else time.min)
        else:
            moment = datetime.fromisoformat(bare.replace(" ", "+") if "T" in bare else bare)  # a + that a query turned into a blank
        if 2 < moment.year < 9998:  # beyond, a zone would overflow
            return moment
    except ValueError:
        pass
    raise InvalidInput(f"{text!r} is neither an event's id nor a time.", hint="Write 214, 2026-03-05 or 2026-03-05T12:00.")


def known_kinds(named: list[str]) -> tuple[str, ...]:
    """The kinds, if there are such. Raises InvalidInput."""
    for kind in named:
        if kind not in KINDS:
            close = get_close_matches(kind[:100], KINDS, 1)
            hint = f"Did you mean {close[0]}?" if close else f"Kinds are {', '.join(sorted(KINDS))}."
            raise InvalidInput(f"there is no kind {kind[:100]!r}.", hint=hint)
    return tuple(dict.fromkeys(named))
