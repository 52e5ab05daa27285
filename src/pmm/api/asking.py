"""What routes ask for alike: the mind in question, a moment, an id, a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict

from pmm.api.minds import DEFAULT, Hosted
from pmm.events import INTEGER_MAX

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
