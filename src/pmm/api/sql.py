"""`POST /api/sql`: a question in SQL about a mind's own tables; read-only, guarded, limited."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from pmm.api import shapes
from pmm.api.asking import TEXT_MAX, Body, Here

router = APIRouter(tags=["sql"])

ROWS_MAX = 10_000
TABLES: dict[str, tuple[str, str]] = {
    "events": ("the log itself", "id ts kind content meta key salt seal prev_hash hash"),
    "head": ("its last event", "one id hash"),
    "docs": ("messages, for recall", "id at who session origin ref prev sitting flags length words"),
    "words": ("in how many messages each word is", "word docs"),
    "superseded": ("messages that were taken back, and since which event", "id since"),
    "links": ("events and the names in them", "source relation target confidence proof"),
    "entities": ("the names", "id name label count first again sure"),
    "archive": ("facts and commitments, also those that ended", "id what about ended remind lapse lineage changed events"),
}
"""what can be asked -> what it holds, and its columns. All but the first two are derived from the log."""


class Question(Body):
    """One select."""

    query: Annotated[str, Field(min_length=1, max_length=TEXT_MAX, examples=["select kind, count(*) from events group by kind"])]
    limit: Annotated[int, Field(ge=1, le=ROWS_MAX)] = 1000


class Rows(shapes.Shape, frozen=True, kw_only=True):
    """What it gave. more: there were more rows than asked for."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool


_ANSWER = {"columns": ["kind", "count(*)"], "rows": [["user_message", 12], ["reply", 12]], "more": False}


@router.post("/sql", responses=shapes.says(Rows, _ANSWER))
def sql(here: Here, question: Question) -> Response:
    """Rows of the tables events, head, docs, words, superseded, links, entities and archive. Blobs are hexadecimal."""
    found = here.mind.sql(question.query, question.limit)
    return shapes.answer(Rows.of(found))
